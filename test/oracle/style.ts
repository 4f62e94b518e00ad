// The losses of neural style transfer in float64, as the formulas read. Pictures are RGB in [0, 1], [h, w, 3]; features
// are [h, w, c]. The gradient is had by central differences: it shares nothing with a reverse pass.

import { conv2d } from './conv2d.ts';
import { gram, matmul } from './matmul.ts';
import { avgPool, maxPool } from './pool.ts';
import { meanStd, newtonSchulz } from './statistics.ts';
import { totalVariation, type Form } from './total-variation.ts';

export interface Picture {
  width: number;
  height: number;
  data: ArrayLike<number>;
}

/** What the oracle reads off a network: 3x3 convolutions with zero padding, ReLU, 2x2 pools. */
export type NetworkLayer =
  | { kind: 'conv'; name: string; cin: number; cout: number; weight: ArrayLike<number>; bias: ArrayLike<number> }
  | { kind: 'relu'; name: string }
  | { kind: 'pool'; name: string };

export interface Problem {
  layers: readonly NetworkLayer[];
  /** Of RGB in [0, 1]. */
  mean: readonly number[];
  std: readonly number[];
  pooling: 'max' | 'average';
  /** Total variation is measured on scale · x. */
  scale: number;
  content: { weight: number; layers: Record<string, number>; measure: string };
  /** Of the first convolution; zeros where absent. */
  firstPadding?: string | undefined;
  /** Every convolution sees the opposite border beyond one. */
  wraps?: boolean | undefined;
  style: {
    weight: number;
    layers: Record<string, number>;
    normalize: string;
    measure: string;
    /** Factors, or layers of their own; Gram matrices alone where absent. */
    statistics?: Record<string, number | Record<string, number>> | undefined;
  };
  /** Pooling → weight. */
  edges?: { weight: number; poolings: Record<string, number> } | undefined;
  tv: { weight: number; form: Form };
  contentPicture: Picture;
  styles: readonly { picture: Picture; weight: number }[];
}

export interface Feature {
  shape: readonly [number, number, number];
  data: Float64Array;
}

/** Features of every layer. */
export function featuresOf({ layers, mean, std, pooling, firstPadding = 'zero', wraps = false }: Problem, picture: Picture): Map<string, Feature> {
  let shape: readonly [number, number, number] = [picture.height, picture.width, 3];
  let data: Float64Array = Float64Array.from(picture.data, (value, i) => (value - mean[i % 3]!) / std[i % 3]!);
  const found = new Map<string, Feature>();
  for (const [i, layer] of layers.entries()) {
    const [h, w] = shape;
    if (layer.kind === 'conv') {
      const { cin, cout } = layer;
      const one: [number, number] = [1, 1];
      const geometry = { h, w, cin, cout, kernel: [3, 3], stride: one, dilation: one, pad: [1, 1, 1, 1], mode: wraps ? 'wrap' : i === 0 ? firstPadding : 'zero' };
      data = conv2d(geometry as Parameters<typeof conv2d>[0], data, layer.weight, layer.bias);
      shape = [h, w, cout];
    } else if (layer.kind === 'relu') {
      data = data.map((value) => Math.max(value, 0));
    } else {
      const windows = { shape, size: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0], countPadding: true } as const;
      data = (pooling === 'max' ? maxPool : avgPool)(windows, data);
      shape = [Math.floor(h / 2), Math.floor(w / 2), shape[2]];
    }
    found.set(layer.name, { shape, data });
  }
  return found;
}

/** What is blended over styles: a matrix, a vector, or for `wasserstein` the mean and the matrix of second moments. */
function statisticOf(name: string, { shape: [h, w, c], data }: Feature, normalize: string): Float64Array {
  const divisor = normalize === 'pixels' ? 1 : c;
  const moments = meanStd(c, 1e-8, data);
  const mean = moments.slice(0, c);
  switch (name) {
    case 'gram':
      return gram(c, 1 / (h * w * divisor), data);
    case 'covariance':
      return gram(c, 1 / (h * w * divisor), data.map((value, i) => value - mean[i % c]!));
    case 'mean':
      return mean;
    case 'std':
      return moments.slice(c);
    default:
      return Float64Array.of(...mean, ...gram(c, 1 / (h * w), data));
  }
}

/** ‖μ − μ*‖² + tr(Σ + Σ* − 2 (R Σ R)^½), R = Σ*^½, over c; roots by sixteen Newton–Schulz steps. */
function wasserstein(c: number, found: Float64Array, target: Float64Array): number {
  const covariance = (of: Float64Array): Float64Array =>
    of.slice(c).map((value, i) => value - of[Math.floor(i / c)]! * of[i % c]! + (i % (c + 1) === 0 ? 1e-4 : 0));
  const trace = (m: Float64Array): number => m.reduce((sum, value, i) => sum + (i % (c + 1) === 0 ? value : 0), 0);
  const [own, theirs] = [covariance(found), covariance(target)];
  const root = newtonSchulz(c, 16, theirs);
  const cross = trace(newtonSchulz(c, 16, matmul(c, c, c, matmul(c, c, c, root, own), root)));
  const means = sumOfSquares(found.slice(0, c).map((value, i) => value - target[i]!));
  return (means + trace(own) + trace(theirs) - 2 * cross) / c;
}

