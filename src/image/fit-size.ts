// The size of a result, from what was asked for.
import { badOption } from '../gpu/errors.ts';

/** The largest side that a result may have. */
const largestSide = 2 ** 16;

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
