// Whose colours the result has. Three ways around the style's palette, all pure functions on pictures:
// keep the content's colours and take only the style's light and dark (`keepColors`), recolour the style beforehand by
// a linear map (`matchColors`), or channel by channel (`matchHistogram`).
// After Gatys, Bethge, Hertzmann and Shechtman, "Preserving color in neural artistic style transfer" (2016), and the
// ColourControl notebook of Gatys et al. (2017). Statistics count each pixel with its alpha as weight.
import { WgpuStyleError } from '../gpu/errors.ts';
import { lightnessSpaces, type Color, type LightnessSpace } from './lightness.ts';
import { cholesky, invertLower, mapEigenvalues, multiply, type Matrix3 } from './matrix3.ts';
import { clamp01, type Pixels } from './pixels.ts';

/** How `matchColors` takes the square root of a covariance; `pca` is what the notebook uses. */
export type ColorMatch = 'pca' | 'cholesky' | 'monge';

/** Added to the diagonal of each covariance: gray and flat pictures have singular ones. The notebook's value. */
const ridge = 1e-5;

/** Luma of Rec. 601, on sRGB-encoded values, as every style transfer since neural-style uses it. */
function luma(data: Float32Array, at: number): number {
  return 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
}

/** New RGB per pixel, clamped to [0, 1]; alpha stays. `write` gets the index of the pixel's red. */
function recolored(
  pixels: Pixels,
  write: (at: number) => readonly [number, number, number],
): Pixels {
  const data = new Float32Array(pixels.data.length);
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = write(at);
    data[at] = clamp01(red);
    data[at + 1] = clamp01(green);
    data[at + 2] = clamp01(blue);
    data[at + 3] = pixels.data[at + 3]!;
  }
  return { width: pixels.width, height: pixels.height, data };
}

/** The gray picture of the luma (Rec. 601). */
export function toLuma(pixels: Pixels): Pixels {
  return recolored(pixels, (at) => {
    const y = luma(pixels.data, at);
    return [y, y, y];
  });
}

/** Mean luma, weighted by alpha; 0 for a wholly transparent picture. */
function meanLuma(pixels: Pixels): number {
  let sum = 0;
  let weight = 0;
  for (let at = 0; at < pixels.data.length; at += 4) {
    sum += pixels.data[at + 3]! * luma(pixels.data, at);
    weight += pixels.data[at + 3]!;
  }
  return weight > 0 ? sum / weight : 0;
}

/**
 * The style as the luminance-only mode of the notebook wants it: gray, its mean luma shifted to the content's, clamped.
 */
export function matchLuma(style: Pixels, content: Pixels): Pixels {
  const shift = meanLuma(content) - meanLuma(style);
  return recolored(style, (at) => {
    const y = luma(style.data, at) + shift;
    return [y, y, y];
  });
}

/**
 * The result's light and dark in the content's colours: lightness of `result`, chroma of `content`, in `space` (default
 * Rec. 601 Y'CbCr, where adding the same to red, green and blue leaves chroma as it is; lab and oklab keep what the eye
 * takes for it). Alpha is the result's. Out-of-gamut colours are clamped. Throws `bad-image` when the sizes differ.
 */
export function keepColors(result: Pixels, content: Pixels, space: LightnessSpace = 'ycbcr'): Pixels {
  if (result.width !== content.width || result.height !== content.height) {
    throw new WgpuStyleError('bad-image', {
      what:
        `pictures of different sizes: got ${content.width}x${content.height}, ` +
        `need ${result.width}x${result.height} as the result`,
      where: 'keepColors',
      fix: 'Resize the content to the size of the result',
    });
  }
  const { from, to } = lightnessSpaces[space];
  const color = ({ data }: Pixels, at: number): Color =>
    from([clamp01(data[at]!), clamp01(data[at + 1]!), clamp01(data[at + 2]!)]);
  return recolored(result, (at) => {
    const [, a, b] = color(content, at);
    return to([color(result, at)[0], a, b]);
  });
}

interface ColorStatistics {
  readonly mean: readonly [number, number, number];
  readonly covariance: Matrix3;
}

