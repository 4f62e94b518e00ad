// Statistics by optimal transport in one dimension, where it is a matter of sorting: the i-th smallest value goes to the i-th
// smallest of the style.
//
//   histogram            of each channel (Risser, Wilmot and Barnes, Stable and Controllable Neural Texture Synthesis and Style
//                        Transfer Using Histogram Losses, 2017, eq. 8: ‖O − R(O)‖² with R(O) the features after histogram
//                        matching, here exact, by ranks; R is no function of O in the gradient there, nor is it by the rule of
//                        a sort)
//   sliced-wasserstein   of the projections on C random unit vectors (Heitz, Vanhoey, Chambon and Belcour, A Sliced Wasserstein
//                        Loss for Neural Texture Synthesis, 2021, eq. 5), the same in every iteration, where theirs are drawn anew
//
// Targets are the styles' sorted values at as many ranks as the result has pixels; several styles are blended there, which
// gives the barycentre of their distributions.

import type { Tape, Tensor } from '../autograd/index.ts';
import { argsort, take } from '../autograd/ops/sort.ts';
import { normal } from '../image/random.ts';
import { elementsOf } from '../kernels/shape.ts';
import type { Plane } from './masks.ts';
import type { Recipe, Statistic } from './recipes.ts';
import type { Target } from './statistics.ts';
import { counting, type MatchedTerm, type StyleValues } from './style-values.ts';

/** The pixels that count: a mask [h, w, 1], and how many it has. */
export interface Inside {
  readonly mask: Tensor;
  readonly count: number;
}

/** The pixels of a guide that count, on the tape; undefined for all. */
export function insideOf(tape: Tape, guide: Plane | undefined): Inside | undefined {
  if (!guide) return undefined;
  const counts = counting(guide);
  const count = counts.reduce((sum, value) => sum + value, 0);
  return { mask: tape.constant([guide.height, guide.width, 1], counts, 'pixels that count'), count };
}

/** Of every run and layer; another would do as well. */
const SEED = 1;

/** `c` random unit vectors, the columns of [c, c]. */
export function directions(c: number): Float32Array<ArrayBuffer> {
  const values = normal(SEED, c * c);
  for (let column = 0; column < c; column++) {
    let squares = 0;
    for (let row = 0; row < c; row++) squares += values[row * c + column]! ** 2;
    for (let row = 0; row < c; row++) values[row * c + column]! /= Math.sqrt(squares);
  }
  return values;
}

/** The values of `feature` [h, w, c] that the statistic sorts, each column upwards: [pixels that count, c]. */
export function sortedValues(tape: Tape, statistic: Statistic, feature: Tensor, inside: Inside | undefined): Tensor {
  const [h, w, c] = feature.shape as [number, number, number];
  const isSliced = statistic === 'sliced-wasserstein';
  const values = isSliced ? tape.matmul(feature, tape.constant([c, c], directions(c), 'directions')) : feature;
  return take(tape, values, argsort(tape, values, inside?.mask), inside?.count ?? h * w);
}

/** Column k of row i: the value of rank (i + ½) / `count` among sorted ones [n, c], on a line between the two nearest. */
function addQuantiles({ shape, data, weight }: StyleValues, count: number, sums: Float32Array): void {
  const [n, c] = shape as [number, number];
  for (let i = 0; i < count; i++) {
    const at = Math.min(Math.max(((i + 0.5) * n) / count - 0.5, 0), n - 1);
    const lower = Math.floor(at);
    const upper = Math.min(lower + 1, n - 1);
    for (let k = 0; k < c; k++) {
      const from = data[lower * c + k]!;
      sums[i * c + k]! += weight * (from + (at - lower) * (data[upper * c + k]! - from));
    }
  }
}

/** Puts values on a tape as a target: `keepTarget`, which runs that sort nothing have as well and so comes from outside. */
export type KeepTarget = (tape: Tape, shape: readonly number[], values: Float32Array, label: string) => Target;

/** The distance of one layer to the sorted values of its styles, a mean over ranks and columns. */
export function transportTerm(
  tape: Tape,
  statistic: Statistic,
  styles: readonly StyleValues[],
  guide: Plane | undefined,
  measure: Recipe['style']['measure'],
  keep: KeepTarget,
): MatchedTerm {
  const whole = styles.reduce((sum, { weight }) => sum + weight, 0);
  return (feature) => {
    const found = sortedValues(tape, statistic, feature, insideOf(tape, guide));
    const n = elementsOf(found.shape);
    const sums = new Float32Array(n);
    for (const style of styles) addQuantiles({ ...style, weight: style.weight / whole }, found.shape[0]!, sums);
    const { tensor, sumOfSquares } = keep(tape, found.shape, sums, `style/${statistic}`);
    return { value: tape.meanSquared(found, tensor), factor: measure === 'relative' ? n / Math.max(sumOfSquares, 1e-12) : 1 };
  };
}
