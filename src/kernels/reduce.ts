// Sums to a scalar (of values, squares, squared differences) and sums over rows, with their gradients.
// Shapes in, dispatches out; see reduce.wgsl and reduce_backward.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing, UNREAD } from '../gpu/storage.ts';
import gateWordCode from '../wgsl/gate_word.wgsl';
import backwardCode from '../wgsl/reduce_backward.wgsl';
import code from '../wgsl/reduce.wgsl';
import { gateParams, type Gate } from './gate.ts';
import { channelsOf, lanes, rowsOf, vectorsOf, type Shape, type ScratchOf } from './shape.ts';

const shader = storedShader('reduce', [code], ['A']);
const backwardShader = storedShader('reduce_backward', [backwardCode, gateWordCode], ['A', 'Y']);

const OPS = ['sum', 'squares', 'squared differences'] as const;

/** Further values of the shaders' `op`. */
const TO_SCALAR = 3;
const OVER_ROWS = 4;
const ELEMENT = 3;

/** What is summed: a, a², or (a − b)². */
export type ReduceOp = (typeof OPS)[number];

/** A sum over all elements of `shape`, times `factor`. */
export interface ReduceParams {
  readonly op: ReduceOp;
  readonly shape: Shape;
  readonly factor: number;
}

/** Threads of a first pass over `vectors` vec4s: at least 16 vec4s in each, and both passes of about one length. */
export function sumThreads(vectors: number): number {
  return Math.max(64, Math.min(Math.ceil(vectors / 16), 64 * Math.ceil(Math.sqrt(vectors) / 8)));
}

/** The second pass of every sum to a scalar: y = factor · Σ over `threads` vec4s of `part` and their lanes. */
export function finishSum<B>(label: string, threads: number, factor: number, io: { part: B; y: B }): Dispatch<B> {
  return {
    label,
    ...storing(shader, ['A', UNREAD], []),
    inputs: [io.part, io.part],
    outputs: [io.y],
    params: new Params().u32(threads, 0, 0, 0).f32(factor).u32(TO_SCALAR),
    workgroups: [1, 1, 1],
    cost: { flops: 4 * threads, bytes: 16 * (threads + 1) },
    sum: { part: io.part, vectors: threads, factor },
  };
}

/** Up to so many vec4s are summed by one workgroup alone. */
const FEW = 1024;

/** The first pass: one flop an element for each of difference, square and sum; operands once. */
export function reduceCost({ op, shape }: Pick<ReduceParams, 'op' | 'shape'>): Cost {
  const vectors = vectorsOf(shape);
  const operands = op === 'squared differences' ? 2 : 1;
  return { flops: 4 * (OPS.indexOf(op) + 1) * vectors, bytes: 16 * operands * vectors };
}