/** The recipe's measure of one statistic against its target. */
function distance(
  name: string,
  { measure, normalize }: Problem['style'],
  [h, w, c]: Feature['shape'],
  found: Float64Array,
  target: Float64Array,
  image: number,
): number {
  const divisor = normalize === 'pixels' ? h * w : h * w * c; // of matrices
  if (name === 'wasserstein') return wasserstein(c, found, target);
  const sum = sumOfSquares(found.map((value, i) => value - target[i]!));
  if (measure === 'relative') return sum / sumOfSquares(target);
  if (name === 'mean' || name === 'std') return sum / c;
  return {
    mean: sum / c ** 2,
    'quarter-mean': sum / (4 * c ** 2),
    'mean-by-channels': sum / c ** 4,
    image: (sum * divisor ** 2) / (4 * 9 * image ** 2),
  }[measure]!;
}

/** Laplacian of the mean-pooled picture, its border repeated, summed over the channels. */
function laplacian({ width, height, data }: Picture, scale: number, pooling: number): Float64Array {
  const size = [pooling, pooling] as const;
  const windows = { shape: [height, width, 3], size, stride: size, pads: [0, 0, 0, 0], countPadding: true } as const;
  const pooled = avgPool(windows, Float64Array.from(data, (value) => value * scale));
  const [h, w] = [Math.floor(height / pooling), Math.floor(width / pooling)];
  const gray = (i: number, j: number): number => {
    const at = (Math.min(Math.max(i, 0), h - 1) * w + Math.min(Math.max(j, 0), w - 1)) * 3;
    return pooled[at]! + pooled[at + 1]! + pooled[at + 2]!;
  };
  return Float64Array.from({ length: h * w }, (_, k) => {
    const [i, j] = [Math.floor(k / w), k % w];
    return 4 * gray(i, j) - gray(i - 1, j) - gray(i + 1, j) - gray(i, j - 1) - gray(i, j + 1);
  });
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

export interface Losses {
  content: number;
  style: number;
  tv: number;
  total: number;
}

/** The loss as a function of the picture; what depends on the targets alone is computed once. */
export function lossOf(problem: Problem): (picture: Picture) => Losses {
  const { content, style, tv, contentPicture, styles, scale } = problem;
  const contentTargets = featuresOf(problem, contentPicture);
  const weights = styles.reduce((sum, { weight }) => sum + weight, 0);
  const parts = Object.entries(style.statistics ?? { gram: 1 }).flatMap(([name, given]) => {
    const [own, factor] = typeof given === 'number' ? [style.layers, given] : [given, 1];
    return Object.entries(own).map(([layer, weight]) => ({ name, layer, weight: weight * factor }));
  });
  const styleTargets = parts.map(() => undefined as Float64Array | undefined);
  for (const { picture, weight } of styles) {
    const features = featuresOf(problem, picture);
    parts.forEach(({ name, layer }, i) => {
      const values = statisticOf(name, features.get(layer)!, style.normalize);
      const mean = styleTargets[i] ?? new Float64Array(values.length);
      styleTargets[i] = mean.map((value, k) => value + (values[k]! * weight) / weights);
    });
  }
  return (picture) => {
    const features = featuresOf(problem, picture);
    let contentLoss = 0;
    for (const [layer, weight] of Object.entries(content.layers)) {
      const target = contentTargets.get(layer)!.data;
      const sum = sumOfSquares(features.get(layer)!.data.map((value, i) => value - target[i]!));
      const measured = {
        sum,
        'half-sum': sum / 2,
        mean: sum / target.length,
        relative: sum / sumOfSquares(target),
      }[content.measure]!;
      contentLoss += content.weight * weight * measured;
    }
    for (const [pooling, weight] of Object.entries(problem.edges?.poolings ?? {})) {
      const target = laplacian(contentPicture, scale, Number(pooling));
      const found = laplacian(picture, scale, Number(pooling));
      contentLoss += problem.edges!.weight * weight * sumOfSquares(found.map((value, i) => value - target[i]!));
    }
    let styleLoss = 0;
    parts.forEach(({ name, layer, weight }, i) => {
      const feature = features.get(layer)!;
      const found = statisticOf(name, feature, style.normalize);
      const image = picture.width * picture.height;
      styleLoss += style.weight * weight * distance(name, style, feature.shape, found, styleTargets[i]!, image);
    });
    const scaled = Float64Array.from(picture.data, (value) => value * scale);
    const variation = tv.weight * totalVariation([picture.height, picture.width, 3], tv.form, scaled);
    return { content: contentLoss, style: styleLoss, tv: variation, total: contentLoss + styleLoss + variation };
  };
}

/** d total / d picture at some indices of [h, w, 3], by central differences. */
export function gradientAt(
  loss: (picture: Picture) => Losses,
  picture: Picture,
  indices: readonly number[],
  step = 1e-6,
): number[] {
  return indices.map((index) => {
    const moved = (by: number): number => {
      const data = Float64Array.from(picture.data);
      data[index]! += by;
      return loss({ ...picture, data }).total;
    };
    return (moved(step) - moved(-step)) / (2 * step);
  });
}
