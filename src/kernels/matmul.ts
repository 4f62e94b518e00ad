// Matrix products C = factor · op(A)·op(B), with either operand transposed. Shapes in, dispatches out; see matmul.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/matmul.wgsl';
import { columnSum } from './reduce.ts';
import { lanes, type ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';

const shader = { name: 'matmul', code };

/** C [m, n] = factor · op(A) [m, k] · op(B) [k, n]; a transposed operand is stored as [k, m] or [n, k]. */
export interface MatmulParams {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Default 1. */
  readonly factor?: number;
}

/** 2·m·n·k flops; operands and result once. */
export function matmulCost({ m, n, k }: MatmulParams): Cost {
  return { flops: 2 * m * n * k, bytes: 4 * (m * lanes(k) + k * lanes(n) + m * lanes(n)) };
}

/** `registers` lives on registers alone; `tiled` goes through workgroup memory. */
export type MatmulVariant = 'registers' | 'tiled';

/** Which kernel multiplies: tiles pay where shaders run on a GPU and the result fills them. */
export function matmulVariant({ m, n }: MatmulParams, { software }: KernelTarget): MatmulVariant {
  return software || m < 32 || n < 32 ? 'registers' : 'tiled';
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
  const threads = software ? 8 : 64;
  const alongRows = n < 8 * threads && m > n;
  return {
    rowGroups: Math.ceil(m / 8 / (alongRows ? threads : 1)),
    columnGroups: Math.ceil(n / 8 / (alongRows ? 1 : threads)),
    constants: { ALONG_ROWS: alongRows ? 1 : 0, THREADS: threads },
  };
}

/**
 * C (+)= factor · op(A)·op(B). The variant is chosen by {@link matmulVariant} unless given. Measured on lavapipe with two
 * cores: about 8 GFLOP/s at 512x512x512 and at 64x64 over 4096, whichever operand is transposed.
 */
export function matmul<B>(
  params: MatmulParams,
  io: { a: B; b: B; c: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
  variant: MatmulVariant = matmulVariant(params, target),
): Dispatch<B>[] {
  const { m, n, k, transposeA = false, transposeB = false, factor = 1 } = params;
  const chunk = 16 * Math.ceil(k / matmulSplits(params, target) / 16);
  const splits = Math.ceil(k / chunk);
  const { rowGroups, columnGroups, constants } = launch(params, target, variant);
  const [x, y] = linearWorkgroups(rowGroups, 1);
  const part = splits > 1 ? scratch([splits, m, n], 'partial products') : io.c;
  const adds = accumulate && splits === 1;
  const product: Dispatch<B> = {
    label: 'matmul',
    shader,
    entryPoint: variant,
    constants: { TRANSPOSE_A: transposeA ? 1 : 0, TRANSPOSE_B: transposeB ? 1 : 0, ...constants },
    inputs: [io.a, io.b],
    outputs: [part],
    updates: adds,
    params: new Params()
      .u32(m, n, k, lanes(transposeA ? m : k) / 4, lanes(transposeB ? k : n) / 4, lanes(n) / 4)
      .u32(chunk, adds ? 1 : 0, columnGroups)
      .f32(splits > 1 ? 1 : factor),
    workgroups: [x, y, columnGroups * splits],
    cost: matmulCost(params),
  };
  if (splits === 1) return [product];
  const sum = columnSum({ shape: [splits, m * lanes(n)], factor }, { x: part, y: io.c }, accumulate, scratch);
  return [product, ...sum];
}
