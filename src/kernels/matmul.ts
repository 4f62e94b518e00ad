// Matrix products C = factor · op(A)·op(B), with either operand transposed. Shapes in, dispatches out; see matmul.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing, UNREAD } from '../gpu/storage.ts';
import gateWordCode from '../wgsl/gate_word.wgsl';
import code from '../wgsl/matmul.wgsl';
import storeCode from '../wgsl/matmul_store.wgsl';
import subgroup8Code from '../wgsl/matmul_subgroup8.wgsl';
import { gateParams, type Gate } from './gate.ts';
import { columnSum } from './reduce.ts';
import { lanes, type ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';

const shader = storedShader('matmul', [code, storeCode, gateWordCode], ['A', 'B', 'Y']);
const subgroup8Shader = storedShader('matmul_subgroup8', [subgroup8Code, storeCode, gateWordCode], ['A', 'B', 'Y']);

/** C [m, n] = factor · op(A) [m, k] · op(B) [k, n]; a transposed operand is stored as [k, m] or [n, k]. */
export interface MatmulParams {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Default 1. */
  readonly factor?: number;
  /** Into how many chunks K is split; default {@link matmulSplits}. */
  readonly splits?: number;
}

/** Operands and result. */
export interface MatmulBuffers<B> {
  readonly a: B;
  readonly b: B;
  readonly c: B;
  /** A scalar [1] that multiplies the product. */
  readonly scale?: B | undefined;
  /** Last of all, C becomes 0 where `by` says so: a gate of C's shape, or gate words of C as an image. */
  readonly gate?: Gate<B> | undefined;
}

/** 2·m·n·k flops; operands and result once. */
export function matmulCost({ m, n, k }: MatmulParams): Cost {
  return { flops: 2 * m * n * k, bytes: 4 * (m * lanes(k) + k * lanes(n) + m * lanes(n)) };
}

/** `registers` lives on registers alone, `subgroup8` hands them round; `tiled` goes through workgroup memory. */
export type MatmulVariant = 'registers' | 'subgroup8' | 'tiled';

/** Which kernel multiplies: tiles pay where shaders run on a GPU and the result fills them. */
export function matmulVariant(
  { m, n, transposeB = false }: MatmulParams,
  { software, subgroupSize }: KernelTarget,
): MatmulVariant {
  if (software) return subgroupSize === 8 && !transposeB ? 'subgroup8' : 'registers';
  return m < 32 || n < 32 ? 'registers' : 'tiled';
}

/** Most bytes of partial products. */
const PARTIAL_BYTES = 8 * 2 ** 20;

/** Length of a chunk of K: f32 sums stay short. */
const CHUNK = 1024;

/** On a GPU a small result is split further, into chunks of at least so much, until there are so many workgroups. */
const SHORT_CHUNK = 256;
const WORKGROUPS = 128;

/** Into how many chunks K is split: C small and K long, as in the Gram matrix of an image, wants many. */
export function matmulSplits({ m, n, k }: MatmulParams, { software }: KernelTarget): number {
  const forLength = k < 2 * CHUNK ? 1 : Math.ceil(k / CHUNK);
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  const forThreads = software ? 1 : Math.min(Math.floor(k / SHORT_CHUNK), Math.ceil(WORKGROUPS / tiles));
  const affordable = Math.floor(PARTIAL_BYTES / (4 * m * lanes(n)));
  return Math.max(1, Math.min(Math.max(forLength, forThreads), affordable));
}

/** Workgroups along rows and columns, and the constants that go with them. */
function launch(
  { m, n }: MatmulParams,
  { software }: KernelTarget,
  variant: MatmulVariant,
): { rowGroups: number; columnGroups: number; constants: Record<string, number> } {
  if (variant === 'tiled') {
    return { rowGroups: Math.ceil(m / 64), columnGroups: Math.ceil(n / 64), constants: {} };
  }
  if (variant === 'subgroup8') return { rowGroups: Math.ceil(m / 16), columnGroups: Math.ceil(n / 32), constants: {} };
  const threads = software ? 8 : 64;
  const alongRows = n < 8 * threads && m > n;
  return {
    rowGroups: Math.ceil(m / 8 / (alongRows ? threads : 1)),
    columnGroups: Math.ceil(n / 8 / (alongRows ? 1 : threads)),
    constants: { ALONG_ROWS: alongRows ? 1 : 0, THREADS: threads },
  };
}

/** How K is split: into `splits` chunks of `chunk`, a multiple of 16. */
function splitting(params: MatmulParams, target: KernelTarget): { chunk: number; splits: number } {
  const chunk = 16 * Math.ceil(params.k / (params.splits ?? matmulSplits(params, target)) / 16);
  return { chunk, splits: Math.ceil(params.k / chunk) };
}

/** One launch: C (+)= alpha · scale · op(A)·op(B), or a product for each chunk of K. */
function product<B>(
  params: MatmulParams,
  io: MatmulBuffers<B>,
  target: KernelTarget,
  variant: MatmulVariant,
  { chunk, splits, alpha, accumulate }: { chunk: number; splits: number; alpha: number; accumulate: boolean },
): Dispatch<B> {
  const { m, n, k, transposeA = false, transposeB = false } = params;
  const { rowGroups, columnGroups, constants } = launch(params, target, variant);
  const [x, y] = linearWorkgroups(rowGroups, 1);
  return {
    label: 'matmul',
    ...storing(variant === 'subgroup8' ? subgroup8Shader : shader, ['A', 'B', io.scale ? undefined : UNREAD, io.gate ? undefined : UNREAD], ['Y']),
    ...(variant !== 'subgroup8' && { entryPoint: variant }),
    constants: {
      TRANSPOSE_A: transposeA ? 1 : 0,
      ...(variant !== 'subgroup8' && { TRANSPOSE_B: transposeB ? 1 : 0 }),
      ...constants,
    },
    inputs: [io.a, io.b, io.scale ?? io.b, io.gate?.by ?? io.b],
    outputs: [io.c],
    updates: accumulate,
    params: new Params()
      .u32(m, n, k, lanes(transposeA ? m : k) / 4, lanes(transposeB ? k : n) / 4, lanes(n) / 4)
      .u32(chunk, accumulate ? 1 : 0, columnGroups)
      .f32(alpha)
      .u32(io.scale ? 1 : 0, ...gateParams(io.gate)),
    workgroups: [x, y, columnGroups * splits],
    cost: matmulCost(params),
  };
}

/**
 * C (+)= factor · op(A)·op(B). The variant is chosen by {@link matmulVariant} unless given.
 */
export function matmul<B>(
  params: MatmulParams,
  io: MatmulBuffers<B>,
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
  variant: MatmulVariant = matmulVariant(params, target),
): Dispatch<B>[] {
  const { m, n, factor = 1 } = params;
  const split = splitting(params, target);
  if (split.splits === 1) {
    const one = (buffers: MatmulBuffers<B>): Dispatch<B> =>
      product(params, buffers, target, variant, { ...split, alpha: factor, accumulate });
    if (io.gate) return [one(io)];
    const absorb: Dispatch<B>['absorb'] = (step, c) => (step.kind === 'relu' ? undefined : one({ ...io, c, gate: step }));
    return [{ ...one(io), absorb }];
  }
  const { parts, dispatch } = partialProducts(params, io, target, scratch, variant);
  const sum = columnSum({ shape: [split.splits, m * lanes(n)], factor }, { x: parts, y: io.c }, accumulate, scratch);
  return [dispatch, ...sum];
}

/** Only the products of the chunks of K: `parts` [splits, m, n], to be summed by whoever asked for them. */
export function partialProducts<B>(
  params: MatmulParams,
  io: Pick<MatmulBuffers<B>, 'a' | 'b' | 'scale'>,
  target: KernelTarget,
  scratch: ScratchOf<B>,
  variant: MatmulVariant = matmulVariant(params, target),
): { readonly splits: number; readonly parts: B; readonly dispatch: Dispatch<B> } {
  const split = splitting(params, target);
  const parts = scratch([split.splits, params.m, params.n], 'partial products');
  const { a, b, scale } = io;
  const dispatch = product(params, { a, b, scale, c: parts }, target, variant, { ...split, alpha: 1, accumulate: false });
  return { splits: split.splits, parts, dispatch };
}
