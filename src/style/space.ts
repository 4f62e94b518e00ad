// Between pictures (RGB in [0, 1]) and the space of the optimiser's variable.

import type { Pixels } from '../image/index.ts';
import type { PixelSpace } from './recipes.ts';
import type { Stretch } from './tile-grid.ts';

/** Rows and columns of a picture, by the first. */
export interface Box {
  readonly rows: Stretch;
  readonly columns: Stretch;
}

/** Interleaved RGB values of a picture, or a box of it, in `space`: v = scale · x − mean. Alpha is left behind. */
export function toSpace(
  { width, height, data }: Pixels,
  { scale, mean }: PixelSpace,
  { rows, columns }: Box = { rows: { begin: 0, size: height }, columns: { begin: 0, size: width } },
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rows.size * columns.size * 3);
  if (data.length === 0) return values; // a picture that is only counted
  for (let y = 0; y < rows.size; y++) {
    const from = (rows.begin + y) * width + columns.begin;
    const to = y * columns.size;
    for (let x = 0; x < columns.size; x++) {
      for (let c = 0; c < 3; c++) values[(to + x) * 3 + c] = data[(from + x) * 4 + c]! * scale - mean[c]!;
    }
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

/** The way back in place, so that it takes no more memory: four floats a pixel become RGBA, with the alpha of a picture or opaque; not clamped. */
export function rgbaFromSpace(
  packed: Float32Array<ArrayBuffer>,
  { scale, mean }: PixelSpace,
  alpha: Pixels | undefined,
): Float32Array<ArrayBuffer> {
  for (let i = 0; i < packed.length; i += 4) {
    for (let c = 0; c < 3; c++) packed[i + c] = (packed[i + c]! + mean[c]!) / scale;
    packed[i + 3] = alpha ? alpha.data[i + 3]! : 1;
  }
  return packed;
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