/** y = factor · Σ f(a, b), a scalar [1]. `b` is read by 'squared differences' only. */
export function reduceForward<B>(
  { op, shape, factor }: ReduceParams,
  io: { a: B; b?: B | undefined; y: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const vectors = vectorsOf(shape);
  if (op === 'sum' && vectors <= FEW) return [finishSum('sum', vectors, factor, { part: io.a, y: io.y })];
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial sums');
  return [
    {
      label: `${op} partial`,
      ...storing(shader, ['A', io.b ? undefined : UNREAD], []),
      inputs: [io.a, io.b ?? io.a],
      outputs: [part],
      params: new Params().u32(vectors, threads, 0, 0).f32(factor).u32(OPS.indexOf(op)),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: reduceCost({ op, shape }),
    },
    finishSum(op, threads, factor, { part, y: io.y }),
  ];
}

/** Buffers of {@link reduceBackward}. `gate`: last of all, dA becomes 0 where it says so. */
export interface ReduceBackwardBuffers<B> {
  readonly a: B;
  readonly b?: B | undefined;
  readonly dY: B;
  readonly dA: B;
  readonly gate?: Gate<B> | undefined;
}

/** dA (+)= dY · factor · ∂f/∂a; for the gradient to b of a squared difference, swap a and b. */
export function reduceBackward<B>(
  params: ReduceParams,
  io: ReduceBackwardBuffers<B>,
  accumulate: boolean,
): Dispatch<B> {
  const { op, shape, factor } = params;
  const vectors = vectorsOf(shape);
  const c = channelsOf(shape);
  return {
    label: `${op}/backward`,
    ...storing(backwardShader, op === 'sum' ? [] : ['A', io.b ? undefined : UNREAD], ['Y']),
    // A plain sum's gradient does not look at a: naming it would keep it alive, and keep constants from folding.
    inputs: [...(op === 'sum' ? [io.dY, io.dY] : [io.a, io.b ?? io.a]), io.dY, io.gate?.by ?? io.dY],
    outputs: [io.dA],
    updates: accumulate,
    params: new Params()
      .u32(vectors, lanes(c) / 4, c, accumulate ? 1 : 0)
      .f32(op === 'sum' ? factor : 2 * factor)
      .u32(...gateParams(io.gate), OPS.indexOf(op), 0),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 8 * vectors, bytes: 48 * vectors },
    ...(!io.gate && {
      absorb: (step, dA) =>
        step.kind === 'relu' ? undefined : reduceBackward(params, { ...io, dA, gate: step }, accumulate),
    }),
  };
}

/** dA (+)= dY[index] · a[index], a scalar [1]: the gradient to a number that was multiplied by element `index` of `a`. */
export function elementBackward<B>(index: number, io: { a: B; dY: B; dA: B }, accumulate: boolean): Dispatch<B> {
  return {
    label: 'element/backward',
    shader: backwardShader(),
    inputs: [io.a, io.a, io.dY, io.dY],
    outputs: [io.dA],
    updates: accumulate,
    params: new Params().u32(1, 1, 1, accumulate ? 1 : 0).f32(1).u32(0, 0, ELEMENT, index),
    workgroups: [1, 1, 1],
    cost: { flops: 2, bytes: 48 },
  };
}

/** Up to so many rows are added up in one pass. */
const ROWS = 256;

/** Into how many chunks the rows of a column sum are split: as many as rows in a chunk, so that no f32 sum is long. */
export function columnChunks(rows: number): { readonly chunks: number; readonly rowsPerChunk: number } {
  if (rows <= ROWS) return { chunks: 1, rowsPerChunk: rows };
  const rowsPerChunk = Math.ceil(Math.sqrt(rows));
  return { chunks: Math.ceil(rows / rowsPerChunk), rowsPerChunk };
}

/** One flop an element, moved once. */
export function columnSumCost(shape: Shape): Cost {
  return { flops: 4 * vectorsOf(shape), bytes: 16 * vectorsOf(shape) };
}

/** y[c] (+)= factor · Σ over all rows of x[row, c]; y has shape [c]. */
export function columnSum<B>(
  { shape, factor = 1 }: { readonly shape: Shape; readonly factor?: number },
  io: { x: B; y: B },
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const rows = rowsOf(shape);
  const vectors = lanes(channelsOf(shape)) / 4;
  const { chunks, rowsPerChunk } = columnChunks(rows);
  const pass = (x: B, y: B, from: number, to: number, last: boolean): Dispatch<B> => ({
    label: last ? 'column sums' : 'column sums partial',
    ...storing(shader, ['A', UNREAD], []),
    inputs: [x, x],
    outputs: [y],
    updates: last && accumulate,
    params: new Params()
      .u32(vectors, from, last ? from : rowsPerChunk, last && accumulate ? 1 : 0)
      .f32(last ? factor : 1)
      .u32(OVER_ROWS),
    workgroups: linearWorkgroups(to * vectors, 64),
    cost: columnSumCost([from, 4 * vectors]),
  });
  if (chunks === 1) return [pass(io.x, io.y, rows, 1, true)];
  const part = scratch([chunks, 4 * vectors], 'partial column sums');
  return [pass(io.x, part, rows, chunks, false), pass(part, io.y, chunks, 1, true)];
}
