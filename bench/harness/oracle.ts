// What the kernels must give, from the float64 loops of test/oracle. A whole layer at 512 px would take those loops
// minutes, so they compute samples: pixels at the corners, the borders and inside, each from the neighbourhood that it
// depends on, or a few channels of a sum over all pixels. The loops are the same that the tests use.

import { conv2d, conv2dBackwardData, conv2dBackwardWeights, type Geometry } from '../../test/oracle/conv2d.ts';
import { gram, gramBackward, matmul } from '../../test/oracle/matmul.ts';
import { avgPool, avgPoolBackward, maxPool, maxPoolBackward, type Windows } from '../../test/oracle/pool.ts';

/** Some elements of a result: where they lie, row-major, and their values in float64. */
export interface Samples {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

/** A square image [side, side, c]. */
export interface Plane {
  readonly side: number;
  readonly c: number;
  readonly data: ArrayLike<number>;
}

/** Corners, the middles of two borders, the middle, and a place that is a multiple of nothing. */
export function samplePixels(side: number): readonly (readonly [number, number])[] {
  const last = side - 1;
  const middle = side >> 1;
  const odd = Math.min(last, Math.round(side * 0.37) | 1);
  const corners = [[0, 0], [0, last], [last, 0], [last, last]] as const;
  const places = [...corners, [0, middle], [middle, last], [middle, middle], [odd, last - odd]] as const;
  return [...new Map(places.map((place) => [place.join(), place])).values()];
}

/** Rows y - radius … y + radius and as many columns around a pixel, zeros outside. */
function neighbourhood({ side, c, data }: Plane, [y, x]: readonly [number, number], radius: number): Float64Array {
  const width = 2 * radius + 1;
  const out = new Float64Array(width * width * c);
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (y + dy < 0 || x + dx < 0 || y + dy >= side || x + dx >= side) continue;
      const from = ((y + dy) * side + x + dx) * c;
      const to = ((dy + radius) * width + dx + radius) * c;
      for (let i = 0; i < c; i++) out[to + i] = data[from + i]!;
    }
  }
  return out;
}

/** Only the channels `from`, `from` + 1, … of every pixel. */
function channels({ c, data }: Pick<Plane, 'c' | 'data'>, from: number, count: number): Float64Array {
  const out = new Float64Array((data.length / c) * count);
  for (let i = 0; i < out.length; i++) out[i] = data[Math.floor(i / count) * c + from + (i % count)]!;
  return out;
}

function atPixels(side: number, c: number, valuesAt: (pixel: readonly [number, number]) => ArrayLike<number>): Samples {
  const indices: number[] = [];
  const values: number[] = [];
  for (const pixel of samplePixels(side)) {
    const found = valuesAt(pixel);
    for (let i = 0; i < c; i++) {
      indices.push((pixel[0] * side + pixel[1]) * c + i);
      values.push(found[i]!);
    }
  }
  return { indices, values };
}

const UNIT = { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], mode: 'zero' } satisfies Partial<Geometry>;

/** Samples of a 3x3 convolution with zero padding; weights [3, 3, x.c, co]. */
export function convolution(x: Plane, weights: ArrayLike<number>, co: number): Samples {
  const geometry: Geometry = { ...UNIT, h: 3, w: 3, cin: x.c, cout: co, pad: [0, 0, 0, 0] };
  return atPixels(x.side, co, (pixel) => conv2d(geometry, neighbourhood(x, pixel, 1), weights));
}

/** Samples of its gradient to the image: that of a pixel comes from the nine dY around it. */
export function convolutionToData(dY: Plane, weights: ArrayLike<number>, ci: number): Samples {
  const geometry: Geometry = { ...UNIT, h: 5, w: 5, cin: ci, cout: dY.c, pad: [0, 0, 0, 0] };
  return atPixels(dY.side, ci, (pixel) => {
    const dX = conv2dBackwardData(geometry, neighbourhood(dY, pixel, 1), weights);
    return dX.subarray(12 * ci, 13 * ci); // the middle of 5x5
  });
}

/** Samples of its gradient to the weights: all pixels, four input channels, four output channels. */
export function convolutionToWeights(x: Plane, dY: Plane): Samples {
  const [fromIn, fromOut] = [x.c - 4, dY.c / 2 - 4];
  const { side } = x;
  const geometry: Geometry = { ...UNIT, h: side, w: side, cin: 4, cout: 4, pad: [1, 1, 1, 1] };
  const dW = conv2dBackwardWeights(geometry, channels(x, fromIn, 4), channels(dY, fromOut, 4));
  const indices = Array.from(dW, (_, i) => {
    const [tap, ci, co] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
    return (tap * x.c + fromIn + ci) * dY.c + fromOut + co;
  });
  return { indices, values: [...dW] };
}

/** Samples of a Gram matrix: the last eight channels with each other. */
export function gramMatrix({ c, data }: Pick<Plane, 'c' | 'data'>, factor: number): Samples {
  const values = gram(8, factor, channels({ c, data }, c - 8, 8));
  const indices = Array.from(values, (_, i) => (c - 8 + Math.floor(i / 8)) * c + c - 8 + (i % 8));
  return { indices, values: [...values] };
}

/** Samples of its gradient. */
export function gramToData(x: Plane, factor: number, dG: ArrayLike<number>): Samples {
  return atPixels(x.side, x.c, (pixel) => gramBackward(x.c, factor, dG, neighbourhood(x, pixel, 0)));
}

/** Four rows of a matrix product [m, k]·[k, n]. */
export function product(m: number, n: number, k: number, a: Float32Array, b: ArrayLike<number>): Samples {
  const indices: number[] = [];
  const values: number[] = [];
  for (const row of [0, Math.floor(m / 3), m - 2, m - 1]) {
    values.push(...matmul(1, n, k, a.subarray(row * k, (row + 1) * k), b));
    for (let i = 0; i < n; i++) indices.push(row * n + i);
  }
  return { indices, values };
}

/** Samples of 2x2 pooling, or of its gradient when `dY` is given: four channels everywhere. */
export function pooling(kind: 'max' | 'average', x: Plane, dY?: ArrayLike<number>): Samples {
  const { side, c } = x;
  const from = c - 4;
  const shape = [side, side, 4] as const;
  const windows: Windows = { shape, size: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0], countPadding: false };
  const data = channels(x, from, 4);
  const gradient = dY && channels({ c, data: dY }, from, 4);
  const found = gradient
    ? kind === 'max'
      ? maxPoolBackward(windows, data, gradient)
      : avgPoolBackward(windows, gradient)
    : (kind === 'max' ? maxPool : avgPool)(windows, data);
  return { indices: Array.from(found, (_, i) => Math.floor(i / 4) * c + from + (i % 4)), values: [...found] };
}

/** Every element. */
export function everything(values: ArrayLike<number>): Samples {
  return { indices: Array.from(values, (_, i) => i), values: Array.from(values) };
}

/** The largest difference of `got` from the samples, over their RMS (over 1 where they are all zeros). */
export function largestError(got: ArrayLike<number>, { indices, values }: Samples): number {
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length) || 1;
  let worst = 0;
  indices.forEach((index, i) => {
    const difference = Math.abs(got[index]! - values[i]!);
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  });
  return worst / rms;
}
