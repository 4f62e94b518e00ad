// 2-D convolution: geometry, choice of variant, the kernels of one dispatch, transposed.
// Shapes in, dispatches out; see conv3x3.wgsl, conv_patch.wgsl, conv_epilogue.wgsl, conv_run.wgsl,
// conv_run_subgroup8.wgsl and conv_general.wgsl. By any method, and backward-data: convolve.ts; backward-weights:
// conv2d-weights.ts.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing, type StoredShader } from '../gpu/storage.ts';
import conv3x3Code from '../wgsl/conv3x3.wgsl';
import epilogueCode from '../wgsl/conv_epilogue.wgsl';
import generalCode from '../wgsl/conv_general.wgsl';
import patchCode from '../wgsl/conv_patch.wgsl';
import runCode from '../wgsl/conv_run.wgsl';
import runSubgroup8Code from '../wgsl/conv_run_subgroup8.wgsl';
import runsCode from '../wgsl/conv_runs.wgsl';
import gateWordCode from '../wgsl/gate_word.wgsl';
import outsideCode from '../wgsl/outside.wgsl';
import { bytesOf, lanes } from './shape.ts';
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

/** What can compute a convolution: a variant in one dispatch, or `winograd` (see winograd.ts) in three a band. */
export type Conv2dMethod = Conv2dVariant | 'winograd';

function isUnit({ stride, dilation }: Conv2dParams): boolean {
  return [...stride, ...dilation].every((step) => step === 1);
}

function is3x3({ kernel }: Conv2dParams): boolean {
  return kernel[0] === 3 && kernel[1] === 3;
}

/** Lanes of subgroups that the kernels for software adapters are written for. */
function hasLanes({ software, subgroupSize }: KernelTarget): boolean {
  return software && (subgroupSize === 4 || subgroupSize === 8);
}

/** What can compute a geometry on an adapter, and is worth a measurement. */
export function conv2dCandidates(params: Conv2dParams, target: KernelTarget): readonly Conv2dMethod[] {
  if (!isUnit(params)) return ['general'];
  const runs: Conv2dMethod[] = target.software && target.subgroupSize === 8 ? ['run-subgroup8'] : ['run', 'general'];
  if (!is3x3(params)) return runs;
  if (!target.software) return ['tile3x3', 'run', 'winograd'];
  return hasLanes(target) ? ['patch', 'winograd'] : runs;
}

/** The class of shapes that a geometry is measured with; undefined for those that only one kernel computes. */
export function conv2dClass(params: Conv2dParams): string | undefined {
  if (!isUnit(params)) return undefined;
  const { kernel, input, output } = params;
  const width = (channels: number): string => (channels < 24 ? 'few' : channels < 96 ? 'some' : 'many');
  const pixels = output[0] * output[1];
  const size = pixels <= 16 ? 'tiny' : pixels <= 512 ? 'small' : pixels <= 8192 ? 'medium' : 'large';
  const kind = is3x3(params) ? '3x3' : kernel[1] === 1 ? 'narrow' : 'wide';
  return `${kind} ${width(input[2])}>${width(output[2])} ${size}`;
}

/** What `tune` found fastest for this class on this adapter, if it can compute it; else the rule. */
export function conv2dMethod(params: Conv2dParams, target: KernelTarget): Conv2dMethod {
  const tuned = target.tuned?.[conv2dClass(params) ?? ''];
  return conv2dCandidates(params, target).find((method) => method === tuned) ?? conv2dRule(params, target);
}

/** The same among the kernels of one dispatch. */
export function conv2dVariant(params: Conv2dParams, target: KernelTarget): Conv2dVariant {
  const method = conv2dMethod(params, target);
  return method === 'winograd' ? conv2dRule(params, target) : method;
}

