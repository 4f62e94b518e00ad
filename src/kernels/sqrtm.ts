// The square root of a symmetric positive definite matrix by products alone: the coupled Newton–Schulz iteration, and for
// its gradient the iteration that solves the Lyapunov equation Y·Q + Q·Y = dY (Lin and Maji, Improved Bilinear Pooling with
// CNNs, 2017; the form of crowsonkb's sqrtm.py). See matmul.wgsl, unary.wgsl and binary.wgsl.

import type { Cost, Dispatch } from '../gpu/dispatch.ts';
import { binary } from './binary.ts';
import { matmul, matmulCost } from './matmul.ts';
import { reduceForward } from './reduce.ts';
import type { ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';
import { unaryForward } from './unary.ts';

/**
 * Matrices [n, n], and how often to iterate: roots of eigenvalues below 2.25^−steps of ‖A‖ come out too small. What rounding
 * leaves below 0 grows by 2.25 a step: of covariances and their products, up to 20 steps stay finite in f32
 * (512 channels, 96 pixels; 2026-11-27), 24 do not.
 */
export interface SqrtmParams {
  readonly n: number;
  readonly steps: number;
}

/** Three products a step forward, six backward. */
export function sqrtmCost({ n, steps }: SqrtmParams, direction: 'forward' | 'backward'): Cost {
  const { flops, bytes } = matmulCost({ m: n, n, k: n });
  const products = steps * (direction === 'forward' ? 3 : 6);
  return { flops: products * flops, bytes: products * bytes };
}

/** Keeps the reciprocal norm of a matrix of zeros finite. */
const TINY = 1e-30;

/** Dispatches over [n, n] matrices, in order. */
function calculator<B>(n: number, target: KernelTarget, scratch: ScratchOf<B>) {
  const shape = [n, n];
  const dispatches: Dispatch<B>[] = [];
  const product = (a: B, b: B, factor: number, c: B, accumulate: boolean): B => {
    // One chunk: what is multiplied next may not wait for a sum of partial products.
    dispatches.push(...matmul({ m: n, n, k: n, factor, splits: 1 }, { a, b, c }, target, accumulate, scratch));
    return c;
  };
  return {
    dispatches,
    /** c (+)= factor · A·B. */
    product: (a: B, b: B, factor = 1, c = scratch(shape, 'product'), accumulate = false): B =>
      product(a, b, factor, c, accumulate),
    /** alpha · I + factor · A·B. */
    shiftedProduct(identity: B, alpha: number, a: B, b: B, factor: number): B {
      const c = scratch(shape, 'product');
      dispatches.push(unaryForward({ op: 'scale', shape, factor: alpha }, { x: identity, y: c }));
      return product(a, b, factor, c, true);
    },
    /** 1 / ‖A‖, a scalar [1]. */
    reciprocalNorm(a: B): B {
      const squares = scratch([1], 'norm²');
      dispatches.push(...reduceForward({ op: 'squares', shape, factor: 1 }, { a, y: squares }, scratch));
      return this.rsqrt(squares);
    },
    /** 1 / √s of a scalar. */
    rsqrt(s: B): B {
      const r = scratch([1], 'reciprocal root');
      dispatches.push(unaryForward({ op: 'rsqrt', shape: [1], factor: TINY }, { x: s, y: r }));
      return r;
    },
    /** s · A. */
    scaled(a: B, s: B, c = scratch(shape, 'scaled')): B {
      dispatches.push(binary({ op: 'multiply', shape, a: 'same', b: 'scalar' }, { a, b: s, y: c }));
      return c;
    },
  };
}

/** y = A^½: Y ← Y·T, Z ← T·Z with T = (3I − Z·Y) / 2, from Y = A / ‖A‖ and Z = I. `identity` is I, [n, n]; `inverse` is A^−½. */
export function sqrtmForward<B>(
  { n, steps }: SqrtmParams,
  io: { a: B; identity: B; y: B; inverse?: B | undefined },
  target: KernelTarget,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const on = calculator(n, target, scratch);
  const r = on.reciprocalNorm(io.a);
  let y = on.scaled(io.a, r);
  let z = io.identity;
  for (let step = 1; step <= steps; step++) {
    const t = on.shiftedProduct(io.identity, 1.5, z, y, -0.5);
    y = on.product(y, t);
    if (step < steps || io.inverse) z = on.product(t, z);
  }
  const root = on.rsqrt(r); // √‖A‖
  on.scaled(y, root, io.y);
  if (io.inverse) on.scaled(on.scaled(z, r), root, io.inverse); // 1 / √‖A‖ = √‖A‖ / ‖A‖
  return on.dispatches;
}

/** dA (+)= dY · A^−½ / 2: where dY commutes with A, as that of a trace does. */
export function sqrtmBackwardCommuting<B>(
  { n }: SqrtmParams,
  io: { inverse: B; dY: B; dA: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const on = calculator(n, target, scratch);
  on.product(io.dY, io.inverse, 0.5, io.dA, accumulate);
  return on.dispatches;
}

/** dA (+)= Q with Y·Q + Q·Y = dY, for symmetric y. */
export function sqrtmBackward<B>(
  { n, steps }: SqrtmParams,
  io: { y: B; identity: B; dY: B; dA: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const on = calculator(n, target, scratch);
  const r = on.reciprocalNorm(io.y);
  let a = on.scaled(io.y, r);
  let q = on.scaled(io.dY, r);
  for (let step = 1; step <= steps; step++) {
    const isLast = step === steps;
    const s = on.shiftedProduct(io.identity, 3, a, a, -1);
    const u = on.product(q, a, -1, on.product(a, q), true);
    // Q ← (Q·S − A·U) / 2; the limit is twice the solution.
    const half = isLast ? 0.25 : 0.5;
    const next = isLast ? on.product(q, s, half, io.dA, accumulate) : on.product(q, s, half);
    q = on.product(a, u, -half, next, true);
    if (!isLast) a = on.product(a, s, 0.5);
  }
  return on.dispatches;
}
