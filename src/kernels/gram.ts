// Gram matrices of features: G = factor · Σ over pixels of F[p, i]·F[p, j] (the paper's A·Aᵀ, A = channels x pixels).
// A matrix product of the features with themselves; see matmul.wgsl and symmetrize.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/symmetrize.wgsl';
import { matmul, matmulCost } from './matmul.ts';
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
