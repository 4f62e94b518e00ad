// Guided statistics of features in float64, as the formulas of Gatys et al. 2017 read, and what a mask becomes in a layer.

import type { NetworkLayer } from './style.ts';

type Shape = readonly [number, number, number];

/** Weights of pixels, Σ = 1: T² / Σ T². */
function weightsOf(guide: ArrayLike<number>): Float64Array {
  const squares = Float64Array.from(guide, (value) => value * value);
  const sum = squares.reduce((total, value) => total + value, 0);
  return squares.map((value) => value / sum);
}

/** Mean, covariance and second moment of each pixel's features under `guide`, then the statistic by its name. */
export function guidedStatistic(name: string, [h, w, c]: Shape, data: ArrayLike<number>, guide: ArrayLike<number>): Float64Array {
  const weights = weightsOf(guide);
  const mean = new Float64Array(c);
  const moment = new Float64Array(c * c);
  for (let p = 0; p < h * w; p++)
    for (let i = 0; i < c; i++) {
      mean[i]! += weights[p]! * data[p * c + i]!;
      for (let j = 0; j < c; j++) moment[i * c + j]! += weights[p]! * data[p * c + i]! * data[p * c + j]!;
    }
  const covariance = moment.map((value, k) => value - mean[Math.floor(k / c)]! * mean[k % c]!);
  switch (name) {
    case 'gram':
      return moment;
    case 'covariance':
      return covariance;
    case 'mean':
      return mean;
    case 'std':
      return mean.map((_, i) => Math.sqrt(covariance[i * c + i]! + 1e-8));
    default:
      return Float64Array.of(...mean, ...moment);
  }
}

/** The mask [h, w] as a layer's cells see it: by mean, least or most of what they see of the picture. */
export function layerMask(
  layers: readonly NetworkLayer[],
  name: string,
  height: number,
  width: number,
  mask: ArrayLike<number>,
  mode: 'simple' | 'inside' | 'all',
): Float64Array {
  let [h, w] = [height, width];
  let values = Float64Array.from(mask);
  const by = { simple: (v: number[]) => v.reduce((a, b) => a + b) / v.length, inside: (v: number[]) => Math.min(...v), all: (v: number[]) => Math.max(...v) };
  for (const layer of layers) {
    const window = layer.kind === 'pool' ? [0, 1] : layer.kind === 'conv' && mode !== 'simple' ? [-1, 0, 1] : [0];
    const step = layer.kind === 'pool' ? 2 : 1;
    const [oh, ow] = [Math.floor(h / step), Math.floor(w / step)];
    const next = new Float64Array(oh * ow);
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++) {
        const seen: number[] = [];
        for (const di of window)
          for (const dj of window) {
            const [y, x] = [i * step + di, j * step + dj];
            if (y >= 0 && y < h && x >= 0 && x < w) seen.push(values[y * w + x]!);
          }
        next[i * ow + j] = by[mode](seen);
      }
    [h, w, values] = [oh, ow, next];
    if (layer.name === name) return values;
  }
  throw new Error(`no layer ${name}`);
}
