// Matrix products C = factor · op(A)·op(B), with either operand transposed. Shapes in, dispatches out; see matmul.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/matmul.wgsl';
import type { ScratchOf } from './conv2d.ts';
import { columnSum } from './reduce.ts';
import { lanes } from './shape.ts';

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

/** Most bytes of partial products. */
const PARTIAL_BYTES = 8 * 2 ** 20;

/** Length of a chunk of K: f32 sums stay short, and a small C still gets many workgroups. */
const CHUNK = 1024;

/** Into how many chunks K is split: C small and K long, as in the Gram matrix of an image, wants many. */
export function matmulSplits({ m, n, k }: MatmulParams): number {
  if (k < 2 * CHUNK) return 1;
  const affordable = Math.floor(PARTIAL_BYTES / (4 * m * lanes(n)));
  return Math.max(1, Math.min(Math.ceil(k / CHUNK), affordable));
}

/** C (+)= factor · op(A)·op(B). */
export function matmul<B>(
  params: MatmulParams,
  io: { a: B; b: B; c: B },
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const { m, n, k, transposeA = false, transposeB = false, factor = 1 } = params;
  const splits = matmulSplits(params);
  const chunk = 4 * Math.ceil(k / splits / 4);
  const chunks = Math.ceil(k / chunk);
  const [alongRows, threads] = [n < 64 && m > n, 8];
  const rowGroups = Math.ceil(m / 8 / (alongRows ? threads : 1));
  const columnGroups = Math.ceil(n / 8 / (alongRows ? 1 : threads));
  const [x, y] = linearWorkgroups(rowGroups, 1);
  const uniforms = (alpha: number, adds: boolean): Params =>
    new Params()
      .u32(m, n, k, lanes(transposeA ? m : k) / 4, lanes(transposeB ? k : n) / 4, lanes(n) / 4)
      .u32(chunk, adds ? 1 : 0, columnGroups)
      .f32(alpha);
  const split = chunks > 1;
  const part = split ? scratch([chunks, m, n], 'partial products') : io.c;
  const product: Dispatch<B> = {
    label: 'matmul',
    shader,
    constants: {
      TRANSPOSE_A: transposeA ? 1 : 0,
      TRANSPOSE_B: transposeB ? 1 : 0,
      ALONG_ROWS: alongRows ? 1 : 0,
      THREADS: threads,
    },
    inputs: [io.a, io.b],
    outputs: [part],
    updates: !split && accumulate,
    params: split ? uniforms(1, false) : uniforms(factor, accumulate),
    workgroups: [x, y, columnGroups * chunks],
    cost: matmulCost(params),
  };
  if (!split) return [product];
  const sum = columnSum({ shape: [chunks, m * lanes(n)], factor }, { x: part, y: io.c }, accumulate, scratch);
  return [product, ...sum];
}
