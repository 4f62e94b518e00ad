// 3x3 patches of features: the most alike of a source's, and the distance to it (Li and Wand, Combining Markov Random Fields
// and Convolutional Neural Networks for Image Synthesis, CVPR 2016). Scores come from a convolution with the source's patches.
// Shapes in, dispatches out; see patches.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/patches.wgsl';
import { finishSum, sumThreads } from './reduce.ts';
import { channelsOf, lanes, rowsOf, vectorsOf, type ScratchOf, type Shape } from './shape.ts';

const shader = { name: 'patches', code };

/** Pixels along a side of a patch. */
export const PATCH = 3;

/** Scores [.., n], n patches of many, of which the first has the index `first`. */
export interface NearestParams {
  readonly shape: Shape;
  readonly first: number;
}

/** One comparison a score, each read once. */
export function nearestCost({ shape }: Pick<NearestParams, 'shape'>): Cost {
  return { flops: 4 * vectorsOf(shape), bytes: 16 * (vectorsOf(shape) + rowsOf(shape)) };
}

/** best[row] = the largest score and its index, [.., 2]; `before`, of earlier patches, stands where it is as large. */
export function nearestForward<B>(
  params: NearestParams,
  io: { x: B; before?: B | undefined; best: B },
): Dispatch<B> {
  const { shape, first } = params;
  const [rows, n] = [rowsOf(shape), channelsOf(shape)];
  return {
    label: 'nearest',
    shader,
    entryPoint: 'nearest',
    inputs: [io.x, io.before ?? io.x],
    outputs: [io.best],
    params: new Params().u32(rows, n, lanes(n) / 4, first, io.before ? 1 : 0).f32(0),
    workgroups: linearWorkgroups(rows, 64),
    cost: nearestCost(params),
  };
}

/** Features of `shape` [h, w, c], sides at least `PATCH`; the distance is times `factor`. */
export interface PatchDistanceParams {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly factor: number;
}

/** Buffers of the distance: features, the source's pixels, where its patches are, the match and weight of each patch. */
export interface PatchDistanceBuffers<B> {
  readonly x: B;
  /** `[pixels, c]`: one or more feature maps, row by row. */
  readonly source: B;
  /** `[patches of the source, 2]`: row of `source` of the upper left pixel, width of the map. */
  readonly table: B;
  /** [h − 2, w − 2, 2], from {@link nearestForward}. */
  readonly best: B;
  /** [h − 2, w − 2, 1] */
  readonly weight: B;
}

/** Nine taps a patch, three flops an element; a match is read for each. */
export function patchDistanceCost({ shape: [h, w, c] }: Pick<PatchDistanceParams, 'shape'>): Cost {
  const patches = (h + 1 - PATCH) * (w + 1 - PATCH);
  const elements = PATCH * PATCH * patches * lanes(c);
  return { flops: 4 * elements, bytes: 4 * elements + 4 * h * w * lanes(c) };
}

function uniforms({ shape: [h, w, c], factor }: PatchDistanceParams, threads: number, accumulate: boolean): Params {
  return new Params().u32(h, w, lanes(c) / 4, threads, accumulate ? 1 : 0).f32(factor);
}

/** y = factor · Σ over patches of weight · ‖patch − match‖², [1]. */
export function patchDistanceForward<B>(
  params: PatchDistanceParams,
  io: PatchDistanceBuffers<B> & { readonly y: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const threads = sumThreads(vectorsOf(params.shape));
  const part = scratch([threads, 4], 'partial distances');
  return [
    {
      label: 'patch distance partial',
      shader,
      entryPoint: 'partial',
      inputs: [io.x, io.source, io.table, io.best, io.weight],
      outputs: [part],
      params: uniforms(params, threads, false),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: patchDistanceCost(params),
    },
    finishSum('patch distance', threads, params.factor, { part, y: io.y }),
  ];
}

/** dX (+)= dY · 2 · factor · Σ over the patches that a pixel is in of weight · (x − its place in the match). */
export function patchDistanceBackward<B>(
  params: PatchDistanceParams,
  io: PatchDistanceBuffers<B> & { readonly dY: B; readonly dX: B },
  accumulate: boolean,
): Dispatch<B> {
  return {
    label: 'patch distance/backward',
    shader,
    entryPoint: 'backward',
    inputs: [io.x, io.source, io.table, io.best, io.weight, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, 0, accumulate),
    workgroups: linearWorkgroups(vectorsOf(params.shape), 64),
    cost: patchDistanceCost(params),
  };
}
