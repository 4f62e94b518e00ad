// Patches of features: the largest score of each, and the distance to what it belongs to. Functions and no methods of the
// tape, so that only runs that compare patches load them.

import { badOption } from '../../gpu/errors.ts';
import { nearestForward, PATCH, patchDistanceBackward, patchDistanceForward } from '../../kernels/patches.ts';
import { elementsOf, sameShape, showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** Options of {@link argmax}. */
export interface ArgmaxOptions {
  /** Added to indices: where x is a part of more columns. Default 0. */
  readonly first?: number;
  /** The result for earlier columns, which stands where it is as large. */
  readonly before?: Tensor;
}

/** y[.., 0] = max over the last axis, y[.., 1] = its index, the first of equals. An index has no derivative. */
export function argmax(tape: Recorder, x: Tensor, { first = 0, before }: ArgmaxOptions = {}): Tensor {
  const shape = [...x.shape.slice(0, -1), 2];
  if (before && !sameShape(before.shape, shape)) {
    throw badOption('argmax before', `got ${showShape(before.shape)}`, `Give ${showShape(shape)}`);
  }
  return tape.record({
    name: 'argmax',
    inputs: before ? [x, before] : [x],
    shape,
    forward: (best) => [nearestForward({ shape: x.shape, first }, { x, before, best })],
    backward: before ? [undefined, undefined] : [undefined],
    isSummary: true,
  });
}

/** What patches are compared with: see {@link patchDistance}. */
export interface PatchMatches {
  /** Pixels of one or more feature maps: [pixels, c]. */
  readonly source: Tensor;
  /** Of each source patch, the row of `source` of its upper left pixel, and the width of its map: [patches, 2]. */
  readonly table: Tensor;
  /** Indices into `table`, from {@link argmax}: [h − 2, w − 2, 2]. */
  readonly best: Tensor;
  /** [h − 2, w − 2, 1] */
  readonly weight: Tensor;
}

/** y = factor · Σ w ‖3x3 patch − match‖² over all patches of x [h, w, c]; dX = 2 · factor · dy · Σ w (x − match) over the patches a pixel is in. */
export function patchDistance(tape: Recorder, x: Tensor, matches: PatchMatches, factor: number = 1): Tensor {
  const where = 'patchDistance';
  const { source, table, best, weight } = matches;
  const [h, w, c] = x.shape as [number, number, number];
  const patches = [h + 1 - PATCH, w + 1 - PATCH];
  const fits =
    x.shape.length === 3 &&
    Math.min(h, w) >= PATCH &&
    source.shape.length === 2 &&
    source.shape[1] === c &&
    sameShape(table.shape, [table.shape[0]!, 2]) &&
    sameShape(best.shape, [...patches, 2]) &&
    sameShape(weight.shape, [...patches, 1]) &&
    Math.max(elementsOf(source.shape) / c, table.shape[0]!) < 2 ** 24;
  if (!fits) {
    const shapes = [x, source, table, best, weight].map(({ shape }) => showShape(shape)).join(', ');
    throw badOption(where, `got shapes ${shapes}`, 'Give [h, w, c], [pixels, c], [patches, 2], [h - 2, w - 2, 2] and [h - 2, w - 2, 1]');
  }
  const params = { shape: [h, w, c], factor } as const;
  return tape.record({
    name: 'patchDistance',
    inputs: [x, source, table, best, weight],
    shape: [1],
    forward: (y, scratch) => patchDistanceForward(params, { x, ...matches, y }, scratch),
    backward: [
      ({ dY, dX, accumulate }) => [patchDistanceBackward(params, { x, ...matches, dY, dX }, accumulate)],
      ...[undefined, undefined, undefined, undefined],
    ],
    isSummary: true,
  });
}
