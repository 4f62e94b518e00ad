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

/** Three products a step forward, six backward; three for a trace with its gradient. */
export function sqrtmCost({ n, steps }: SqrtmParams, direction: 'forward' | 'backward' | 'trace'): Cost {
  const { flops, bytes } = matmulCost({ m: n, n, k: n });
  const products = steps * (direction === 'backward' ? 6 : 3);
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

/** (A / ‖A‖)^½, 1 / ‖A‖, and where it is wanted (A / ‖A‖)^−½: Y ← Y·T, Z ← T·Z with T = (3I − Z·Y) / 2, from A / ‖A‖ and I. */
function coupled<B>(
  on: ReturnType<typeof calculator<B>>,
  { a, identity }: { a: B; identity: B },
  steps: number,
  wantsInverse: boolean,
): { y: B; z: B; r: B } {
  const r = on.reciprocalNorm(a);
  let y = on.scaled(a, r);
  let z = identity;
  for (let step = 1; step <= steps; step++) {
    const t = on.shiftedProduct(identity, 1.5, z, y, -0.5);
    y = on.product(y, t);
    if (wantsInverse || step < steps) z = on.product(t, z);
  }
  return { y, z, r };
}

/** y = A^½. `identity` is I, [n, n]. */
export function sqrtmForward<B>(
  { n, steps }: SqrtmParams,
  io: { a: B; identity: B; y: B },
  target: KernelTarget,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const on = calculator(n, target, scratch);
  const { y, r } = coupled(on, io, steps, false);
  on.scaled(y, on.rsqrt(r), io.y); // 1 / √(1 / ‖A‖)
  return on.dispatches;
}

/** y = tr A^½, a scalar [1], and `inverse` = A^−½: twice the gradient, which so comes with the root. */
export function traceSqrtmForward<B>(
  { n, steps }: SqrtmParams,
  io: { a: B; identity: B; inverse: B; y: B },
  target: KernelTarget,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const on = calculator(n, target, scratch);
  const { y, z, r } = coupled(on, io, steps, true);
  const root = on.rsqrt(r);
  const diagonal = scratch([n, n], 'diagonal');
  on.dispatches.push(
    binary({ op: 'multiply', shape: [n, n], a: 'same', b: 'same' }, { a: on.scaled(y, root), b: io.identity, y: diagonal }),
    ...reduceForward({ op: 'sum', shape: [n, n], factor: 1 }, { a: diagonal, y: io.y }, scratch),
  );
  on.scaled(on.scaled(z, r), root, io.inverse); // √r = r · 1 / √r
  return on.dispatches;
}

/** dA (+)= dY · A^−½ / 2. */
export function traceSqrtmBackward<B>({ n }: SqrtmParams, io: { inverse: B; dY: B; dA: B }, accumulate: boolean): Dispatch<B> {
  const params = { op: 'multiply', shape: [n, n], a: 'same', b: 'scalar', alpha: 0.5 } as const;
  return binary(params, { a: io.inverse, b: io.dY, y: io.dA }, accumulate);
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
