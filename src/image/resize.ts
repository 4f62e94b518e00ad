// Resampling in float: each output sample is a weighted mean of input samples along one axis, first across, then down.
// For reduction the filter is widened by the factor, so that every input pixel counts and nothing aliases; this is what
// Pillow does, so sizes and values agree with recipes that were tuned on it.
import { badOption } from '../gpu/errors.ts';
import { checkSides, clamp01, isOpaque, type Pixels } from './pixels.ts';

/**
 * `bicubic`: Catmull-Rom (Keys, a = -0.5); `bilinear`: triangle; `box`: mean of the covered pixels;
 * `nearest`: the pixel at ⌊i · from / to⌋, as PyTorch has it.
 */
export type ResizeFilter = 'bicubic' | 'bilinear' | 'box' | 'nearest';

/** The largest side that a result may have. */
const largestSide = 2 ** 16;

const filters: Readonly<
  Record<Exclude<ResizeFilter, 'nearest'>, { readonly support: number; readonly at: (t: number) => number }>
> = {
  // Keys, "Cubic convolution interpolation for digital image processing" (1981), a = -0.5.
  bicubic: {
    support: 2,
    at: (t) => {
      const d = Math.abs(t);
      if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
      return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
    },
  },
  bilinear: { support: 1, at: (t) => Math.max(0, 1 - Math.abs(t)) },
  // Half open, so that a pixel on the border between two boxes counts once.
  box: { support: 0.5, at: (t) => (t > -0.5 && t <= 0.5 ? 1 : 0) },
};

/** One output sample: `weights[k]` of input sample `first + k`; the weights sum to 1. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Taps of every output sample of an axis; at the borders the filter is cut off and the rest made up to 1. */
function tapsOf(from: number, to: number, filter: ResizeFilter): readonly Taps[] {
  const ratio = from / to;
  if (filter === 'nearest') {
    return Array.from({ length: to }, (_, i) => ({ first: Math.floor((i * from) / to), weights: Float64Array.of(1) }));
  }
  const stretch = Math.max(ratio, 1);
  const { support, at } = filters[filter];
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * ratio;
    const first = Math.max(0, Math.floor(centre - support * stretch + 0.5));
    const end = Math.min(from, Math.floor(centre + support * stretch + 0.5));
    // At least the pixel under the centre: rounding may leave a narrow box empty.
    const weights = Float64Array.from({ length: Math.max(1, end - first) }, (_, k) =>
      at((first + k + 0.5 - centre) / stretch),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return sum === 0
      ? { first: Math.min(from - 1, Math.floor(centre)), weights: Float64Array.of(1) }
      : { first, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * Resamples one axis of interleaved RGBA: `lines` lines, `along` floats from sample to sample, `across` from line to
 * line (input and output each have their own).
 */
function resampleAxis(
  input: Float32Array,
  taps: readonly Taps[],
  lines: number,
  step: { readonly along: number; readonly acrossIn: number; readonly acrossOut: number },
): Float32Array<ArrayBuffer> {
  const output = new Float32Array(4 * lines * taps.length);
  taps.forEach(({ first, weights }, i) => {
    for (let line = 0; line < lines; line++) {
      const from = line * step.acrossIn + first * step.along;
      const to = line * step.acrossOut + i * step.along;
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++)
          sum += weights[k]! * input[from + k * step.along + c]!;
        output[to + c] = sum;
      }
    }
  });
  return output;
}

/** Colours times alpha, so that transparent pixels do not bleed their hidden colour; and back. */
function premultiplied(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.map((value, i) => (i % 4 === 3 ? value : value * data[i | 3]!));
}

function straightened(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.map((value, i) =>
    i % 4 === 3 ? value : data[i | 3]! > 0 ? value / data[i | 3]! : 0,
  );
}

/** Width and height in pixels. */
interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Four interleaved numbers a pixel, each resampled by itself and as it comes out: not clamped. */
export function resampled(
  data: Float32Array<ArrayBuffer>,
  from: Sides,
  { width, height }: Sides,
  filter: ResizeFilter,
): Float32Array<ArrayBuffer> {
  const wide =
    width === from.width
      ? data
      : resampleAxis(data, tapsOf(from.width, width, filter), from.height, {
          along: 4,
          acrossIn: 4 * from.width,
          acrossOut: 4 * width,
        });
  return height === from.height
    ? wide
    : resampleAxis(wide, tapsOf(from.height, height, filter), width, {
        along: 4 * width,
        acrossIn: 4,
        acrossOut: 4,
      });
}

/**
 * Resamples to exactly `width` x `height`, on the sRGB-encoded values, with alpha-weighted colours where there is
 * alpha. The result is clamped to [0, 1] (bicubic overshoots at edges). The same size returns the picture itself.
 * Throws `bad-image` for a result without area, or with too much of it.
 */
export function resize(
  pixels: Pixels,
  width: number,
  height: number,
  { filter = 'bicubic' }: { readonly filter?: ResizeFilter } = {},
): Pixels {
  checkSides(width, height, 'resize');
  if (width === pixels.width && height === pixels.height) return pixels;
  const opaque = isOpaque(pixels);
  const both = resampled(opaque ? pixels.data : premultiplied(pixels.data), pixels, { width, height }, filter);
  return { width, height, data: (opaque ? both : straightened(both)).map(clamp01) };
}

/**
 * The size of a result: `size` is its longest side in pixels (the other keeps the shape, rounded, at least 1), or both
 * sides. Throws `bad-option` unless sides are whole numbers from 1 to 65536.
 */
export function fitSize(
  width: number,
  height: number,
  size: number | { readonly width: number; readonly height: number },
): { width: number; height: number } {
  const wanted = typeof size === 'number' ? [size] : [size?.width, size?.height];
  if (!wanted.every((side) => Number.isInteger(side) && side >= 1 && side <= largestSide)) {
    const got = typeof size === 'number' ? size : `${size?.width} x ${size?.height}`;
    throw badOption(
      'size',
      `not a size: got ${got}, need whole numbers of pixels from 1 to ${largestSide}`,
      'Give the longest side, or { width, height }',
    );
  }
  if (typeof size !== 'number') return { width: size.width, height: size.height };
  const scale = size / Math.max(width, height);
  const fit = (side: number): number => Math.max(1, Math.round(side * scale));
  return width >= height
    ? { width: size, height: fit(height) }
    : { width: fit(width), height: size };
}