/** Mean and covariance (with the ridge) of RGB, weighted by alpha; undefined when all is transparent. */
function statistics({ data }: Pixels): ColorStatistics | undefined {
  let weight = 0;
  const mean: [number, number, number] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    weight += data[at + 3]!;
    for (let c = 0; c < 3; c++) mean[c]! += data[at + 3]! * data[at + c]!;
  }
  if (weight === 0) return undefined;
  for (let c = 0; c < 3; c++) mean[c]! /= weight;
  const sum = new Array<number>(9).fill(0);
  for (let at = 0; at < data.length; at += 4) {
    for (let i = 0; i < 9; i++) {
      const row = Math.floor(i / 3);
      sum[i]! +=
        data[at + 3]! * (data[at + row]! - mean[row]!) * (data[at + (i % 3)]! - mean[i % 3]!);
    }
  }
  return { mean, covariance: sum.map((value, i) => value / weight + (i % 4 === 0 ? ridge : 0)) };
}

/** The linear map M with M S M^T = C. */
function colorMap(style: Matrix3, content: Matrix3, method: ColorMatch): Matrix3 {
  if (method === 'cholesky') return multiply(cholesky(content), invertLower(cholesky(style)));
  // Rounding may leave an eigenvalue below the ridge, never a true one.
  const root = (matrix: Matrix3): Matrix3 =>
    mapEigenvalues(matrix, (v) => Math.sqrt(Math.max(v, ridge)));
  const inverse = mapEigenvalues(style, (v) => 1 / Math.sqrt(Math.max(v, ridge)));
  if (method === 'pca') return multiply(root(content), inverse);
  // The optimal transport map between two Gaussians (Monge-Kantorovich): the one that moves colours least.
  const half = root(style);
  const inner = mapEigenvalues(multiply(half, multiply(content, half)), (v) =>
    Math.sqrt(Math.max(v, 0)),
  );
  return multiply(inverse, multiply(inner, inverse));
}

/**
 * Recolours the style so that mean and covariance of its RGB become the content's: M (x - mean of style) + mean of
 * content, clamped. With flat or gray pictures the map stays finite. A wholly transparent picture on either side leaves
 * the style as it is.
 */
export function matchColors(style: Pixels, content: Pixels, method: ColorMatch = 'pca'): Pixels {
  const from = statistics(style);
  const to = statistics(content);
  if (!from || !to) return style;
  const m = colorMap(from.covariance, to.covariance, method);
  return recolored(style, (at) => {
    const x = [0, 1, 2].map((c) => style.data[at + c]! - from.mean[c]!);
    const row = (r: number): number => m[r]! * x[0]! + m[r + 1]! * x[1]! + m[r + 2]! * x[2]!;
    return [row(0) + to.mean[0], row(3) + to.mean[1], row(6) + to.mean[2]];
  });
}

/** The values of one channel where alpha is not 0. */
function channelValues({ data }: Pixels, channel: number): Float32Array {
  let count = 0;
  const values = new Float32Array(data.length / 4);
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3]! > 0) values[count++] = data[at + channel]!;
  return values.subarray(0, count);
}

/** Values are told apart to 16 bits when their ranks are counted. */
const levels = 65536;

function levelOf(value: number): number {
  return Math.round(clamp01(value) * (levels - 1));
}

/** For each level of `source` the value of `target` (ascending) at the same rank; neither is empty. */
function rankTable(source: Float32Array, target: Float32Array): Float32Array {
  const counts = new Uint32Array(levels);
  for (const value of source) counts[levelOf(value)]!++;
  let below = 0;
  return Float32Array.from(counts, (count) => {
    // Equal values share the middle of their ranks.
    const rank = (below + count / 2) / source.length;
    below += count;
    const at = Math.min(Math.max(rank * target.length - 0.5, 0), target.length - 1);
    const left = target[Math.floor(at)]!;
    return left + (at % 1) * (target[Math.ceil(at)]! - left);
  });
}

/**
 * Recolours the style channel by channel so that its histograms become the content's: each value goes to the content's
 * value at the same rank; equal values share the middle of their ranks, so that flat areas stay flat. A wholly
 * transparent picture on either side leaves the style as it is.
 */
export function matchHistogram(style: Pixels, content: Pixels): Pixels {
  const from = [0, 1, 2].map((channel) => channelValues(style, channel));
  const to = [0, 1, 2].map((channel) => channelValues(content, channel).sort());
  if (from[0]!.length === 0 || to[0]!.length === 0) return style;
  const [red, green, blue] = from.map((source, c) => rankTable(source, to[c]!));
  return recolored(style, (at) => [
    red![levelOf(style.data[at]!)]!,
    green![levelOf(style.data[at + 1]!)]!,
    blue![levelOf(style.data[at + 2]!)]!,
  ]);
}
