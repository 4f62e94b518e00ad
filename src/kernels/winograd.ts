// 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3): 36 multiply-adds do what 144 do directly, at the price of
// transforms of input, weights and output. Shapes in, dispatches out; see winograd_weights.wgsl, winograd_input.wgsl,
// winograd_product.wgsl, winograd_product_subgroup.wgsl and winograd_output.wgsl.
//
//   tile  4x4 outputs, and the 6x6 inputs that they depend on
//   band  rows of tiles that are worked on together: transformed input and products of a band fit into bounded scratch
//
// Where it pays is measured, by `tune`: transformed weights take four times the memory, a band three dispatches, and bytes depend on
// where the tiles lie. On software adapters (2026-11-27, two cores): lavapipe 1.5 to 2.2 times as fast as the direct kernel from
// 16 tiles and 64 channels on; SwiftShader 1.25 to 1.9 times from 128 channels on, level at 64.
//
// Error in f32 (2026-11, uniform values against float64): 1e-5 of the RMS at 64 channels, ten times that of direct sums.

import { linearWorkgroups, type Dispatch, Params } from '../gpu/dispatch.ts';
import { storedShader, storing, UNREAD } from '../gpu/storage.ts';
import epilogueCode from '../wgsl/conv_epilogue.wgsl';
import gateWordCode from '../wgsl/gate_word.wgsl';
import inputCode from '../wgsl/winograd_input.wgsl';
import outsideCode from '../wgsl/outside.wgsl';
import outputCode from '../wgsl/winograd_output.wgsl';
import productCode from '../wgsl/winograd_product.wgsl';
import productSubgroupCode from '../wgsl/winograd_product_subgroup.wgsl';
import weightsCode from '../wgsl/winograd_weights.wgsl';
import {
  absorbing,
  convolutionUniforms,
  fusedCost,
  PADDING_MODES,
  type Conv2dBuffers,
  type Conv2dEpilogue,
  type Conv2dParams,
} from './conv2d.ts';
import { lanes, type ScratchOf, type Shape } from './shape.ts';
import type { KernelTarget } from './target.ts';

const inputShader = storedShader('winograd_input', [inputCode, gateWordCode, outsideCode], ['X']);
const outputShader = storedShader('winograd_output', [outputCode, epilogueCode, gateWordCode], ['Y']);

const MIB = 2 ** 20;

/** Most bytes of transformed input, and as many of products, unless told otherwise. */
const BAND_BYTES = 12 * MIB;

/** Whether the geometry is one that F(4x4, 3x3) computes. */
export function hasWinograd({ kernel, stride, dilation }: Conv2dParams): boolean {
  return kernel.every((k) => k === 3) && [...stride, ...dilation].every((step) => step === 1);
}

/** Rows of tiles in the image and in a band, and tiles in a row. */
export interface WinogradBands {
  readonly down: number;
  readonly across: number;
  readonly rowsPerBand: number;
}

/** Splits the image into bands whose scratch stays under `bandBytes` each, of one row of tiles at least. */
export function winogradBands({ input, output }: Conv2dParams, bandBytes: number = BAND_BYTES): WinogradBands {
  const [down, across] = [Math.ceil(output[0] / 4), Math.ceil(output[1] / 4)];
  const rowBytes = 36 * 4 * across * Math.max(lanes(input[2]), lanes(output[2]));
  return { down, across, rowsPerBand: Math.max(1, Math.min(down, Math.floor(bandBytes / rowBytes))) };
}

/** The shape of the transformed weights. */
export function winogradWeightsShape({ input, output }: Conv2dParams): Shape {
  return [36, input[2], output[2]];
}

/** u = G g Gᵀ of weights w [3, 3, cin, cout]: once where they are constant. */
export function winogradWeights<B>(params: Conv2dParams, io: { w: B; u: B }): Dispatch<B> {
  const [ci, co] = [params.input[2], params.output[2]];
  const vectors = (ci * lanes(co)) / 4;
  return {
    label: 'winograd/weights',
    shader: { name: 'winograd_weights', code: weightsCode },
    inputs: [io.w],
    outputs: [io.u],
    params: new Params().u32(ci, co),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 4 * 9 * 13 * vectors, bytes: 16 * 45 * vectors },
  };
}

/** One band: its first row of tiles, its rows of tiles, tiles in a row. */
interface Band {
  readonly firstRow: number;
  readonly rows: number;
  readonly across: number;
}

