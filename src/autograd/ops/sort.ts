// Sorted columns: the order, which has no derivative, and the values in that order, whose gradient goes back to where they came
// from. Functions and no methods of the tape, so that only runs that sort load them.

import { badOption } from '../../gpu/errors.ts';
import { channelsOf, rowsOf, sameShape, showShape } from '../../kernels/shape.ts';
import { sortedRows, sortForward, takeBackward, takeForward } from '../../kernels/sort.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** Rows are counted in f32. */
const MOST_ROWS = 2 ** 24;

/**
 * Of every channel of x [.., c] the pixels in the order of their values, upwards: y[i, c] = the row of the i-th smallest, equal
 * ones in the order of their rows. Of y [n, c], n a power of two, the rows beyond those of x stand for none. Pixels whose
 * `mask` [.., 1] is not above 0 come behind all others.
 */
export function argsort(tape: Recorder, x: Tensor, mask?: Tensor): Tensor {
  const where = 'argsort';
  if (x.shape.length < 2 || rowsOf(x.shape) >= MOST_ROWS) {
    throw badOption(where, `got shape ${showShape(x.shape)}`, `Give [h, w, c] of fewer than ${MOST_ROWS} pixels`);
  }
  if (mask && !sameShape(mask.shape, [...x.shape.slice(0, -1), 1])) {
    throw badOption(`${where} mask`, `got ${showShape(mask.shape)} for ${showShape(x.shape)}`, 'Give one value per pixel, [h, w, 1]');
  }
  const params = { shape: x.shape };
  return tape.record({
    name: 'argsort',
    inputs: mask ? [x, mask] : [x],
    shape: [sortedRows(params), channelsOf(x.shape)],
    forward: (places, scratch) => sortForward(params, { x, mask, places }, scratch),
    backward: mask ? [undefined, undefined] : [undefined],
    isSummary: true,
  });
}

/** y[i, c] = x[places[i, c], c], the first `count` rows in the order of {@link argsort}: [count, c]. dX[places[i, c], c] = dY[i, c]. */
export function take(tape: Recorder, x: Tensor, places: Tensor, count: number = rowsOf(x.shape)): Tensor {
  const where = 'take';
  const c = channelsOf(x.shape);
  const params = { shape: x.shape, count };
  if (x.shape.length < 2 || !sameShape(places.shape, [sortedRows(params), c])) {
    throw badOption(where, `got places ${showShape(places.shape)} for ${showShape(x.shape)}`, 'Give what argsort makes of the same shape');
  }
  if (!(Number.isInteger(count) && count >= 1 && count <= rowsOf(x.shape))) {
    throw badOption(`${where} count`, `got ${count} of ${rowsOf(x.shape)} rows`, 'Give a whole number from 1 to the rows there are');
  }
  return tape.record({
    name: 'take',
    inputs: [x, places],
    shape: [count, c],
    forward: (y) => [takeForward(params, { x, places, y })],
    backward: [({ dY, dX, accumulate }) => [takeBackward(params, { places, dY, dX }, accumulate)], undefined],
    isSummary: true,
  });
}
