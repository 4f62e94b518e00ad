// Per-channel shift and scale. Shapes in, dispatches out; see affine.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/affine.wgsl';
import { channelsOf, lanes, vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'affine', code };

/** Two flops an element, moved twice. */
export function affineCost(shape: Shape): Cost {
  return { flops: 8 * vectorsOf(shape), bytes: 32 * vectorsOf(shape) };
}

function affine<B>(
  label: string,
  shape: Shape,
  io: { x: B; center?: B; gain: B; y: B },
  accumulate: boolean,
): Dispatch<B> {
  const vectors = vectorsOf(shape);
  return {
    label,
    shader,
    inputs: [io.x, io.center ?? io.gain, io.gain],
    outputs: [io.y],
    updates: accumulate,
    params: new Params().u32(vectors, lanes(channelsOf(shape)) / 4, io.center ? 1 : 0, accumulate ? 1 : 0),
    workgroups: linearWorkgroups(vectors, 64),
    cost: affineCost(shape),
  };
}

/** y = (x − center) · gain per channel; x and y of `shape` [.., c], center and gain [c]. */
export function affineForward<B>(shape: Shape, io: { x: B; center: B; gain: B; y: B }): Dispatch<B> {
  return affine('affine', shape, io, false);
}

/** dX (+)= dY · gain per channel. */
export function affineBackward<B>(shape: Shape, io: { gain: B; dY: B; dX: B }, accumulate: boolean): Dispatch<B> {
  return affine('affine/backward', shape, { x: io.dY, gain: io.gain, y: io.dX }, accumulate);
}
