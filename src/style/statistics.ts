// What is compared of a style layer: statistics of its features as tensors, and the distances between two of them. The
// features F are C x M (channels by pixels), μ and σ are per channel.

import type { Tape, Tensor } from '../autograd/index.ts';
import { activeLayers } from './layer-weights.ts';
import { isMatched, type LayerWeights, type Recipe, type Statistic } from './recipes.ts';

/** One comparison: a statistic of a layer, with its weight. */
export interface StylePart {
  readonly statistic: Statistic;
  readonly layer: string;
  readonly weight: number;
}

/** A target on the GPU, with the sum of its squares for relative measures. */
export interface Target {
  readonly tensor: Tensor;
  readonly sumOfSquares: number;
}

/** Puts values that were read back onto a tape as a target. */
export function keepTarget(tape: Tape, shape: readonly number[], values: Float32Array, label: string): Target {
  let sumOfSquares = 0;
  for (const value of values) sumOfSquares += value * value;
  return { tensor: tape.constant(shape, values, label), sumOfSquares };
}

/** A scalar of the loss, and what the recipe's measure makes of it. */
export interface Distance {
  readonly value: Tensor;
  readonly factor: number;
}

/** What a comparison goes by, apart from features and targets. */
export interface Measuring {
  readonly style: Recipe['style'];
  /** Pixels of the layer, and of the picture. */
  readonly pixels: number;
  readonly imagePixels: number;
}

/** Every comparison that `style` asks for; `layers` are those of statistics that have a mere factor. */
export function styleParts({ statistics = { gram: 1 } }: Recipe['style'], layers: LayerWeights): StylePart[] {
  return Object.entries(statistics).flatMap(([name, given]) => {
    const own = typeof given === 'number' ? layers : given;
    const factor = typeof given === 'number' ? given : 1;
    if (factor === 0) return [];
    return activeLayers(own).map((layer) => ({
      statistic: name as Statistic,
      layer,
      weight: factor * own[layer]!,
    }));
  });
}

/** Statistics of one layer, each recorded once however many comparisons want it. */
export type LayerStatistics = (name: 'gram' | 'covariance' | 'mean' | 'std' | 'moment') => Tensor;

/** Keeps the standard deviation of a channel that is the same everywhere differentiable. */
export const EPSILON = 1e-8;

/**
 * Newton–Schulz steps, where crowsonkb takes 12: those leave 2e-3 of a loss and 6e-3 of its gradient that exact roots do not,
 * these 2e-4 and 2e-3 (test/style/oracle.test.ts). More than 20 let rounding grow without bound.
 */
const STEPS = 16;

/** Added to the diagonal of covariances whose root is taken, as crowsonkb does. */
const RIDGE = 1e-4;

/** Statistics that others are made of: FFᵀ / M [c, c], μ and σ as [1, c], each recorded when it is asked for first. */
export interface Moments {
  readonly channels: number;
  readonly second: () => Tensor;
  readonly mean: () => Tensor;
  readonly std: () => Tensor;
  /** The normalised Gram matrix, where it has a way of its own. */
  readonly gram?: () => Tensor;
}

/** What `make` makes, made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let known: T | undefined;
  return () => (known ??= make());
}

/**
 * Statistics of `feature` [h, w, c]: Gram matrix and covariance over M or C·M, μ and σ as [1, c], FFᵀ / M. With a `guide`
 * [h, w, 1] of mean square 1, each pixel counts by its square, in all of them alike.
 */
export function layerStatistics(
  tape: Tape,
  feature: Tensor,
  normalize: Recipe['style']['normalize'],
  guide?: Tensor,
): LayerStatistics {
  const [h, w, c] = feature.shape as [number, number, number];
  const moments = once(() => tape.meanStd(feature, { epsilon: EPSILON }));
  const guided = once(() => (guide ? tape.mul(feature, guide) : feature));
  const mean = once(() => (guide ? guidedMean(tape, guided(), guide) : tape.slice(moments(), [0, 0], [1, c])));
  return statisticsOf(tape, normalize, {
    channels: c,
    second: () => tape.gram(guided(), 1 / (h * w)),
    mean,
    std: () => (guide ? guidedStd(tape, feature, mean(), guide) : tape.slice(moments(), [1, 0], [1, c])),
    // eq. 3 of Gatys, Ecker and Bethge 2016, normalised
    gram: () => tape.gram(guided(), 1 / (normalize === 'pixels' ? h * w : h * w * c)),
  });
}

