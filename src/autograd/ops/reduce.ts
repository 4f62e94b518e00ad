// Sums, means, and the mean of squared differences.

import { badOption } from '../../gpu/errors.ts';
import { reduceBackward, reduceForward, type ReduceOp } from '../../kernels/reduce.ts';
import { elementsOf, sameShape, showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** y = factor · Σ f(a, b); to b the same rule with the operands swapped, since (a − b)² is symmetric. */
function reduce(tape: Recorder, name: string, op: ReduceOp, a: Tensor, b: Tensor | undefined, factor: number): Tensor {
  const params = { op, shape: a.shape, factor };
  return tape.record({
    name,
    inputs: b ? [a, b] : [a],
    shape: [1],
    forward: (y, scratch) => reduceForward(params, { a, b, y }, scratch),
    backward: [
      ({ dY, dX, accumulate }) => [reduceBackward(params, { a, b, dY, dA: dX }, accumulate)],
      b && (({ dY, dX, accumulate }) => [reduceBackward(params, { a: b, b: a, dY, dA: dX }, accumulate)]),
    ],
    isSummary: true,
    ...(op === 'squared differences' && b && { step: { kind: 'squared distance', factor, target: b } }),
  });
}

/** Σ x */
export function sum(tape: Recorder, x: Tensor): Tensor {
  return reduce(tape, 'sum', 'sum', x, undefined, 1);
}

/** Σ x / n */
export function mean(tape: Recorder, x: Tensor): Tensor {
  return reduce(tape, 'mean', 'sum', x, undefined, 1 / elementsOf(x.shape));
}

/** Σ (x − target)² / n, or Σ x² / n without a target. */
export function meanSquared(tape: Recorder, x: Tensor, target: Tensor | undefined): Tensor {
  if (target && !sameShape(x.shape, target.shape)) {
    throw badOption(
      'tape.meanSquared',
      `got shapes ${showShape(x.shape)} and ${showShape(target.shape)}`,
      'Give two tensors of one shape',
    );
  }
  const op = target ? 'squared differences' : 'squares';
  return reduce(tape, 'meanSquared', op, x, target, 1 / elementsOf(x.shape));
}
