// What statistics by value go by: a style's values in memory, the pixels of a guide that count, and the term that comes of both.

import type { Tensor } from '../autograd/index.ts';
import type { Plane } from './masks.ts';
import type { Values } from './remembered.ts';
import type { Distance } from './statistics.ts';

/** Values of a style picture at a layer, and how much it counts: features [h, w, c], or sorted ones [n, c]. */
export interface StyleValues extends Values {
  readonly weight: number;
  readonly guide: Plane | undefined;
}

/** From features of the result to their distance; undefined where they have too few pixels. */
export type MatchedTerm = (feature: Tensor) => Distance | undefined;

/** 1 for the pixels that count at least half as much as the one that counts most, 0 for the others. */
export function counting({ values }: Plane): Float32Array {
  const half = values.reduce((a, b) => Math.max(a, b), 0) / 2;
  return values.map((value) => (value >= half ? 1 : 0));
}
