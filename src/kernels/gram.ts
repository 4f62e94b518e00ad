// Gram matrices of features: G = factor · Σ over pixels of F[p, i]·F[p, j] (the paper's A·Aᵀ, A = channels x pixels).
// A matrix product of the features with themselves; see matmul.wgsl, symmetrize.wgsl and gram_residual.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import residualCode from '../wgsl/gram_residual.wgsl';
import code from '../wgsl/symmetrize.wgsl';
import { matmul, matmulCost, partialProducts } from './matmul.ts';
import { finishSum, sumThreads } from './reduce.ts';
import { channelsOf, lanes, rowsOf, type Shape, type ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';

/** Features of `shape` [h, w, c] (or [n, c]); the Gram matrix is [c, c]. */
export interface GramParams {
  readonly shape: Shape;
  readonly factor: number;
}

/** 2·pixels·c² flops, forward and backward alike. */
export function gramCost({ shape }: Pick<GramParams, 'shape'>): Cost {
  const c = channelsOf(shape);
  return matmulCost({ m: c, n: c, k: rowsOf(shape) });
}

/** G = factor · FᵀF. */
export function gramForward<B>(
  { shape, factor }: GramParams,
  io: { x: B; g: B },
  target: KernelTarget,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const c = channelsOf(shape);
  const params = { m: c, n: c, k: rowsOf(shape), transposeA: true, factor };
  return matmul(params, { a: io.x, b: io.x, c: io.g }, target, false, scratch);
}

/** dX (+)= factor · F·(dG + dGᵀ): a 1x1 convolution. */
export function gramBackward<B>(
  { shape, factor }: GramParams,
  io: { x: B; dG: B; dX: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const c = channelsOf(shape);
  const sum = scratch([c, c], 'dG + dGᵀ');
  const vectors = (c * lanes(c)) / 4;
  const symmetrize: Dispatch<B> = {
    label: 'symmetrize',
    shader: { name: 'symmetrize', code },
    inputs: [io.dG],
    outputs: [sum],
    params: new Params().u32(c),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 4 * vectors, bytes: 32 * vectors },
  };
  const params = { m: rowsOf(shape), n: c, k: c, factor };
  return [symmetrize, ...matmul(params, { a: io.x, b: sum, c: io.dX }, target, accumulate, scratch)];
}

/** The loss y = lossFactor · Σ (G − A)² over the entries of G = factor · FᵀF. */
export interface GramLossParams extends GramParams {
  readonly lossFactor: number;
}

/** y, and what the gradient wants: d = (G − A) + (G − A)ᵀ, [c, c]. */
export function gramLossForward<B>(
  { shape, factor, lossFactor }: GramLossParams,
  io: { x: B; target: B; d: B; y: B },
  kernels: KernelTarget,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const c = channelsOf(shape);
  const { splits, parts, dispatch } = partialProducts(
    { m: c, n: c, k: rowsOf(shape), transposeA: true },
    { a: io.x, b: io.x },
    kernels,
    scratch,
  );
  const vectors = (c * lanes(c)) / 4;
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial loss');
  const residual: Dispatch<B> = {
    label: 'gram residual',
    shader: { name: 'gram_residual', code: residualCode },
    inputs: [parts, io.target],
    outputs: [io.d, part],
    params: new Params().u32(c, splits, threads).f32(factor),
    workgroups: [Math.ceil(threads / 64), 1, 1],
    cost: { flops: 4 * (splits + 6) * vectors, bytes: 16 * (splits + 3) * vectors },
  };
  return [dispatch, residual, finishSum('gram loss', threads, lossFactor, { part, y: io.y })];
}

/** dX (+)= dY · factor · 2 · lossFactor · F·d, d from {@link gramLossForward}: a 1x1 convolution. */
export function gramLossBackward<B>(
  { shape, factor, lossFactor }: GramLossParams,
  io: { x: B; d: B; dY: B; dX: B },
  kernels: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const c = channelsOf(shape);
  const params = { m: rowsOf(shape), n: c, k: c, factor: 2 * factor * lossFactor, splits: 1 };
  return matmul(params, { a: io.x, b: io.d, scale: io.dY, c: io.dX }, kernels, accumulate, scratch);
}
