// The one form every picture takes inside the library: interleaved RGBA floats in [0, 1], sRGB-encoded as in the file,
// straight (not premultiplied) alpha. Everything that encodes takes one. What decodes 8 bits a channel keeps them as they are, a
// quarter of the memory, and floats are made of them where they are used: of a large picture a few rows at a time.
// Layouts named here: "interleaved" is [h, w, c]; "planar" is [3, h, w] (all red, then all green, then all blue).
import { WgpuStyleError } from '../gpu/errors.ts';

/** A picture: `data` holds 4 * width * height floats in [0, 1], RGBA interleaved, rows from the top, sRGB-encoded. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** A decoded picture of 8 bits a channel: `bytes` holds 4 * width * height samples, RGBA interleaved, otherwise as {@link Pixels}. */
export interface BytePixels {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array | Uint8ClampedArray;
}

/** A picture as it was decoded. */
export type Decoded = Pixels | BytePixels;

/** The floats that bytes stand for. */
const floatOf: Float32Array = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Writes rows of a picture as RGBA floats into `rows`. */
export function readRows({ bytes, width }: BytePixels, first: number, count: number, rows: Float32Array): void {
  const from = 4 * width * first;
  for (let i = 0; i < 4 * width * count; i++) rows[i] = floatOf[bytes[from + i]!]!;
}

/** A picture in floats; one that is, itself. */
export function toPixels(picture: Decoded): Pixels {
  if (!('bytes' in picture)) return picture;
  const { width, height } = picture;
  const data = new Float32Array(4 * width * height);
  readRows(picture, 0, height, data);
  return { width, height, data };
}

/**
 * The largest picture that is decoded, in pixels (2 GiB as RGBA floats). More is refused with a clear message instead
 * of an allocation that takes the process down.
 */
export const maxPixels: number = 2 ** 27;

/** Pixels above which a picture is written to a file row by row. */
export const LARGE: number = 2 ** 24;

function refuse(where: string, what: string, fix: string): WgpuStyleError {
  return new WgpuStyleError('bad-image', { what, where, fix });
}

/** Throws `bad-image` unless both sides are whole numbers from 1 up and the area is at most `maxPixels`. */
export function checkSides(width: number, height: number, where: string): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw refuse(
      where,
      `a picture without area: got ${width}x${height} pixels, need whole numbers from 1 up`,
      'Give a picture that has finished loading and has at least one pixel',
    );
  }
  if (width * height > maxPixels) {
    throw refuse(
      where,
      `too many pixels: got ${width}x${height} = ${width * height}, need at most ${maxPixels}`,
      'Scale the picture down before handing it over',
    );
  }
}

/** How many channels `length` values make for an area: 4, 3 or 1; anything else is `bad-image`. */
function channelsOf(length: number, width: number, height: number, where: string): 1 | 3 | 4 {
  const area = width * height;
  if (length === 4 * area) return 4;
  if (length === 3 * area) return 3;
  if (length === area) return 1;
  throw refuse(
    where,
    `data of the wrong length for ${width}x${height} pixels: got ${length} values, need ` +
      `${4 * area} (RGBA), ${3 * area} (RGB) or ${area} (gray)`,
    'Check width and height, and that rows carry no padding',
  );
}

/** Spreads 1, 3 or 4 interleaved channels to RGBA in `data`; `full` is the alpha of what has none. */
function spread<T extends Float32Array | Uint8Array>(
  data: T,
  values: ArrayLike<number>,
  channels: 1 | 3 | 4,
  full: number,
): T {
  for (let from = 0, to = 0; to < data.length; from += channels, to += 4) {
    data[to] = values[from]!;
    data[to + 1] = values[channels === 1 ? from : from + 1]!;
    data[to + 2] = values[channels === 1 ? from : from + 2]!;
    data[to + 3] = channels === 4 ? values[from + 3]! : full;
  }
  return data;
}

/**
 * A picture of its own from 8-bit samples, [h, w, 4], [h, w, 3] or [h, w] by length. Throws `bad-image` on any other length.
 */
export function copyBytes(
  width: number,
  height: number,
  bytes: Uint8Array | Uint8ClampedArray,
  where: string = 'image',
): BytePixels {
  checkSides(width, height, where);
  const channels = channelsOf(bytes.length, width, height, where);
  return { width, height, bytes: spread(new Uint8Array(4 * width * height), bytes, channels, 255) };
}

