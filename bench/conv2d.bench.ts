// 3x3 convolutions at the shapes of VGG-19's blocks: the naive kernel first, then ours forward and backward.

import {
  conv2dBackwardData,
  conv2dBackwardWeights,
  conv2dCost,
  conv2dForward,
  conv2dVariant,
  kernelTarget,
  Params,
  type Conv2dParams,
  type Dispatch,
  type Shape,
} from 'wgpu-style/kernels';
import { dispatchWork, filled, readFloats, type Bench } from './harness.ts';
import naiveCode from './naive_conv.wgsl';

/** Layer, by how much its side is smaller than the picture's, channels in and out. */
const LAYERS = [
  ['conv1_2', 1, 64, 64],
  ['conv2_2', 2, 128, 128],
  ['conv3_2', 4, 256, 256],
  ['conv4_2', 8, 512, 512],
] as const;

type MakeDispatches = (scratch: (shape: Shape) => GPUBuffer) => Dispatch<GPUBuffer>[];

export async function benchConv2d({ device, side, measure }: Bench): Promise<void> {
  const target = kernelTarget(device);
  for (const [layer, shrink, ci, co] of LAYERS) {
    const n = Math.max(1, Math.floor(side / shrink));
    const params: Conv2dParams = {
      input: [n, n, ci],
      output: [n, n, co],
      kernel: [3, 3],
      stride: [1, 1],
      dilation: [1, 1],
      pad: [1, 1],
      mode: 'zero',
    };
    const cost = conv2dCost(params);
    const run = async (variant: string, make: MakeDispatches): Promise<void> => {
      const temporary: GPUBuffer[] = [];
      const scratch = (shape: Shape): GPUBuffer => {
        const buffer = filled(device, shape);
        temporary.push(buffer);
        return buffer;
      };
      const work = await dispatchWork(device, make(scratch), cost, temporary);
      await measure('conv2d', `${layer} ${n}x${n} ${ci}>${co}`, variant, work);
      work.destroy();
    };
    const x = filled(device, [n, n, ci]);
    const w = filled(device, [3, 3, ci, co]);
    const y = filled(device, [n, n, co]);
    await run('naive', () => [naive(params, { x, w, y })]);
    const expected = await readFloats(device, y);
    await run(`forward (${conv2dVariant(params, target)})`, () => [conv2dForward(params, { x, w, y }, target)]);
    compare(await readFloats(device, y), expected, layer);
    // The tape turns constant weights around once, so the turning is not part of an iteration.
    await run('backward-data', (scratch) =>
      conv2dBackwardData(params, { w, dY: y, dX: x }, target, false, scratch).slice(-1),
    );
    await run('backward-weights', (scratch) => conv2dBackwardWeights(params, { x, dY: y, dW: w }, target, false, scratch));
    for (const buffer of [x, w, y]) buffer.destroy();
  }
}

/** Two float32 sums of up to 4,608 products in different orders agree to 1e-4 of the RMS; a wrong kernel does not. */
function compare(got: Float32Array, expected: Float32Array, layer: string): void {
  const rms = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  if (!(worst <= 1e-4 * rms)) throw new Error(`${layer}: the two kernels differ by ${worst / rms} of the RMS`);
}

function naive(params: Conv2dParams, { x, w, y }: { x: GPUBuffer; w: GPUBuffer; y: GPUBuffer }): Dispatch<GPUBuffer> {
  const [h, width, co] = params.output;
  const groups = Math.ceil((h * width * co) / 64);
  return {
    label: 'naive',
    shader: { name: 'naive_conv', code: naiveCode },
    inputs: [x, w],
    outputs: [y],
    params: new Params().u32(h, width, params.input[2], co),
    workgroups: [Math.min(groups, 32768), Math.ceil(groups / 32768), 1],
    cost: conv2dCost(params),
  };
}
