// Matrix products and Gram matrices.

import { badOption } from '../../gpu/errors.ts';
import {
  gramBackward,
  gramForward,
  gramLossBackward,
  gramLossForward,
  type GramLossParams,
} from '../../kernels/gram.ts';
import { matmul as product } from '../../kernels/matmul.ts';
import { channelsOf, rowsOf, showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import { Tensor, type OpDescription } from '../tensor.ts';

/** Options of {@link Tape.matmul}. */
export interface MatmulOptions {
  /** Uses the transpose of a. */
  readonly transposeA?: boolean;
  /** Uses the transpose of b. */
  readonly transposeB?: boolean;
}

/**
 * C = A·B; dA = dC·Bᵀ, dB = Aᵀ·dC, and their transposes where an operand is transposed. Axes before the last of `a`
 * count as rows.
 */
export function matmul(tape: Recorder, a: Tensor, b: Tensor, options: MatmulOptions): Tensor {
  const { transposeA = false, transposeB = false } = options;
  const rows = [rowsOf(a.shape), channelsOf(a.shape)] as const;
  const [m, k] = transposeA ? [rows[1], rows[0]] : rows;
  const columns = [rowsOf(b.shape), channelsOf(b.shape)] as const;
  const [kb, n] = transposeB ? [columns[1], columns[0]] : columns;
  if (a.shape.length < 2 || b.shape.length !== 2 || k !== kb || (transposeA && a.shape.length !== 2)) {
    throw badOption(
      'tape.matmul',
      `got shapes ${showShape(a.shape)}${transposeA ? 'ᵀ' : ''} and ${showShape(b.shape)}${transposeB ? 'ᵀ' : ''}`,
      'Give [.., k] and [k, n]',
    );
  }
  const { target } = tape;
  return tape.record({
    name: 'matmul',
    inputs: [a, b],
    shape: transposeA ? [m, n] : [...a.shape.slice(0, -1), n],
    forward: (y, scratch) => product({ m, n, k, transposeA, transposeB }, { a, b, c: y }, target, false, scratch),
    backward: [
      ({ dY, dX, accumulate, scratch }) =>
        transposeA // d(Aᵀ) = B·dCᵀ
          ? product(
              { m: k, n: m, k: n, transposeA: transposeB, transposeB: true },
              { a: b, b: dY, c: dX },
              target,
              accumulate,
              scratch,
            )
          : product({ m, n: k, k: n, transposeB: !transposeB }, { a: dY, b, c: dX }, target, accumulate, scratch),
      ({ dY, dX, accumulate, scratch }) =>
        transposeB // d(Bᵀ) = dCᵀ·A
          ? product(
              { m: n, n: k, k: m, transposeA: true, transposeB: transposeA },
              { a: dY, b: a, c: dX },
              target,
              accumulate,
              scratch,
            )
          : product({ m: k, n, k: m, transposeA: !transposeA }, { a, b: dY, c: dX }, target, accumulate, scratch),
    ],
  });
}

/** G = factor · FᵀF over all rows of x (eq. 3); dX = factor · F·(dG + dGᵀ). */
export function gram(tape: Recorder, x: Tensor, factor: number): Tensor {
  if (x.shape.length < 2) throw badOption('tape.gram', `got shape ${showShape(x.shape)}`, 'Give [h, w, c]');
  const c = channelsOf(x.shape);
  const params = { shape: x.shape, factor };
  const { target } = tape;
  return tape.record({
    name: 'gram',
    inputs: [x],
    shape: [c, c],
    forward: (g, scratch) => gramForward(params, { x, g }, target, scratch),
    backward: [
      ({ dY, dX, accumulate, scratch }) => gramBackward(params, { x, dG: dY, dX }, target, accumulate, scratch),
    ],
    isSummary: true,
    join: ({ step, name }, flows) => {
      if (step.kind !== 'squared distance' || flows(step.target)) return undefined;
      return gramDistance(tape, x, { ...params, lossFactor: step.factor }, step.target, `${name}(gram)`);
    },
  });
}

/** y = lossFactor · Σ (G − A)², whose residual is kept for dX = 2 · lossFactor · dy · factor · F·((G − A) + (G − A)ᵀ). */
function gramDistance(tape: Recorder, x: Tensor, params: GramLossParams, target: Tensor, name: string): OpDescription {
  const kernels = tape.target;
  const c = channelsOf(x.shape);
  const d = new Tensor('value', [c, c], `${name}/residual`);
  return {
    name,
    inputs: [x, target],
    shape: [1],
    forward: (y, scratch) => gramLossForward(params, { x, target, d, y }, kernels, scratch),
    backward: [
      ({ dY, dX, accumulate, scratch }) => gramLossBackward(params, { x, d, dY, dX }, kernels, accumulate, scratch),
      undefined,
    ],
    isSummary: true,
  };
}
