// The statistic `mrf`: each 3x3 patch of the result's features against the most alike of the style's, by normalised
// cross-correlation (Li and Wand, Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis, CVPR
// 2016, eq. 2 and 3). Unlike there, the distance is a mean over patches and their entries. A chunk of its own.
//
//   bank   the style's patches, each divided by its norm, as weights of convolutions whose outputs are the scores; the norm of
//          the result's own patch changes no maximum

import type { Tape, Tensor } from '../autograd/index.ts';
import { argmax, patchDistance } from '../autograd/ops/patches.ts';
import { PATCH } from '../kernels/patches.ts';
import type { Plane } from './masks.ts';
import type { Guides, Region } from './guides.ts';
import type { Recipe } from './recipes.ts';
import type { Distance, StylePart } from './statistics.ts';

/** More patches than these are thinned out to every second, third, … along both sides. */
const MOST_PATCHES = 4096;

/** Scores that are in memory at a time, and patches of one convolution. */
const SCORES = 2 ** 22;
const MOST_AT_ONCE = 1024;

/** A style's features at a layer, in memory: [h, w, c]. */
export interface StyleFeatures {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
  readonly guide: Plane | undefined;
}

/** From features of the result to their distance; undefined where they have no room for a patch. */
export type PatchTerm = (feature: Tensor) => Distance | undefined;

/** A patch's place: the row of its upper left pixel in the pixels of all styles, and the width of its own. */
type Place = readonly [row: number, width: number];

/** The patches of one style whose middle counts, at most about {@link MOST_PATCHES}. */
function placesOf({ shape: [h, w], guide }: StyleFeatures, before: number): Place[] {
  const [rows, columns] = [h + 1 - PATCH, w + 1 - PATCH];
  if (rows < 1 || columns < 1) return [];
  const step = Math.max(1, Math.ceil(Math.sqrt((rows * columns) / MOST_PATCHES)));
  const half = guide ? guide.values.reduce((a, b) => Math.max(a, b), 0) / 2 : 0;
  const places: Place[] = [];
  for (let y = 0; y < rows; y += step)
    for (let x = 0; x < columns; x += step) {
      if (!guide || guide.values[(y + 1) * w + x + 1]! >= half) places.push([before + y * w + x, w]);
    }
  return places;
}

/** Weights [3, 3, c, n] of the patches at `places`, each of norm 1. */
function bank(places: readonly Place[], pixels: Float32Array, c: number): Float32Array {
  const n = places.length;
  const weights = new Float32Array(PATCH * PATCH * c * n);
  places.forEach(([row, width], k) => {
    const from = (tap: number): number => (row + Math.floor(tap / PATCH) * width + (tap % PATCH)) * c;
    let squares = 0;
    for (let tap = 0; tap < PATCH * PATCH; tap++)
      for (let i = 0; i < c; i++) squares += pixels[from(tap) + i]! ** 2;
    const scale = 1 / Math.max(Math.sqrt(squares), 1e-12);
    for (let tap = 0; tap < PATCH * PATCH; tap++)
      for (let i = 0; i < c; i++) weights[(tap * c + i) * n + k] = scale * pixels[from(tap) + i]!;
  });
  return weights;
}

/** How much each patch of the result counts: by its middle, all together 1. */
function patchWeights(h: number, w: number, guide: Plane | undefined): Float32Array {
  const [rows, columns] = [h + 1 - PATCH, w + 1 - PATCH];
  const weights = Float32Array.from({ length: rows * columns }, (_, i) =>
    guide ? guide.values[(Math.floor(i / columns) + 1) * w + (i % columns) + 1]! ** 2 : 1,
  );
  const sum = weights.reduce((total, value) => total + value, 0);
  return weights.map((value) => (sum > 0 ? value / sum : 0));
}

/** The distance of one layer to the patches of its styles; undefined where they have none. */
export function patchTerm(
  tape: Tape,
  styles: readonly StyleFeatures[],
  guide: Plane | undefined,
  measure: Recipe['style']['measure'],
): PatchTerm | undefined {
  const c = styles[0]!.shape[2];
  const places: Place[] = [];
  let before = 0;
  for (const style of styles) {
    places.push(...placesOf(style, before));
    before += style.shape[0] * style.shape[1];
  }
  if (places.length === 0) return undefined;
  const pixels = new Float32Array(before * c);
  let at = 0;
  for (const { data } of styles) {
    pixels.set(data, at);
    at += data.length;
  }
  const meanSquare = pixels.reduce((sum, value) => sum + value * value, 0) / pixels.length;
  return (feature) => {
    const [h, w] = feature.shape as [number, number, number];
    if (Math.min(h, w) < PATCH) return undefined;
    const chunk = Math.min(MOST_AT_ONCE, Math.max(64, Math.floor(SCORES / (h * w))));
    let best: Tensor | undefined;
    for (let first = 0; first < places.length; first += chunk) {
      const some = places.slice(first, first + chunk);
      const weights = tape.constant([PATCH, PATCH, c, some.length], bank(some, pixels, c), 'patches');
      const scores = tape.conv2d(feature, weights, { pad: 0 });
      best = argmax(tape, scores, best ? { first, before: best } : { first });
    }
    const matches = {
      source: tape.constant([before, c], pixels, 'style pixels'),
      table: tape.constant([places.length, 2], places.flat(), 'style patches'),
      best: best!,
      weight: tape.constant([h + 1 - PATCH, w + 1 - PATCH, 1], patchWeights(h, w, guide), 'patch weights'),
    };
    const value = patchDistance(tape, feature, matches, 1 / (PATCH * PATCH * c));
    return { value, factor: measure === 'relative' ? 1 / Math.max(meanSquare, 1e-12) : 1 };
  };
}

/** The terms of a region for `parts`, all of the statistic `mrf`; `read` computes features of a style picture. */
export async function patchTerms(
  tape: Tape,
  parts: readonly StylePart[],
  { styles, guides }: Pick<Region, 'styles'> & { readonly guides: Guides | undefined },
  measure: Recipe['style']['measure'],
  read: (style: Region['styles'][number], layers: readonly string[]) => Promise<ReadonlyMap<string, Omit<StyleFeatures, 'guide'>>>,
): Promise<Map<StylePart, PatchTerm>> {
  const layers = [...new Set(parts.map(({ layer }) => layer))];
  const found = new Map<string, StyleFeatures[]>(layers.map((layer) => [layer, []]));
  for (const style of styles) {
    for (const [layer, features] of await read(style, layers)) {
      if (style.guides && !style.guides.has(layer)) continue;
      found.get(layer)!.push({ ...features, guide: style.guides?.get(layer) });
    }
  }
  const terms = new Map<StylePart, PatchTerm>();
  for (const part of parts) {
    const list = found.get(part.layer)!;
    const term = list.length > 0 ? patchTerm(tape, list, guides?.get(part.layer), measure) : undefined;
    if (term) terms.set(part, term);
  }
  return terms;
}
