// The columns of a matrix sorted: where the values of each come from, in order; and values taken from such places, with the
// gradient that goes back to them. Shapes in, dispatches out; see sort.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/sort.wgsl';
import { channelsOf, lanes, rowsOf, type ScratchOf, type Shape } from './shape.ts';

const shader = { name: 'sort', code };

/** Rows that one workgroup sorts in its own memory. */
const BLOCK = 512;

/** Values of `shape` [.., c], sorted over all axes but the last; `count` rows are taken of the result. */
export interface SortParams {
  readonly shape: Shape;
  readonly count: number;
}

/** Rows of the result: a power of two, those from the number of rows of x on stand for none. */
export function sortedRows({ shape }: Pick<SortParams, 'shape'>): number {
  return 2 ** Math.ceil(Math.log2(rowsOf(shape)));
}

/** One pass over the rows, and the length of the runs that it works towards. */
export type SortPass =
  | { readonly kind: 'blocks' | 'merge'; readonly run: number }
  /** Of rows `stride` apart, further than a workgroup's memory reaches. */
  | { readonly kind: 'compare'; readonly run: number; readonly stride: number };

/** The passes that sort `size` rows, a power of two: one up to 512, 10 for 4,096, 36 for 65,536. */
export function sortPasses(size: number): SortPass[] {
  const passes: SortPass[] = [{ kind: 'blocks', run: Math.min(size, BLOCK) }];
  for (let run = 2 * BLOCK; run <= size; run *= 2) {
    for (let stride = run / 2; stride >= BLOCK; stride /= 2) passes.push({ kind: 'compare', run, stride });
    passes.push({ kind: 'merge', run });
  }
  return passes;
}

/** One flop a comparison; every pass reads and writes keys and places. */
export function sortCost({ shape }: Pick<SortParams, 'shape'>): Cost {
  const size = sortedRows({ shape });
  const [c, steps] = [lanes(channelsOf(shape)), Math.log2(size)];
  return { flops: (size / 2) * c * ((steps * (steps + 1)) / 2), bytes: 16 * size * c * sortPasses(size).length };
}

function uniforms({ shape, count }: SortParams, [run, stride]: readonly [number, number], isMasked: boolean, accumulate: boolean): Params {
  const c = channelsOf(shape);
  return new Params().u32(rowsOf(shape), sortedRows({ shape }), lanes(c) / 4, c, run, stride, count, isMasked ? 1 : 0, accumulate ? 1 : 0);
}

/**
 * places[i, c] = the row of the i-th smallest value of column c, [{@link sortedRows}, c]; equal values in the order of their
 * rows. Rows where `mask` [.., 1] is not above 0 come behind all others, as do values that are not finite.
 */
export function sortForward<B>(
  params: Pick<SortParams, 'shape'>,
  io: { x: B; mask?: B | undefined; places: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const { shape } = params;
  const size = sortedRows(params);
  const vectors = lanes(channelsOf(shape)) / 4;
  const passes = sortPasses(size);
  const keys = scratch([size, channelsOf(shape)], 'sort keys');
  const { flops, bytes } = sortCost(params);
  return passes.map((pass): Dispatch<B> => ({
    label: `sort ${pass.kind}`,
    shader,
    entryPoint: pass.kind,
    inputs: pass.kind === 'blocks' ? [io.x, io.mask ?? io.x] : [],
    outputs: [keys, io.places],
    ...(pass.kind !== 'blocks' && { updates: true }),
    params: uniforms({ shape, count: 0 }, [pass.run, pass.kind === 'compare' ? pass.stride : 0], io.mask !== undefined, false),
    workgroups:
      pass.kind === 'compare'
        ? linearWorkgroups((size / 2) * vectors, 64)
        : linearWorkgroups((size / Math.min(size, BLOCK)) * vectors, 1),
    cost: { flops: flops / passes.length, bytes: bytes / passes.length },
  }));
}

/** Values and places once. */
export function takeCost({ shape, count }: SortParams): Cost {
  return { flops: 0, bytes: 12 * count * lanes(channelsOf(shape)) };
}

/** y[i, c] = x[places[i, c], c] for the first `count` rows of places: [count, c]. */
export function takeForward<B>(params: SortParams, io: { x: B; places: B; y: B }): Dispatch<B> {
  const vectors = (params.count * lanes(channelsOf(params.shape))) / 4;
  return {
    label: 'take',
    shader,
    entryPoint: 'take',
    inputs: [io.x, io.places],
    outputs: [io.y],
    params: uniforms(params, [0, 0], false, false),
    workgroups: linearWorkgroups(vectors, 64),
    cost: takeCost(params),
  };
}

/** dX[places[i, c], c] (+)= dY[i, c] for the first `count` rows, and 0 for the others. Each column of places is a permutation. */
export function takeBackward<B>(params: SortParams, io: { places: B; dY: B; dX: B }, accumulate: boolean): Dispatch<B> {
  const rows = rowsOf(params.shape);
  return {
    label: 'take/backward',
    shader,
    entryPoint: 'scatter',
    inputs: [io.dY, io.places],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, [0, 0], false, accumulate),
    workgroups: linearWorkgroups((rows * lanes(channelsOf(params.shape))) / 4, 64),
    cost: takeCost({ ...params, count: rows }),
  };
}