/** Which kernel suits a geometry on an adapter, as far as was known when this was written. */
function conv2dRule(params: Conv2dParams, target: KernelTarget): Conv2dVariant {
  if (!isUnit(params)) return 'general';
  if (!target.software) return is3x3(params) ? 'tile3x3' : 'run';
  if (is3x3(params) && hasLanes(target)) return 'patch';
  if (target.subgroupSize === 8) return 'run-subgroup8';
  return params.kernel[1] === 1 ? 'general' : 'run'; // nothing to slide along
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

const SHADERS: Readonly<Record<Conv2dVariant, StoredShader>> = {
  tile3x3: storedShader('conv3x3', [conv3x3Code, epilogueCode, gateWordCode, outsideCode], ['X', 'Y']),
  patch: storedShader('conv_patch', [patchCode, epilogueCode, gateWordCode, outsideCode], ['X', 'Y']),
  run: storedShader('conv_run', [runCode, runsCode, outsideCode], ['X', 'Y']),
  'run-subgroup8': storedShader('conv_run_subgroup8', [runSubgroup8Code, runsCode, outsideCode], ['X', 'Y']),
  general: storedShader('conv_general', [generalCode, runsCode, outsideCode], ['X', 'Y']),
};

/** Workgroups and override constants of a variant. */
function launch(
  variant: Conv2dVariant,
  { output: [oh, ow, co] }: Conv2dParams,
  target: KernelTarget,
  unpools: boolean,
): Pick<Dispatch<never>, 'constants' | 'workgroups'> {
  if (variant === 'tile3x3') {
    // 64 output channels a workgroup, or 32 where 64 would leave half a tile idle.
    const vectors = Math.ceil(co / 32) % 2 === 0 ? 16 : 8;
    const workgroups = [Math.ceil(ow / 8), Math.ceil(oh / 8), Math.ceil(co / (4 * vectors))] as const;
    return { constants: { CO_VEC: vectors }, workgroups };
  }
  const threads = target.software ? 8 : 64;
  if (variant === 'patch') {
    const size = target.subgroupSize!;
    const isWide = ow > 4;
    const [x, y] = linearWorkgroups(Math.ceil(oh / 4) * Math.ceil(ow / (isWide ? 8 : 4)), 1);
    const constants = { L: size, WIDE: isWide ? 1 : 0, UNPOOL: unpools ? 1 : 0 };
    return { constants, workgroups: [x, y, Math.ceil(co / (4 * size))] };
  }
  const [x, y] = linearWorkgroups(oh * Math.ceil(ow / 8), threads);
  const workgroups = [x, y, Math.ceil(co / 8)] as const;
  if (variant === 'run-subgroup8') return { workgroups };
  const constants = { THREADS: threads, ...(variant === 'general' && { TRANSPOSE: 0 }) };
  return { constants, workgroups };
}

/** The cost of a forward convolution with what the epilogue and an unpooling on load change in the traffic. */
export function fusedCost<B>(params: Conv2dParams, io: Conv2dBuffers<B>, { accumulate, pool }: Conv2dEpilogue): Cost {
  const { flops, bytes } = conv2dCost(params);
  const ofX = bytesOf(params.input);
  const ofY = bytesOf(params.output);
  const gates = (io.gate ? ofY : 0) + (io.gateWords ? ofY / 32 : 0) + (io.words ? ofY / 32 : 0);
  const unread = io.unpool ? (ofX * 3) / 4 - ofX / 32 : 0;
  return { flops, bytes: bytes + (accumulate ? ofY : 0) + gates - (pool ? (ofY * 3) / 4 : 0) - unread };
}

/** The uniform block that every forward kernel shares. */
export function convolutionUniforms<B>(params: Conv2dParams, io: Conv2dBuffers<B>, epilogue: Conv2dEpilogue): Params {
  const flag = (value: unknown): number => (value ? 1 : 0);
  const poolings = [undefined, 'max', 'average'];
  return geometry(params)
    .u32(flag(io.bias), flag(epilogue.accumulate), flag(epilogue.relu), io.gateWords ? 2 : flag(io.gate))
    .i32(...params.stride, ...params.dilation)
    .u32(flag(io.words), poolings.indexOf(epilogue.pool), poolings.indexOf(io.unpool?.kind));
}

/** Lets `dispatch` do a ReLU, or the gate of a ReLU's gradient, as it stores. */
export function absorbing<B>(
  dispatch: Dispatch<B>,
  io: Conv2dBuffers<B>,
  epilogue: Conv2dEpilogue,
  again: (io: Conv2dBuffers<B>, epilogue: Conv2dEpilogue) => Dispatch<B>,
  knowsWords = true,
): Dispatch<B> {
  if (epilogue.relu || io.gate !== undefined || io.gateWords !== undefined) return dispatch;
  return {
    ...dispatch,
    absorb: (step, y) => {
      if (step.kind === 'relu') return again({ ...io, y }, { ...epilogue, relu: true });
      if (step.kind === 'gate') return again({ ...io, y, gate: step.by }, epilogue);
      return knowsWords ? again({ ...io, y, gateWords: step.by }, epilogue) : undefined;
    },
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
  const again = (b: Conv2dBuffers<B>, e: Conv2dEpilogue): Dispatch<B> => conv2dForward(params, b, target, e, variant);
  const inputs = [io.x, io.w, io.bias ?? io.w, io.gateWords ?? io.gate ?? io.w];
  const dispatch: Dispatch<B> = {
    label: 'conv2d',
    ...storing(SHADERS[variant], ['X'], ['Y']),
    ...launch(variant, params, target, io.unpool !== undefined),
    inputs: knowsWords ? [...inputs, io.unpool?.words ?? io.w] : inputs,
    outputs: io.words ? [io.y, io.words] : [io.y],
    ...(knowsWords && !io.words && { hasSpareOutput: true }),
    updates: epilogue.accumulate ?? false,
    params: convolutionUniforms(params, io, epilogue),
    cost: fusedCost(params, io, epilogue),
    ...(knowsWords && {
      absorbUnpool: ({ kind, of, words }, input) =>
        input === io.x && !io.unpool ? again({ ...io, x: of, unpool: { kind, words } }, epilogue) : undefined,
    }),
  };
  return absorbing(dispatch, io, epilogue, again, knowsWords);
}

/**
 * The transpose of a convolution as a gather: y[q] (+)= Σ x[p]·w[t] over q = p·stride + t·dilation − pad. `params`
 * has x as `input` and y as `output`; weights [kh, kw, channels of x, channels of y]. Zero padding only.
 */
export function conv2dTransposed<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  target: KernelTarget,
  epilogue: Conv2dEpilogue = {},
): Dispatch<B> {
  const [h, w, co] = params.output;
  const apart = params.stride[1];
  const threads = target.software ? 8 : 64;
  const [x, y] = linearWorkgroups(h * apart * Math.ceil(Math.ceil(w / apart) / 8), threads);
  const dispatch: Dispatch<B> = {
    label: 'conv2dTranspose',
    ...storing(SHADERS.general, ['X'], ['Y']),
    constants: { THREADS: threads, TRANSPOSE: 1 },
    inputs: [io.x, io.w, io.bias ?? io.w, io.gate ?? io.w],
    outputs: [io.y],
    updates: epilogue.accumulate ?? false,
    params: convolutionUniforms(params, io, epilogue),
    workgroups: [x, y, Math.ceil(co / 8)],
    cost: conv2dCost(params),
  };
  return absorbing(dispatch, io, epilogue, (b, e) => conv2dTransposed(params, b, target, e), false);
}
