// Edges as content: the Laplacian of the pooled picture (Li, Xu, Nie and Liu, Laplacian-Steered Neural Style Transfer, 2017).

import type { Tape, Tensor } from '../autograd/index.ts';
import type { Recipe } from './recipes.ts';

const LAPLACIAN: readonly number[] = [0, -1, 0, -1, 4, -1, 0, -1, 0];

/** Pooling sizes with a positive weight. */
export function activeEdges({ edges }: Recipe): { readonly pooling: number; readonly weight: number }[] {
  if (!edges) return [];
  return Object.entries(edges.poolings)
    .filter(([, weight]) => weight * edges.weight > 0)
    .map(([pooling, weight]) => ({ pooling: Number(pooling), weight: weight * edges.weight }));
}

/** The Laplacian of `image` [h, w, 3] after mean pooling, summed over the channels: [h / pooling, w / pooling, 1]. */
export function edgeMap(tape: Tape, image: Tensor, pooling: number, wraps: boolean): Tensor {
  const pooled = pooling > 1 ? tape.avgPool(image, { size: pooling }) : image;
  const kernel = LAPLACIAN.flatMap((value) => [value, value, value]);
  return tape.conv2d(pooled, tape.constant([3, 3, 3, 1], kernel, 'laplacian'), { padding: wraps ? 'wrap' : 'replicate' });
}

/** How losses name the term. */
export function edgeName(pooling: number): string {
  return `laplacian_${pooling}`;
}
