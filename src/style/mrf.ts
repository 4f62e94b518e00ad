// The statistic `mrf`: each 3x3 patch of the result's features against the most alike of the style's, by normalised
// cross-correlation (Li and Wand, Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis, CVPR
// 2016, eq. 2 and 3). Unlike there, the distance is a mean over patches and their entries.
//
//   bank   the style's patches, each divided by its norm, as weights of convolutions whose outputs are the scores; the norm of
//          the result's own patch changes no maximum

import type { Tape, Tensor } from '../autograd/index.ts';
import { argmax, patchDistance } from '../autograd/ops/patches.ts';
import { PATCH } from '../kernels/patches.ts';
import type { Plane } from './masks.ts';
import type { Recipe } from './recipes.ts';
import { counting, type MatchedTerm, type StyleValues } from './style-values.ts';

/** More patches than these are thinned out to every second, third, … along both sides. */
const MOST_PATCHES = 4096;

/** Scores that are in memory at a time, and patches of one convolution. */
const SCORES = 2 ** 22;
const MOST_AT_ONCE = 1024;

/** A patch's place: the row of its upper left pixel in the pixels of all styles, and the width of its own. */
type Place = readonly [row: number, width: number];

/** The patches of one style whose middle counts, at most about {@link MOST_PATCHES}. */
function placesOf({ shape, guide }: StyleValues, before: number): Place[] {
  const [h, w] = shape as [number, number, number];
  const [rows, columns] = [h + 1 - PATCH, w + 1 - PATCH];
  if (rows < 1 || columns < 1) return [];
  const step = Math.max(1, Math.ceil(Math.sqrt((rows * columns) / MOST_PATCHES)));
  const counts = guide && counting(guide);
  const places: Place[] = [];
  for (let y = 0; y < rows; y += step)
    for (let x = 0; x < columns; x += step) {
      if (!counts || counts[(y + 1) * w + x + 1]) places.push([before + y * w + x, w]);
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
  styles: readonly StyleValues[],
  guide: Plane | undefined,
  measure: Recipe['style']['measure'],
): MatchedTerm | undefined {
  const c = styles[0]!.shape[2]!;
  const places: Place[] = [];
  let before = 0;
  for (const style of styles) {
    places.push(...placesOf(style, before));
    before += style.data.length / c;
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
