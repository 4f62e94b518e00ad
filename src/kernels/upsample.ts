// Enlarging an image by whole factors, forward and backward. Shapes in, dispatches out; see upsample.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/upsample.wgsl';
import { vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'upsample', code };

/** An image and how much larger it gets. */
export interface UpsampleParams {
  /** [h, w, c] of the small image. */
  readonly shape: Shape;
  /** Whole factors [vertical, horizontal]. */
  readonly factor: readonly [number, number];
  readonly mode: 'nearest' | 'bilinear';
}

/** [h · factor, w · factor, c] */
export function upsampledShape({ shape, factor }: UpsampleParams): [number, number, number] {
  return [shape[0]! * factor[0], shape[1]! * factor[1], shape[2]!];
}

/** Bilinear takes three interpolations of three flops an element; every tensor moved once. */
export function upsampleCost(params: UpsampleParams): Cost {
  const large = vectorsOf(upsampledShape(params));
  const flops = params.mode === 'bilinear' ? 36 * large : 4 * large;
  return { flops, bytes: 16 * (large + vectorsOf(params.shape)) };
}

function dispatch<B>(
  params: UpsampleParams,
  entryPoint: 'forward' | 'backward',
  input: B,
  output: B,
  accumulate: boolean,
): Dispatch<B> {
  const { shape, factor, mode } = params;
  const written = entryPoint === 'forward' ? upsampledShape(params) : shape;
  return {
    label: entryPoint === 'forward' ? 'upsample' : 'upsample/backward',
    shader,
    entryPoint,
    constants: { BILINEAR: mode === 'bilinear' ? 1 : 0 },
    inputs: [input],
    outputs: [output],
    updates: accumulate,
    params: new Params()
      .u32(shape[0]!, shape[1]!, ...factor)
      .u32(Math.ceil(shape[2]! / 4), accumulate ? 1 : 0),
    workgroups: linearWorkgroups(vectorsOf(written), 64),
    cost: upsampleCost(params),
  };
}

/** y = x enlarged; y has {@link upsampledShape}. */
export function upsampleForward<B>(params: UpsampleParams, io: { x: B; y: B }): Dispatch<B> {
  return dispatch(params, 'forward', io.x, io.y, false);
}

/** dX (+)= the transpose of {@link upsampleForward} applied to dY. */
export function upsampleBackward<B>(
  params: UpsampleParams,
  io: { dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  return dispatch(params, 'backward', io.dY, io.dX, accumulate);
}
