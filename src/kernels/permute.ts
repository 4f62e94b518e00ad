// Weights [kh, kw, ci, co] → [kh, kw, co, ci], and rotated: what turns a convolution into its transpose.
// Shapes in, dispatches out; see permute.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/permute.wgsl';
import { channelsOf, elementsOf, lanes, rowsOf, type Shape } from './shape.ts';

/** Swaps the channel axes of convolution weights. */
export interface PermuteWeightsParams {
  /** [kh, kw, ci, co] of the input; the output is [kh, kw, co, ci]. */
  readonly shape: Shape;
  /** Reverse both kernel axes too: rotation by 180 degrees. */
  readonly flip: boolean;
}

/** No arithmetic; every byte once. */
export function permuteWeightsCost({ shape }: PermuteWeightsParams): Cost {
  const co = channelsOf(shape);
  const ci = channelsOf(shape.slice(0, -1));
  const taps = elementsOf(shape.slice(0, -2));
  return { flops: 0, bytes: 4 * taps * (ci * lanes(co) + co * lanes(ci)) };
}

/** y[t, o, i] (+)= x[t′, i, o], t′ = t or the tap opposite to it. Linear: its transpose is itself on the output's shape. */
export function permuteWeights<B>(
  params: PermuteWeightsParams,
  io: { x: B; y: B },
  accumulate = false,
): Dispatch<B> {
  const co = channelsOf(params.shape);
  const ci = channelsOf(params.shape.slice(0, -1));
  const taps = rowsOf(params.shape) / ci;
  return {
    label: 'permuteWeights',
    shader: { name: 'permute', code },
    inputs: [io.x],
    outputs: [io.y],
    updates: accumulate,
    params: new Params().u32(taps, ci, co, params.flip ? 1 : 0, accumulate ? 1 : 0),
    workgroups: linearWorkgroups((taps * lanes(ci) * lanes(co)) / 16, 64),
    cost: permuteWeightsCost(params),
  };
}
