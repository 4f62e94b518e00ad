// 2-D convolution: geometry, choice of variant, forward, backward-data, transposed.
// Shapes in, dispatches out; see conv3x3.wgsl, conv_patch.wgsl, conv_epilogue.wgsl, conv_run.wgsl,
// conv_run_subgroup8.wgsl and conv_general.wgsl. Backward-weights is in conv2d-weights.ts.
//
// Backward-data of a stride-1 convolution is a forward convolution of dY whose weights have their taps rotated and
// their channel axes swapped: the same kernels serve both. The rotation is a dispatch of its own; when the weights
// are constant the tape runs it once.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import conv3x3Code from '../wgsl/conv3x3.wgsl';
import epilogueCode from '../wgsl/conv_epilogue.wgsl';
import generalCode from '../wgsl/conv_general.wgsl';
import patchCode from '../wgsl/conv_patch.wgsl';
import runCode from '../wgsl/conv_run.wgsl';
import runSubgroup8Code from '../wgsl/conv_run_subgroup8.wgsl';
import { permuteWeights } from './permute.ts';
import { bytesOf, lanes, type ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';

/** What lies outside the image. */
export type PaddingMode = 'zero' | 'replicate' | 'reflect' | 'wrap';

/** The modes, in the order of the shaders' `mode`. */
export const PADDING_MODES: readonly PaddingMode[] = ['zero', 'replicate', 'reflect', 'wrap'];

/** Geometry of a convolution; input and output are NHWC without batch, weights [kh, kw, cin, cout]. */
export interface Conv2dParams {
  /** [h, w, cin] */
  readonly input: readonly [number, number, number];
  /** [oh, ow, cout] */
  readonly output: readonly [number, number, number];
  /** [kh, kw] */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Rows above and columns left of the image; may be negative. What is below and right follows from the output. */
  readonly pad: readonly [number, number];
  readonly mode: PaddingMode;
}

/** Buffers of a convolution. */
export interface Conv2dBuffers<B> {
  readonly x: B;
  readonly w: B;
  readonly bias?: B | undefined;
  /** Of y's shape: where it is not positive, y becomes 0 (the gradient of a ReLU). */
  readonly gate?: B | undefined;
  /** The same by gate words (gate.wgsl). Together with `words` and `unpool` for variants with gates only. */
  readonly gateWords?: B | undefined;
  /** Where to put the gate words of y, or of what is pooled into y. */
  readonly words?: B | undefined;
  /** x is the gradient of a pooled activation, these are the activation's gate words: unpooled on load. */
  readonly unpool?: { readonly kind: 'max' | 'average'; readonly words: B } | undefined;
  readonly y: B;
}

/** What happens between the sum and the store, in this order: + bias, + y (accumulate), max(·, 0), gate, pooling. */
export interface Conv2dEpilogue {
  readonly accumulate?: boolean;
  readonly relu?: boolean;
  /** 2x2 pixels become one: y is [⌊oh / 2⌋, ⌊ow / 2⌋, co]. Not with `accumulate`. */
  readonly pool?: 'max' | 'average' | undefined;
}

/** Multiply-adds (2 flops each) and compulsory bytes of one convolution; backward passes cost the same. */
export function conv2dCost({ input, output, kernel }: Conv2dParams): Cost {
  const [h, w, ci] = input;
  const [oh, ow, co] = output;
  const taps = kernel[0] * kernel[1];
  return {
    flops: 2 * oh * ow * co * taps * ci,
    bytes: 4 * (h * w * lanes(ci) + oh * ow * lanes(co) + taps * ci * lanes(co)),
  };
}

/** The kernels that can compute a forward convolution. */
export type Conv2dVariant = 'tile3x3' | 'patch' | 'run' | 'run-subgroup8' | 'general';

/** Which kernel suits a geometry on an adapter. */
export function conv2dVariant(params: Conv2dParams, target: KernelTarget): Conv2dVariant {
  const unit = [...params.stride, ...params.dilation].every((step) => step === 1);
  if (!unit) return 'general';
  const is3x3 = params.kernel[0] === 3 && params.kernel[1] === 3;
  if (!target.software) return is3x3 ? 'tile3x3' : 'run';
  if (is3x3 && (target.subgroupSize === 4 || target.subgroupSize === 8)) return 'patch';
  return target.subgroupSize === 8 ? 'run-subgroup8' : 'run';
}

/** Whether a variant's threads own whole gate words, so that it can write and apply them, pool, and unpool on load. */
export function hasGates(variant: Conv2dVariant): boolean {
  return variant === 'tile3x3' || variant === 'patch';
}

/** The start of every uniform block here. */
export function geometry({ input, output, kernel, pad, mode }: Conv2dParams): Params {
  return new Params()
    .u32(...input, ...output, ...kernel)
    .i32(...pad)
    .u32(PADDING_MODES.indexOf(mode));
}

const SHADERS = {
  tile3x3: { name: 'conv3x3', code: [conv3x3Code, epilogueCode] },
  patch: { name: 'conv_patch', code: [patchCode, epilogueCode] },
  run: { name: 'conv_run', code: runCode },
  'run-subgroup8': { name: 'conv_run_subgroup8', code: runSubgroup8Code },
  general: { name: 'conv_general', code: generalCode },
} as const;

/** Workgroups and override constants of a variant. */
function launch(
  variant: Conv2dVariant,
  { output: [oh, ow, co] }: Conv2dParams,
  target: KernelTarget,
  unpools: boolean,
): Pick<Dispatch<never>, 'entryPoint' | 'constants' | 'workgroups'> {
  if (variant === 'tile3x3') {
    // 64 output channels a workgroup, or 32 where 64 would leave half a tile idle.
    const vectors = Math.ceil(co / 32) % 2 === 0 ? 16 : 8;
    const workgroups = [Math.ceil(ow / 8), Math.ceil(oh / 8), Math.ceil(co / (4 * vectors))] as const;
    return { entryPoint: 'main', constants: { CO_VEC: vectors }, workgroups };
  }
  if (variant === 'general') {
    return { entryPoint: 'forward', workgroups: linearWorkgroups(oh * ow * (lanes(co) / 4), 64) };
  }
  if (variant === 'patch') {
    const size = target.subgroupSize!;
    const isWide = ow > 4;
    const [x, y] = linearWorkgroups(Math.ceil(oh / 4) * Math.ceil(ow / (isWide ? 8 : 4)), 1);
    const constants = { L: size, WIDE: isWide ? 1 : 0, UNPOOL: unpools ? 1 : 0 };
    return { entryPoint: 'main', constants, workgroups: [x, y, Math.ceil(co / (4 * size))] };
  }
  const threads = target.software ? 8 : 64;
  const [x, y] = linearWorkgroups(oh * Math.ceil(ow / 8), threads);
  const workgroups = [x, y, Math.ceil(co / 8)] as const;
  return variant === 'run'
    ? { entryPoint: 'main', constants: { THREADS: threads }, workgroups }
    : { entryPoint: 'main', workgroups };
}

/** The cost with what the epilogue and an unpooling on load change in the traffic. */
function fusedCost<B>(params: Conv2dParams, io: Conv2dBuffers<B>, { accumulate, pool }: Conv2dEpilogue): Cost {
  const { flops, bytes } = conv2dCost(params);
  const ofX = bytesOf(params.input);
  const ofY = bytesOf(params.output);
  const gates = (io.gate ? ofY : 0) + (io.gateWords ? ofY / 32 : 0) + (io.words ? ofY / 32 : 0);
  const unread = io.unpool ? (ofX * 3) / 4 - ofX / 32 : 0;
  return { flops, bytes: bytes + (accumulate ? ofY : 0) + gates - (pool ? (ofY * 3) / 4 : 0) - unread };
}

/** The uniform block that every forward kernel shares. */
function uniforms<B>(params: Conv2dParams, io: Conv2dBuffers<B>, epilogue: Conv2dEpilogue): Params {
  const flag = (value: unknown): number => (value ? 1 : 0);
  const poolings = [undefined, 'max', 'average'];
  return geometry(params)
    .u32(flag(io.bias), flag(epilogue.accumulate), flag(epilogue.relu), io.gateWords ? 2 : flag(io.gate))
    .i32(...params.stride, ...params.dilation)
    .u32(flag(io.words), poolings.indexOf(epilogue.pool), poolings.indexOf(io.unpool?.kind));
}

/** Lets `dispatch` do a ReLU, or the gate of a ReLU's gradient, as it stores, and an unpooling as it loads. */
function absorbing<B>(
  dispatch: Dispatch<B>,
  io: Conv2dBuffers<B>,
  epilogue: Conv2dEpilogue,
  knowsWords: boolean,
  again: (io: Conv2dBuffers<B>, epilogue: Conv2dEpilogue) => Dispatch<B>,
): Dispatch<B> {
  const isFinal = epilogue.relu || io.gate !== undefined || io.gateWords !== undefined;
  return {
    ...dispatch,
    ...(!isFinal && {
      absorb: (step, y) => {
        if (step.kind === 'relu') return again({ ...io, y }, { ...epilogue, relu: true });
        if (step.kind === 'gate') return again({ ...io, y, gate: step.by }, epilogue);
        return knowsWords ? again({ ...io, y, gateWords: step.by }, epilogue) : undefined;
      },
    }),
    ...(knowsWords && {
      absorbUnpool: ({ kind, of, words }, input) =>
        input === io.x && !io.unpool ? again({ ...io, x: of, unpool: { kind, words } }, epilogue) : undefined,
    }),
  };
}

/** y (+)= x ∗ w + bias, with the epilogue. The variant is chosen by {@link conv2dVariant} unless given. */
export function conv2dForward<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  target: KernelTarget,
  epilogue: Conv2dEpilogue = {},
  variant: Conv2dVariant = conv2dVariant(params, target),
): Dispatch<B> {
  const knowsWords = hasGates(variant);
  const inputs = [io.x, io.w, io.bias ?? io.w, io.gateWords ?? io.gate ?? io.w];
  const dispatch: Dispatch<B> = {
    label: 'conv2d',
    shader: SHADERS[variant],
    ...launch(variant, params, target, io.unpool !== undefined),
    inputs: knowsWords ? [...inputs, io.unpool?.words ?? io.w] : inputs,
    outputs: io.words ? [io.y, io.words] : [io.y],
    ...(knowsWords && !io.words && { hasSpareOutput: true }),
    updates: epilogue.accumulate ?? false,
    params: uniforms(params, io, epilogue),
    cost: fusedCost(params, io, epilogue),
  };
  return absorbing(dispatch, io, epilogue, knowsWords, (b, e) => conv2dForward(params, b, target, e, variant));
}

