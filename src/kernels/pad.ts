// Padding of an image: zeros, the border repeated, mirrored, or the opposite side. Shapes in, dispatches out; see
// pad.wgsl. The convolution's modes other than zero are differentiated through this kernel.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import outsideCode from '../wgsl/outside.wgsl';
import code from '../wgsl/pad.wgsl';
import { PADDING_MODES, type PaddingMode } from './conv2d.ts';
import { vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'pad', code: [code, outsideCode] };

/** Rows and columns around an image. */
export interface PadParams {
  /** [h, w, c] of the image without its padding. */
  readonly shape: Shape;
  /** [top, right, bottom, left]; negative ones cut off. Under `reflect` each must be smaller than the image. */
  readonly pads: readonly [number, number, number, number];
  readonly mode: PaddingMode;
}

/** [h + top + bottom, w + left + right, c] */
export function paddedShape({ shape, pads: [top, right, bottom, left] }: PadParams): [number, number, number] {
  return [shape[0]! + top + bottom, shape[1]! + left + right, shape[2]!];
}

/** Both images moved once; at most one addition per padded element. */
export function padCost(params: PadParams): Cost {
  const vectors = vectorsOf(paddedShape(params));
  return { flops: 4 * vectors, bytes: 16 * (vectors + vectorsOf(params.shape)) };
}

function dispatch<B>(
  params: PadParams,
  entryPoint: 'forward' | 'backward',
  input: B,
  output: B,
  accumulate: boolean,
): Dispatch<B> {
  const { shape, pads, mode } = params;
  const [ph, pw, c] = paddedShape(params);
  const written = entryPoint === 'forward' ? [ph, pw, c] : shape;
  return {
    label: entryPoint === 'forward' ? 'pad' : 'pad/backward',
    shader,
    entryPoint,
    inputs: [input],
    outputs: [output],
    updates: accumulate,
    params: new Params()
      .u32(shape[0]!, shape[1]!, ph, pw, Math.ceil(c / 4))
      .i32(pads[0], pads[3])
      .u32(PADDING_MODES.indexOf(mode), accumulate ? 1 : 0),
    workgroups: linearWorkgroups(vectorsOf(written), 64),
    cost: padCost(params),
  };
}

/** y = x with its margins; y has {@link paddedShape}. */
export function padForward<B>(params: PadParams, io: { x: B; y: B }): Dispatch<B> {
  return dispatch(params, 'forward', io.x, io.y, false);
}

/** dX (+)= for every pixel the sum of dY over all places that show it, in scan order. */
export function padBackward<B>(params: PadParams, io: { dY: B; dX: B }, accumulate: boolean): Dispatch<B> {
  return dispatch(params, 'backward', io.dY, io.dX, accumulate);
}
