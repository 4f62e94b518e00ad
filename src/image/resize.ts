// Resampling in float on the host: each output sample is a weighted mean of input samples along one axis, first across, then
// down; the weights are those of taps.ts. On a device it is resample.ts.
import { checkSides, clamp01, isOpaque, toPixels, type Decoded, type Pixels } from './pixels.ts';
import { tapsOf, type ResizeFilter, type Sides, type Taps } from './taps.ts';

/** What is resampled: interleaved RGBA in units of `unit`. */
interface Samples {
  readonly data: Float32Array<ArrayBuffer> | Uint8Array | Uint8ClampedArray;
  readonly unit: number;
}

/**
 * Resamples one axis of interleaved RGBA: `lines` lines, `along` floats from sample to sample, `across` from line to
 * line (input and output each have their own).
 */
function resampleAxis(
  { data: input, unit }: Samples,
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
        output[to + c] = sum * unit;
      }
    }
  });
  return output;
}

/** Colours times alpha, so that transparent pixels do not bleed their hidden colour; and back. */
function premultiplied(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.map((value, i) => (i % 4 === 3 ? value : value * data[i | 3]!));
}

function floatsOf(picture: Decoded, opaque: boolean): Float32Array<ArrayBuffer> {
  const { data } = toPixels(picture);
  return opaque ? data : premultiplied(data);
}

function straightened(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.map((value, i) =>
    i % 4 === 3 ? value : data[i | 3]! > 0 ? value / data[i | 3]! : 0,
  );
}

/** Four interleaved numbers a pixel, each resampled by itself, by the taps of each axis, and as it comes out: not clamped. */
export function resampledBy(
  tapsFor: (from: number, to: number) => readonly Taps[],
  samples: Samples,
  from: Sides,
  { width, height }: Sides,
): Float32Array<ArrayBuffer> {
  const across = (): Float32Array<ArrayBuffer> =>
    resampleAxis(samples, tapsFor(from.width, width), from.height, { along: 4, acrossIn: 4 * from.width, acrossOut: 4 * width });
  const down = (wide: Samples): Float32Array<ArrayBuffer> =>
    resampleAxis(wide, tapsFor(from.height, height), width, { along: 4 * width, acrossIn: 4, acrossOut: 4 });
  if (height === from.height) return across();
  return down(width === from.width ? samples : { data: across(), unit: 1 });
}

/**
 * Resamples to exactly `width` x `height`, on the sRGB-encoded values, with alpha-weighted colours where there is
 * alpha. The result is clamped to [0, 1] (bicubic overshoots at edges). The same size returns the picture itself.
 * Throws `bad-image` for a result without area, or with too much of it.
 */
export function resize(
  picture: Decoded,
  width: number,
  height: number,
  { filter = 'bicubic' }: { readonly filter?: ResizeFilter } = {},
): Pixels {
  checkSides(width, height, 'resize');
  if (width === picture.width && height === picture.height) return toPixels(picture);
  const opaque = isOpaque(picture);
  const tapsFor = (from: number, to: number): readonly Taps[] => tapsOf(from, to, filter);
  const isBytes = opaque && 'bytes' in picture;
  const samples = isBytes ? { data: picture.bytes, unit: 1 / 255 } : { data: floatsOf(picture, opaque), unit: 1 };
  const both = resampledBy(tapsFor, samples, picture, { width, height });
  return { width, height, data: (opaque ? both : straightened(both)).map(clamp01) };
}
