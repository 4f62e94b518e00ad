// The losses of neural style transfer in float64, as the formulas read. Pictures are RGB in [0, 1], [h, w, 3]; features
// are [h, w, c]. The gradient is had by central differences: it shares nothing with a reverse pass.

import { conv2d } from './conv2d.ts';
import { gram } from './matmul.ts';
import { avgPool, maxPool } from './pool.ts';
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
  style: { weight: number; layers: Record<string, number>; normalize: string; measure: string };
  tv: { weight: number; form: Form };
  contentPicture: Picture;
  styles: readonly { picture: Picture; weight: number }[];
}

interface Feature {
  shape: readonly [number, number, number];
  data: Float64Array;
}

function featuresOf({ layers, mean, std, pooling }: Problem, picture: Picture): Map<string, Feature> {
  let shape: readonly [number, number, number] = [picture.height, picture.width, 3];
  let data: Float64Array = Float64Array.from(picture.data, (value, i) => (value - mean[i % 3]!) / std[i % 3]!);
  const found = new Map<string, Feature>();
  for (const layer of layers) {
    const [h, w] = shape;
    if (layer.kind === 'conv') {
      const { cin, cout } = layer;
      const one: [number, number] = [1, 1];
      const geometry = { h, w, cin, cout, kernel: [3, 3], stride: one, dilation: one, pad: [1, 1, 1, 1], mode: 'zero' };
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

function gramOf({ shape: [h, w, c], data }: Feature, normalize: string): Float64Array {
  return gram(c, 1 / (normalize === 'pixels' ? h * w : h * w * c), data);
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
  const styleTargets = new Map<string, Float64Array>();
  for (const { picture, weight } of styles) {
    const features = featuresOf(problem, picture);
    for (const layer of Object.keys(style.layers)) {
      const matrix = gramOf(features.get(layer)!, style.normalize);
      const mean = styleTargets.get(layer) ?? new Float64Array(matrix.length);
      styleTargets.set(layer, mean.map((value, i) => value + (matrix[i]! * weight) / weights));
    }
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
    let styleLoss = 0;
    for (const [layer, weight] of Object.entries(style.layers)) {
      const feature = features.get(layer)!;
      const target = styleTargets.get(layer)!;
      const c = feature.shape[2];
      const sum = sumOfSquares(gramOf(feature, style.normalize).map((value, i) => value - target[i]!));
      const measured = {
        mean: sum / c ** 2,
        'quarter-mean': sum / (4 * c ** 2),
        'mean-by-channels': sum / c ** 4,
        relative: sum / sumOfSquares(target),
      }[style.measure]!;
      styleLoss += style.weight * weight * measured;
    }
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