/**
 * The transpose of a convolution as a gather: y[q] (+)= Σ x[p]·w[t] over q = p·stride + t·dilation − pad. `params`
 * has x as `input` and y as `output`; weights [kh, kw, channels of x, channels of y]. Zero padding only.
 */
export function conv2dTransposed<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  epilogue: Conv2dEpilogue = {},
): Dispatch<B> {
  const [h, w, co] = params.output;
  const dispatch: Dispatch<B> = {
    label: 'conv2dTranspose',
    shader: SHADERS.general,
    entryPoint: 'transpose',
    inputs: [io.x, io.w, io.bias ?? io.w, io.gate ?? io.w],
    outputs: [io.y],
    updates: epilogue.accumulate ?? false,
    params: uniforms(params, io, epilogue),
    workgroups: linearWorkgroups(h * w * (lanes(co) / 4), 64),
    cost: conv2dCost(params),
  };
  return absorbing(dispatch, io, epilogue, false, (b, e) => conv2dTransposed(params, b, e));
}

/**
 * dX (+)= the transpose of {@link conv2dForward} applied to dY, for zero padding; other modes go through `pad`.
 * `w` is the forward pass's [kh, kw, cin, cout].
 */
export function conv2dBackwardData<B>(
  params: Conv2dParams,
  io: { w: B; dY: B; dX: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const { input, output, kernel, stride, dilation, pad } = params;
  const swapped = scratch([...kernel, output[2], input[2]], 'rotated');
  const weights = { shape: [...kernel, input[2], output[2]], flip: stride.every((s) => s === 1) };
  const rotate = permuteWeights(weights, { x: io.w, y: swapped });
  const transposed: Conv2dParams = { ...params, input: output, output: input, mode: 'zero' };
  if (!weights.flip) {
    return [rotate, conv2dTransposed(transposed, { x: io.dY, w: swapped, y: io.dX }, { accumulate })];
  }
  const reach = kernel.map((k, axis) => dilation[axis]! * (k - 1) - pad[axis]!);
  const rotated: Conv2dParams = { ...transposed, pad: [reach[0]!, reach[1]!] };
  return [rotate, conv2dForward(rotated, { x: io.dY, w: swapped, y: io.dX }, target, { accumulate })];
}
