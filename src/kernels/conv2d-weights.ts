// Backward-weights of a 2-D convolution: sums over pixels, in chunks of rows so that there are threads enough and f32 sums
// stay short; a second step adds the chunks up in order. Shapes in, dispatches out; see conv_weights.wgsl and
// conv_weights_patch.wgsl.

import { linearWorkgroups, type Dispatch } from '../gpu/dispatch.ts';
import weightsCode from '../wgsl/conv_weights.wgsl';
import patchCode from '../wgsl/conv_weights_patch.wgsl';
import outsideCode from '../wgsl/outside.wgsl';
import { conv2dCost, geometry, type Conv2dParams } from './conv2d.ts';
import { lanes, type ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';

/** Most bytes of partial sums that backward-weights may use. */
const PARTIAL_BYTES = 8 * 2 ** 20;

/** A chunk has at most about so many pixels where partial sums of that many are affordable. */
const CHUNK_PIXELS = 4096;

/** `patch` hands values round in a subgroup; `partial` does any geometry. */
export type WeightsVariant = 'patch' | 'partial';

/** Which kernel sums over the pixels. */
export function weightsVariant({ kernel, stride, dilation }: Conv2dParams, target: KernelTarget): WeightsVariant {
  const { software, subgroupSize } = target;
  const isPlain3x3 = kernel.every((k) => k === 3) && [...stride, ...dilation].every((step) => step === 1);
  return isPlain3x3 && software && (subgroupSize === 4 || subgroupSize === 8) ? 'patch' : 'partial';
}

/** Workgroups of one chunk, before they are folded into two dimensions. */
function groupsOf({ input, output, kernel }: Conv2dParams, target: KernelTarget, variant: WeightsVariant): number {
  const [ci4, co4] = [lanes(input[2]) / 4, lanes(output[2]) / 4];
  if (variant === 'patch') return ci4 * Math.ceil(co4 / target.subgroupSize!);
  return Math.ceil((kernel[0] * Math.ceil(kernel[1] / 3) * ci4 * Math.ceil(co4 / 2)) / 64);
}

/** Into how many chunks of rows the pixels are split: enough workgroups, short sums, bounded scratch. */
export function weightChunks(
  params: Conv2dParams,
  target: KernelTarget,
  variant: WeightsVariant = weightsVariant(params, target),
): {
  readonly chunks: number;
  readonly rowsPerChunk: number;
} {
  const { input, output, kernel } = params;
  const bytes = kernel[0] * kernel[1] * input[2] * lanes(output[2]) * 4;
  const forThreads = (target.software ? 16 : 256) / groupsOf(params, target, variant);
  const forLength = (output[0] * output[1]) / CHUNK_PIXELS;
  const wanted = Math.min(Math.ceil(Math.max(forThreads, forLength)), Math.floor(PARTIAL_BYTES / bytes));
  const rowsPerChunk = Math.ceil(output[0] / Math.max(1, Math.min(wanted, output[0])));
  return { chunks: Math.ceil(output[0] / rowsPerChunk), rowsPerChunk };
}

/** dW[t, i, o] (+)= Σ over pixels p of x[p·stride + t·dilation − pad, i] · dY[p, o], any padding mode. */
export function conv2dBackwardWeights<B>(
  params: Conv2dParams,
  io: { x: B; dY: B; dW: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
  variant: WeightsVariant = weightsVariant(params, target),
): Dispatch<B>[] {
  const { input, output, kernel, stride, dilation } = params;
  const { chunks, rowsPerChunk } = weightChunks(params, target, variant);
  const taps = kernel[0] * kernel[1];
  const part = scratch([chunks, taps, input[2], output[2]], 'partial dW');
  const uniforms = geometry(params)
    .u32(rowsPerChunk, chunks, accumulate ? 1 : 0)
    .i32(...stride, ...dilation);
  const shader = { name: 'conv_weights', code: [weightsCode, outsideCode] };
  const vectors = taps * input[2] * (lanes(output[2]) / 4);
  const [x, y] = linearWorkgroups(groupsOf(params, target, variant), 1);
  return [
    {
      label: 'conv2d/dW partial',
      ...(variant === 'patch'
        ? { shader: { name: 'conv_weights_patch', code: [patchCode, outsideCode] }, constants: { L: target.subgroupSize! } }
        : { shader, entryPoint: 'partial' }),
      inputs: [io.x, io.dY],
      outputs: [part],
      params: uniforms,
      workgroups: [x, y, chunks],
      cost: conv2dCost(params),
    },
    {
      label: 'conv2d/dW',
      shader,
      entryPoint: 'finish',
      inputs: [part],
      outputs: [io.dW],
      updates: accumulate,
      params: uniforms,
      workgroups: linearWorkgroups(vectors, 64),
      cost: { flops: 4 * chunks * vectors, bytes: 16 * (chunks + 1) * vectors },
    },
  ];
}
