// Mean and standard deviation of every channel. Shapes in, dispatches out; see mean_std.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { storedShader, storing } from '../gpu/storage.ts';
import code from '../wgsl/mean_std.wgsl';
import { columnChunks } from './reduce.ts';
import { channelsOf, lanes, rowsOf, vectorsOf, type ScratchOf, type Shape } from './shape.ts';

const shader = storedShader('mean_std', [code], ['X', 'DX']);

/** Features of `shape` [.., c]; the statistics are [2, c]: means, then √(variance + epsilon). */
export interface MeanStdParams {
  readonly shape: Shape;
  readonly epsilon: number;
}

/** Four flops an element: difference, square and two sums. */
export function meanStdCost({ shape }: Pick<MeanStdParams, 'shape'>): Cost {
  return { flops: 16 * vectorsOf(shape), bytes: 16 * vectorsOf(shape) };
}

function uniforms({ shape, epsilon }: MeanStdParams, accumulate: boolean): Params {
  const c = channelsOf(shape);
  const rows = rowsOf(shape);
  const { rowsPerChunk } = columnChunks(rows);
  return new Params().u32(rows, lanes(c) / 4, c, rowsPerChunk, accumulate ? 1 : 0).f32(epsilon);
}

/** y[0, c] = μ_c, y[1, c] = √(σ²_c + ε) with the biased variance σ². */
export function meanStdForward<B>(
  params: MeanStdParams,
  io: { x: B; y: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const c = channelsOf(params.shape);
  const vectors = lanes(c) / 4;
  const { chunks } = columnChunks(rowsOf(params.shape));
  const part = scratch([chunks, 2, c], 'partial moments');
  return [
    {
      label: 'mean and std partial',
      ...storing(shader, ['X'], []),
      entryPoint: 'partial',
      inputs: [io.x],
      outputs: [part],
      params: uniforms(params, false),
      workgroups: linearWorkgroups(chunks * vectors, 64),
      cost: meanStdCost(params),
    },
    {
      label: 'mean and std',
      ...storing(shader, ['X'], []),
      entryPoint: 'finish',
      inputs: [io.x, part],
      outputs: [io.y],
      params: uniforms(params, false),
      workgroups: [Math.ceil(vectors / 64), 1, 1],
      cost: { flops: 8 * (chunks + 4) * vectors, bytes: 32 * (chunks + 1) * vectors },
    },
  ];
}

/** dX (+)= (dμ + dσ·(x − μ) / σ) / rows. */
export function meanStdBackward<B>(
  params: MeanStdParams,
  io: { x: B; y: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const vectors = vectorsOf(params.shape);
  return {
    label: 'mean and std/backward',
    ...storing(shader, ['X'], ['DX']),
    entryPoint: 'backward',
    inputs: [io.x, io.y, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, accumulate),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 20 * vectors, bytes: 16 * (accumulate ? 3 : 2) * vectors },
  };
}
