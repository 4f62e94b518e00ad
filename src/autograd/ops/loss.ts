// Ops that losses are made of: total variation, and the weighted vector of terms.

import { badOption } from '../../gpu/errors.ts';
import { sameShape, showShape } from '../../kernels/shape.ts';
import {
  totalVariationBackward,
  totalVariationForward,
  totalVariationTogether,
  VARIATIONS,
  type VariationForm,
  type VariationWindow,
} from '../../kernels/total-variation.ts';
import { weighBackward, weighForward } from '../../kernels/weigh.ts';
import type { Recorder } from '../recorder.ts';
import type { BackwardRule, Tensor } from '../tensor.ts';

/** L_tv in one of its forms, each a sum over differences of neighbours. */
export function totalVariation(
  tape: Recorder,
  x: Tensor,
  form: VariationForm,
  wraps: boolean,
  window?: VariationWindow,
): Tensor {
  if (x.shape.length !== 3) {
    throw badOption('tape.totalVariation', `got shape ${showShape(x.shape)}`, 'Give an image [h, w, c]');
  }
  if (!VARIATIONS.includes(form)) {
    throw badOption('tape.totalVariation form', `got ${String(form)}`, `Give one of ${VARIATIONS.join(', ')}`);
  }
  if (window && !window.size.every((size, i) => size > 0 && window.begin[i]! >= 0 && window.begin[i]! + size <= x.shape[i]!)) {
    throw badOption(
      'tape.totalVariation window',
      `a window of ${showShape(window.size)} at ${showShape(window.begin)} is not inside ${showShape(x.shape)}`,
      'Give one begin ≥ 0 and one size > 0 for rows and columns',
    );
  }
  const params = { shape: x.shape as [number, number, number], form, wraps, window };
  return tape.record({
    name: 'totalVariation',
    inputs: [x],
    shape: [1],
    forward: (y, scratch) => totalVariationForward(params, { x, y }, scratch),
    backward: [({ dY, dX, accumulate }) => [totalVariationBackward(params, { x, dY, dX }, accumulate)]],
    together: ({ y, dY, dX, accumulate, scratch }) =>
      totalVariationTogether(params, { x, y, dY, dX }, accumulate, scratch),
    isSummary: true,
  });
}

/** y[i] = weights[i] · terms[i]; dTerm_i = weights[i] · dY[i]. Weights are data here and get no gradient. */
export function weigh(tape: Recorder, terms: readonly Tensor[], weights: Tensor): Tensor {
  if (!sameShape(weights.shape, [terms.length]) || !terms.every(({ shape }) => sameShape(shape, [1]))) {
    throw badOption(
      'tape.weigh',
      `got ${terms.length} terms and weights ${showShape(weights.shape)}`,
      'Give scalars [1] and one weight for each',
    );
  }
  return tape.record({
    name: 'weigh',
    inputs: [...terms, weights],
    shape: [terms.length],
    forward: (y) => weighForward({ terms, weights, y }),
    backward: [
      ...terms.map((_, i): BackwardRule => ({ dY, dX, accumulate }) => [
        weighBackward(i, { weights, dY, dTerm: dX }, accumulate),
      ]),
      undefined,
    ],
  });
}