/** Statistics from moments, which may have been added up over parts of a picture. */
export function statisticsOf(tape: Tape, normalize: Recipe['style']['normalize'], moments: Moments): LayerStatistics {
  const known = new Map<string, Tensor>();
  const normalized = (matrix: Tensor): Tensor =>
    normalize === 'pixels' ? matrix : tape.scale(matrix, 1 / moments.channels);
  const statistic: LayerStatistics = (name) => {
    const make = (): Tensor => {
      switch (name) {
        case 'mean':
          return moments.mean();
        case 'std':
          return moments.std();
        case 'moment':
          return moments.second();
        case 'gram':
          return moments.gram?.() ?? normalized(statistic('moment'));
        case 'covariance':
          return normalized(covariance(tape, statistic('moment'), statistic('mean')));
      }
    };
    const tensor = known.get(name) ?? make();
    known.set(name, tensor);
    return tensor;
  };
  return statistic;
}

/** Σ T² F / M of T∘F and T: [1, c]. */
function guidedMean(tape: Tape, guided: Tensor, guide: Tensor): Tensor {
  const [h, w, c] = guided.shape as [number, number, number];
  const weights = tape.scale(tape.reshape(guide, [1, h * w]), 1 / (h * w));
  return tape.matmul(weights, tape.reshape(guided, [h * w, c]));
}

/** √(Σ T² (F − μ)² / M + ε): the deviation of T∘(F − μ) and its opposite together, whose mean is 0. */
function guidedStd(tape: Tape, feature: Tensor, mean: Tensor, guide: Tensor): Tensor {
  const c = feature.shape[2]!;
  const centred = tape.mul(tape.sub(feature, tape.reshape(mean, [c])), guide);
  const both = tape.concat([centred, tape.scale(centred, -1)], 0);
  return tape.slice(tape.meanStd(both, { epsilon: EPSILON }), [1, 0], [1, c]);
}

/** FFᵀ / M − μμᵀ. */
function covariance(tape: Tape, moment: Tensor, mean: Tensor): Tensor {
  return tape.sub(moment, tape.matmul(mean, mean, { transposeA: true }));
}

/** The tensors that a target of `statistic` consists of; several styles are blended in these. */
export function targetTensors(of: LayerStatistics, statistic: Statistic): Tensor[] {
  if (isMatched(statistic)) return []; // by value, not blended: matched.ts
  return statistic === 'wasserstein' ? [of('mean'), of('moment')] : [of(statistic)];
}

/** The distances between a layer's statistic and its target. */
export function distances(
  tape: Tape,
  of: LayerStatistics,
  statistic: Statistic,
  targets: readonly Target[],
  measuring: Measuring,
): Distance[] {
  if (isMatched(statistic)) return [];
  if (statistic === 'wasserstein') return wasserstein(tape, of, targets);
  const [target] = targets as [Target];
  const found = of(statistic);
  const isMatrix = statistic === 'gram' || statistic === 'covariance';
  const factor = isMatrix ? matrixFactor(found.shape[0]!, target, measuring) : vectorFactor(found.shape[1]!, target, measuring);
  return [{ value: tape.meanSquared(found, target.tensor), factor }];
}

/** What turns a mean of squares over C² entries into the recipe's measure (eq. 4 is `quarter-mean`). */
function matrixFactor(c: number, target: Target, { style, pixels, imagePixels }: Measuring): number {
  switch (style.measure) {
    case 'mean':
      return 1;
    case 'quarter-mean':
      return 1 / 4;
    case 'mean-by-channels':
      return 1 / c ** 2;
    case 'relative':
      return c ** 2 / Math.max(target.sumOfSquares, 1e-12);
    case 'image': {
      const divided = style.normalize === 'pixels' ? pixels : c * pixels;
      return ((c * divided) / imagePixels) ** 2 / (4 * 3 ** 2);
    }
  }
}

/** Means and deviations have one measure, a mean of squares over C channels, unless all is relative. */
function vectorFactor(c: number, target: Target, { style }: Measuring): number {
  return style.measure === 'relative' ? c / Math.max(target.sumOfSquares, 1e-12) : 1;
}

/**
 * The squared 2-Wasserstein distance of two Gaussians, over C: ‖μ − μ*‖² + tr(Σ + Σ* − 2 (R Σ R)^½) with R = Σ*^½. What
 * depends on the target alone is computed once.
 */
function wasserstein(tape: Tape, of: LayerStatistics, [mean, moment]: readonly Target[]): Distance[] {
  const c = mean!.tensor.shape[1]!;
  const one = tape.identity(c);
  const ridged = (second: Tensor, first: Tensor): Tensor =>
    tape.add(covariance(tape, second, first), tape.scale(one, RIDGE));
  const own = ridged(of('moment'), of('mean'));
  const theirs = ridged(moment!.tensor, mean!.tensor);
  const root = tape.sqrtm(theirs, { steps: STEPS });
  const cross = tape.sqrtm(tape.matmul(tape.matmul(root, own), root), { steps: STEPS, commutes: true });
  const difference = tape.sub(tape.add(own, theirs), tape.scale(cross, 2));
  return [
    { value: tape.meanSquared(of('mean'), mean!.tensor), factor: 1 },
    { value: tape.sum(tape.mul(difference, one)), factor: 1 / c },
  ];
}
