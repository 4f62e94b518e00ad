// Total variation of an image and its gradient. Shapes in, dispatches out; see total_variation.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/total_variation.wgsl';
import { finishSum, sumThreads } from './reduce.ts';
import { lanes, vectorsOf, type ScratchOf } from './shape.ts';

const shader = { name: 'total_variation', code };

/** Σ over all neighbours: of squared differences (the lecture form of L_tv), or of absolute ones (neural-style). */
export interface TotalVariationParams {
  /** [h, w, c] */
  readonly shape: readonly [number, number, number];
  readonly form: 'squared' | 'absolute';
}

/** Forward: six flops an element, the image once. Backward takes twice as many and writes an image. */
export function totalVariationCost({ shape }: Pick<TotalVariationParams, 'shape'>): Cost {
  return { flops: 24 * vectorsOf(shape), bytes: 16 * vectorsOf(shape) };
}

function uniforms({ shape }: TotalVariationParams, threads: number, accumulate: boolean): Params {
  const [h, w, c] = shape;
  return new Params().u32(h, w, lanes(c) / 4, threads, accumulate ? 1 : 0);
}

/** y = Σ f(x_ij − x_i,j+1) + f(x_ij − x_i+1,j), a scalar [1]. */
export function totalVariationForward<B>(
  params: TotalVariationParams,
  io: { x: B; y: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const vectors = vectorsOf(params.shape);
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial variation');
  return [
    {
      label: 'totalVariation partial',
      shader,
      entryPoint: 'partial',
      constants: { ABSOLUTE: params.form === 'absolute' ? 1 : 0 },
      inputs: [io.x],
      outputs: [part],
      params: uniforms(params, threads, false),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: totalVariationCost(params),
    },
    finishSum('totalVariation', threads, 1, { part, y: io.y }),
  ];
}

/** dX (+)= dY · the stencil of f′ over the four neighbours. */
export function totalVariationBackward<B>(
  params: TotalVariationParams,
  io: { x: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const vectors = vectorsOf(params.shape);
  return {
    label: 'totalVariation/backward',
    shader,
    entryPoint: 'backward',
    constants: { ABSOLUTE: params.form === 'absolute' ? 1 : 0 },
    inputs: [io.x, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, 0, accumulate),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 52 * vectors, bytes: 32 * vectors },
  };
}

/** Forward and backward in one pass over the image. */
export function totalVariationTogether<B>(
  params: TotalVariationParams,
  io: { x: B; y: B; dY: B; dX: B },
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const vectors = vectorsOf(params.shape);
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial variation');
  return [
    {
      label: 'totalVariation',
      shader,
      entryPoint: 'together',
      constants: { ABSOLUTE: params.form === 'absolute' ? 1 : 0 },
      inputs: [io.x, io.dY],
      outputs: [io.dX, part],
      updates: accumulate,
      params: uniforms(params, threads, accumulate),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: { flops: 60 * vectors, bytes: 16 * (accumulate ? 3 : 2) * vectors },
    },
    finishSum('totalVariation', threads, 1, { part, y: io.y }),
  ];
}