/** The same in floats. */
export function pixelsFromBytes(
  width: number,
  height: number,
  bytes: Uint8Array | Uint8ClampedArray,
  where: string = 'image',
): Pixels {
  return toPixels(copyBytes(width, height, bytes, where));
}

/**
 * From floats in [0, 1], [h, w, 4], [h, w, 3] or [h, w] by length. Values a little outside (a filter's overshoot, an
 * extended-range canvas) are clamped. Throws `bad-image` on NaN or infinity, and on values beyond [-1, 2], which mean
 * that the data is in some other unit.
 */
export function pixelsFromFloats(
  width: number,
  height: number,
  floats: Float32Array,
  where: string = 'image',
): Pixels {
  checkSides(width, height, where);
  const channels = channelsOf(floats.length, width, height, where);
  floats.forEach((value, i) => {
    if (value >= -1 && value <= 2) return;
    const pixel = Math.floor(i / channels);
    const at = `x ${pixel % width}, y ${Math.floor(pixel / width)}, channel ${i % channels}`;
    throw refuse(
      where,
      `float data out of range: got ${value} at ${at}, need numbers from 0 to 1`,
      Number.isFinite(value)
        ? 'Divide 8-bit values by 255, or hand them over as a Uint8ClampedArray'
        : 'Remove NaN and infinity from the data',
    );
  });
  const data = spread(new Float32Array(4 * width * height), floats, channels, 1);
  for (let i = 0; i < data.length; i++) data[i] = clamp01(data[i]!);
  return { width, height, data };
}

/** RGB as planar floats [3, h, w]; alpha is left behind. */
export function pixelsToPlanar(pixels: Pixels): Float32Array<ArrayBuffer> {
  const area = pixels.width * pixels.height;
  const planar = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < area; i++) planar[c * area + i] = pixels.data[4 * i + c]!;
  }
  return planar;
}

/** Throws `bad-image` unless the picture whose alpha is wanted is of this size. */
export function checkAlpha(alpha: Pixels, width: number, height: number, where: string = 'image'): void {
  if (alpha.width === width && alpha.height === height) return;
  const what = `alpha of another size: got ${alpha.width}x${alpha.height}, need ${width}x${height}`;
  throw refuse(where, what, 'Resize it first');
}

/**
 * From planar RGB [3, h, w] in [0, 1], with the alpha of `alpha` (a picture of the same size) or opaque. Values are
 * taken as they are. Throws `bad-image` when the length is not 3 * h * w.
 */
export function pixelsFromPlanar(
  width: number,
  height: number,
  planar: Float32Array,
  { alpha, where = 'image' }: { readonly alpha?: Pixels; readonly where?: string } = {},
): Pixels {
  checkSides(width, height, where);
  const area = width * height;
  if (planar.length !== 3 * area) {
    throw refuse(
      where,
      `planar data of the wrong length: got ${planar.length} values, need 3 x ${height} x ${width} = ${3 * area}`,
      'Give all red, then all green, then all blue',
    );
  }
  if (alpha) checkAlpha(alpha, width, height, where);
  const data = new Float32Array(4 * area);
  for (let i = 0; i < area; i++) {
    data[4 * i] = planar[i]!;
    data[4 * i + 1] = planar[area + i]!;
    data[4 * i + 2] = planar[2 * area + i]!;
    data[4 * i + 3] = alpha ? alpha.data[4 * i + 3]! : 1;
  }
  return { width, height, data };
}

/** 8-bit RGBA: clamped to [0, 1], times 255, rounded to nearest; NaN becomes 0. */
export function pixelsToBytes(pixels: Pixels): Uint8ClampedArray<ArrayBuffer> {
  const bytes = new Uint8ClampedArray(pixels.data.length);
  // Math.round and not the array's own rounding: that one takes halves to even.
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(pixels.data[i]! * 255);
  return bytes;
}

/** True when every pixel covers all. */
export function isOpaque(picture: Decoded): boolean {
  const [data, full] = 'bytes' in picture ? [picture.bytes, 255] : [picture.data, 1];
  for (let i = 3; i < data.length; i += 4) if (data[i]! < full) return false;
  return true;
}

/** Clamps to [0, 1]. */
export function clamp01(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