/** v = Bᵀ d B of a band of x. */
function transformInput<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  v: B,
  target: KernelTarget,
  band: Band,
): Dispatch<B> {
  const { input, pad, mode } = params;
  const threads = target.software ? 8 : 64;
  const tiles = band.rows * band.across;
  const values = tiles * lanes(input[2]);
  return {
    label: 'winograd/input',
    ...storing(inputShader, ['X', io.unpool ? undefined : UNREAD], []),
    constants: { THREADS: threads },
    inputs: [io.x, io.unpool?.words ?? io.x],
    outputs: [v],
    params: new Params()
      .u32(...input)
      .i32(...pad)
      .u32(PADDING_MODES.indexOf(mode), band.across, band.firstRow, tiles)
      .u32([undefined, 'max', 'average'].indexOf(io.unpool?.kind)),
    workgroups: linearWorkgroups(values, threads),
    cost: { flops: 12 * 13 * values, bytes: 4 * (16 + 36) * values },
    ...(!io.unpool && {
      absorbUnpool: ({ kind, of, words }, from) =>
        from === io.x ? transformInput(params, { ...io, x: of, unpool: { kind, words } }, v, target, band) : undefined,
    }),
  };
}

/** m = v u, 36 products of matrices. */
function product<B>(params: Conv2dParams, io: { v: B; u: B; m: B }, target: KernelTarget, tiles: number): Dispatch<B> {
  const [ci, co] = [params.input[2], params.output[2]];
  const size = target.software ? target.subgroupSize : undefined;
  const isTall = tiles > 16;
  const rows = isTall ? 32 : 16;
  const bytes = 4 * 36 * (tiles * (lanes(ci) + lanes(co)) + ci * lanes(co));
  const common = {
    label: 'winograd/product',
    inputs: [io.v, io.u],
    outputs: [io.m],
    params: new Params().u32(tiles, ci, co),
    cost: { flops: 2 * 36 * tiles * ci * co, bytes },
  };
  if (size !== 4 && size !== 8) {
    const shader = { name: 'winograd_product', code: productCode };
    return { ...common, shader, workgroups: [Math.ceil(tiles / 64), Math.ceil(co / 64), 36] };
  }
  return {
    ...common,
    shader: { name: 'winograd_product_subgroup', code: productSubgroupCode },
    constants: { L: size, TALL: isTall ? 1 : 0 },
    workgroups: [Math.ceil(tiles / rows), Math.ceil(co / (4 * size)), 36],
  };
}

/**
 * y (+)= x ∗ w + bias with the epilogue of {@link conv2dForward}, where `io.w` holds the transformed weights
 * {@link winogradWeights}. Three dispatches a band. Backward-data is the same of dY with weights that were rotated
 * before they were transformed.
 */
export function winograd<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  target: KernelTarget,
  epilogue: Conv2dEpilogue,
  scratch: ScratchOf<B>,
  bandBytes: number = BAND_BYTES,
): Dispatch<B>[] {
  const { down, across, rowsPerBand } = winogradBands(params, bandBytes);
  const most = rowsPerBand * across;
  const v = scratch([36, most, params.input[2]], 'winograd input');
  const m = scratch([36, most, params.output[2]], 'winograd products');
  const dispatches: Dispatch<B>[] = [];
  for (let firstRow = 0; firstRow < down; firstRow += rowsPerBand) {
    const band = { firstRow, rows: Math.min(rowsPerBand, down - firstRow), across };
    dispatches.push(
      transformInput(params, io, v, target, band),
      product(params, { v, u: io.w, m }, target, band.rows * across),
      transformOutput(params, io, m, target, epilogue, band),
    );
  }
  return dispatches;
}

/** y (+)= Aᵀ m A of a band, with the epilogue. */
function transformOutput<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  m: B,
  target: KernelTarget,
  epilogue: Conv2dEpilogue,
  band: Band,
): Dispatch<B> {
  const { firstRow, rows, across } = band;
  const threads = target.software ? 8 : 64;
  const tiles = rows * across;
  const vectors = (tiles * lanes(params.output[2])) / 4;
  const share = (4 * rows) / params.output[0];
  const isWhole = share >= 1;
  const dispatch: Dispatch<B> = {
    label: 'winograd/output',
    ...storing(outputShader, [], ['Y']),
    constants: { THREADS: threads },
    inputs: [m, m, io.bias ?? m, io.gateWords ?? io.gate ?? m, m],
    outputs: io.words ? [io.y, io.words] : [io.y],
    ...(!io.words && { hasSpareOutput: true }),
    // Bands write parts: what the bands before wrote is still wanted.
    updates: (epilogue.accumulate ?? false) || firstRow > 0,
    params: convolutionUniforms(params, io, epilogue).u32(firstRow, tiles),
    workgroups: linearWorkgroups(vectors, threads),
    cost: { flops: 4 * 10 * 13 * vectors, bytes: 16 * 36 * vectors + share * fusedCost(params, io, epilogue).bytes },
  };
  // A step that only one of several bands took would be a step on a part of y.
  if (!isWhole) return dispatch;
  return absorbing(dispatch, io, epilogue, (b, e) => transformOutput(params, b, m, target, e, band));
}
