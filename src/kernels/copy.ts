// Copies between layouts: a box of one tensor to a place in another, and reshaping. Shapes in, dispatches out; see
// copy.wgsl. Channels need not be multiples of four; where the last axis moves as whole vec4s, vec4s are moved.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing } from '../gpu/storage.ts';
import code from '../wgsl/copy.wgsl';
import { channelsOf, elementsOf, rowsOf, vectorsOf, type Shape } from './shape.ts';

const shader = storedShader('copy', [code], ['X', 'Y']);

/** y[p] (+)= x[p + shift] for p in a box of y; all four lists have one number per axis. */
export interface CopyParams {
  readonly from: Shape;
  readonly to: Shape;
  /** First element of the box in y. */
  readonly begin: readonly number[];
  /** Elements of the box along each axis. */
  readonly size: readonly number[];
  /** From a place in y to its source in x; what lies outside x reads as zero. */
  readonly shift: readonly number[];
}

/** Which entry point can copy a box. */
export type CopyVariant = 'vectors' | 'elements';

/**
 * `vectors` where source and target lie alike in their vec4s and the box ends with a vec4, or at the end of x, whose
 * padding is zero anyway.
 */
export function copyVariant({ from, begin, size, shift }: CopyParams): CopyVariant {
  const [b, n, s] = [channelsOf(begin), channelsOf(size), channelsOf(shift)];
  const endsWell = (b + n) % 4 === 0 || b + n + s >= channelsOf(from);
  return b % 4 === 0 && s % 4 === 0 && endsWell ? 'vectors' : 'elements';
}

/** vec4s of y that the box touches. */
function touched({ begin, size }: CopyParams): number {
  const vectors = Math.ceil((channelsOf(begin) + channelsOf(size)) / 4) - Math.floor(channelsOf(begin) / 4);
  return rowsOf(size) * vectors;
}

/** No arithmetic; the box read and written once. */
export function copyCost(params: CopyParams): Cost {
  return { flops: 0, bytes: 32 * touched(params) };
}

/** Four numbers, `fill` in front. */
function four(list: readonly number[], fill: number): number[] {
  return [...new Array<number>(4 - list.length).fill(fill), ...list];
}

/**
 * y[box] (+)= x[box + shift]. Without `accumulate`, the rest of a vec4 that the box touches is kept below the box and
 * becomes zero above it: copies that fill y along its last axis must come in rising order.
 */
export function copyBox<B>(params: CopyParams, io: { x: B; y: B }, accumulate = false): Dispatch<B> {
  const { from, to, begin, size, shift } = params;
  return {
    label: 'copy',
    ...storing(shader, ['X'], ['Y']),
    entryPoint: copyVariant(params),
    inputs: [io.x],
    outputs: [io.y],
    updates: accumulate || channelsOf(begin) % 4 !== 0,
    params: new Params()
      .i32(...four(from, 1), ...four(to, 1), ...four(begin, 0), ...four(size, 1), ...four(shift, 0))
      .u32(accumulate ? 1 : 0),
    workgroups: linearWorkgroups(touched(params), 64),
    cost: copyCost(params),
  };
}

/** y (+)= the elements of x in row-major order, in another shape with as many elements. */
export function reshapeCopy<B>(
  { from, to }: { readonly from: Shape; readonly to: Shape },
  io: { x: B; y: B },
  accumulate = false,
): Dispatch<B> {
  const same = channelsOf(from) === channelsOf(to) || (channelsOf(from) % 4 === 0 && channelsOf(to) % 4 === 0);
  if (same) {
    // Both lie in memory alike.
    const flat = [4 * vectorsOf(to)];
    return copyBox({ from: flat, to: flat, begin: [0], size: flat, shift: [0] }, io, accumulate);
  }
  const zeros = [0, 0, 0, 0];
  return {
    label: 'reshape',
    ...storing(shader, ['X'], ['Y']),
    entryPoint: 'reshape',
    inputs: [io.x],
    outputs: [io.y],
    updates: accumulate,
    params: new Params()
      .i32(...four(from, 1), ...four(to, 1), ...zeros, ...four(to, 1), ...zeros)
      .u32(accumulate ? 1 : 0),
    workgroups: linearWorkgroups(vectorsOf(to), 64),
    cost: { flops: 0, bytes: 4 * elementsOf(from) + 16 * vectorsOf(to) },
  };
}
