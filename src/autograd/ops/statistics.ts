// Statistics of features and what is done with them: means and standard deviations, square roots of covariances.

import { badOption } from '../../gpu/errors.ts';
import { meanStdBackward, meanStdForward } from '../../kernels/mean-std.ts';
import { channelsOf, showShape } from '../../kernels/shape.ts';
import { sqrtmBackward, sqrtmBackwardCommuting, sqrtmForward } from '../../kernels/sqrtm.ts';
import type { Recorder } from '../recorder.ts';
import { Tensor } from '../tensor.ts';

/** y[0] = μ, y[1] = √(σ² + ε) per channel; dX = (dμ + dσ·(x − μ) / σ) / rows. */
export function meanStd(tape: Recorder, x: Tensor, epsilon: number): Tensor {
  if (x.shape.length < 2) throw badOption('tape.meanStd', `got shape ${showShape(x.shape)}`, 'Give [h, w, c]');
  if (!(Number.isFinite(epsilon) && epsilon > 0)) {
    throw badOption('tape.meanStd epsilon', `got ${epsilon}`, 'Give a number above 0');
  }
  const params = { shape: x.shape, epsilon };
  return tape.record({
    name: 'meanStd',
    inputs: [x],
    shape: [2, channelsOf(x.shape)],
    forward: (y, scratch) => meanStdForward(params, { x, y }, scratch),
    backward: [({ y, dY, dX, accumulate }) => [meanStdBackward(params, { x, y, dY, dX }, accumulate)]],
    isSummary: true,
  });
}

const identities = new WeakMap<Recorder, Map<number, Tensor>>();

/** The identity [n, n], one for each tape and size; it goes when the tape goes. */
export function identity(tape: Recorder, n: number): Tensor {
  let known = identities.get(tape);
  if (!known) identities.set(tape, (known = new Map<number, Tensor>()));
  let tensor = known.get(n);
  if (!tensor) {
    tensor = tape.constant([n, n], Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)), 'identity');
    known.set(n, tensor);
  }
  return tensor;
}

/** y = a^½ for symmetric positive definite a; dA solves y·dA + dA·y = dY, which is dY·a^−½ / 2 where dY commutes with a. */
export function sqrtm(tape: Recorder, a: Tensor, steps: number, commutes: boolean): Tensor {
  const [n, columns] = a.shape;
  if (a.shape.length !== 2 || n === undefined || n !== columns) {
    throw badOption('tape.sqrtm', `got shape ${showShape(a.shape)}`, 'Give a square matrix [n, n]');
  }
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= 100)) {
    throw badOption('tape.sqrtm steps', `got ${steps}`, 'Give a whole number from 1 to 100');
  }
  const one = identity(tape, n);
  const params = { n, steps };
  const { target } = tape;
  const inverse = commutes ? new Tensor('value', a.shape, 'inverse') : undefined;
  return tape.record({
    name: 'sqrtm',
    inputs: [a, one],
    shape: [n, n],
    forward: (y, scratch) => sqrtmForward(params, { a, identity: one, y, inverse }, target, scratch),
    backward: [
      ({ y, dY, dX, accumulate, scratch }) =>
        inverse
          ? sqrtmBackwardCommuting(params, { inverse, dY, dA: dX }, target, accumulate, scratch)
          : sqrtmBackward(params, { y, identity: one, dY, dA: dX }, target, accumulate, scratch),
      undefined,
    ],
  });
}
