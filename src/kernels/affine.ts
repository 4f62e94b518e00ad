// Per-channel shift and scale. Shapes in, dispatches out; see affine.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/affine.wgsl';
import { channelsOf, lanes, vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'affine', code };

/** Two flops an element, moved twice. */
export function affineCost(shape: Shape): Cost {
  return { flops: 8 * vectorsOf(shape), bytes: 32 * vectorsOf(shape) };
}

/** y = (x − center) · gain per channel; x and y of `shape` [.., c], center and gain [c]. Its gradient is dY · gain. */
export function affineForward<B>(shape: Shape, io: { x: B; center: B; gain: B; y: B }): Dispatch<B> {
  const vectors = vectorsOf(shape);
  return {
    label: 'affine',
    shader,
    inputs: [io.x, io.center, io.gain],
    outputs: [io.y],
    params: new Params().u32(vectors, lanes(channelsOf(shape)) / 4),
    workgroups: linearWorkgroups(vectors, 64),
    cost: affineCost(shape),
  };
}
