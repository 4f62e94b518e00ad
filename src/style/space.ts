// Between pictures (RGB in [0, 1]) and the space of the optimiser's variable.

import type { Pixels } from '../image/index.ts';
import type { PixelSpace } from './recipes.ts';

/** Interleaved RGB values of a picture in `space`: v = scale · x − mean. Alpha is left behind. */
export function toSpace(picture: Pixels, { scale, mean }: PixelSpace): Float32Array<ArrayBuffer> {
  const count = picture.width * picture.height;
  const values = new Float32Array(count * 3);
  if (picture.data.length === 0) return values; // a picture that is only counted
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) values[i * 3 + c] = picture.data[i * 4 + c]! * scale - mean[c]!;
  }
  return values;
}

/** The way back, from values in memory layout (four floats a pixel) to planar RGB in [0, 1]; not clamped. */
export function planarFromSpace(
  packed: Float32Array,
  count: number,
  { scale, mean }: PixelSpace,
): Float32Array<ArrayBuffer> {
  const planar = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) planar[c * count + i] = (packed[i * 4 + c]! + mean[c]!) / scale;
  }
  return planar;
}

/** Planar RGB in [0, 1] → interleaved RGB in `space`. */
export function planarToSpace(planar: ArrayLike<number>, { scale, mean }: PixelSpace): Float32Array<ArrayBuffer> {
  const count = planar.length / 3;
  const values = new Float32Array(planar.length);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) values[i * 3 + c] = planar[c * count + i]! * scale - mean[c]!;
  }
  return values;
}

/** dL/dv in memory layout (four floats a pixel) → planar dL/dx: v = scale · x − mean, so dL/dx = scale · dL/dv. */
export function planarGradient(
  packed: Float32Array,
  count: number,
  { scale }: PixelSpace,
): Float32Array<ArrayBuffer> {
  const planar = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) planar[c * count + i] = packed[i * 4 + c]! * scale;
  }
  return planar;
}

/** The box [0, 1] of RGB in `space`, per lane; the fourth lane is padding and stays 0. */
export function boxOf({ scale, mean }: PixelSpace): {
  readonly min: readonly [number, number, number, number];
  readonly max: readonly [number, number, number, number];
} {
  const [r, g, b] = mean;
  return { min: [0 - r, 0 - g, 0 - b, 0], max: [scale - r, scale - g, scale - b, 0] };
}
