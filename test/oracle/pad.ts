// Padding of an image [h, w, c] in float64, as the definition reads, and its transpose.

import { outside, type Mode } from './conv2d.ts';

export type FourPads = readonly [number, number, number, number];

/** Calls `visit(index in the padded image, index in the image)`; margins of zeros are not visited. */
function everyPixel(
  [h, w, c]: readonly number[],
  [top, right, bottom, left]: FourPads,
  mode: Mode,
  visit: (padded: number, source: number) => void,
): void {
  const [ph, pw] = [h! + top + bottom, w! + left + right];
  for (let py = 0; py < ph; py++)
    for (let px = 0; px < pw; px++) {
      const sy = outside(py - top, h!, mode);
      const sx = outside(px - left, w!, mode);
      if (sy < 0 || sx < 0) continue;
      for (let i = 0; i < c!; i++) visit((py * pw + px) * c! + i, (sy * w! + sx) * c! + i);
    }
}

export function pad(shape: readonly number[], pads: FourPads, mode: Mode, x: ArrayLike<number>): Float64Array {
  const [h, w, c] = shape as [number, number, number];
  const y = new Float64Array((h + pads[0] + pads[2]) * (w + pads[1] + pads[3]) * c);
  everyPixel(shape, pads, mode, (p, s) => (y[p] = x[s]!));
  return y;
}

export function padBackward(shape: readonly number[], pads: FourPads, mode: Mode, dY: ArrayLike<number>): Float64Array {
  const [h, w, c] = shape as [number, number, number];
  const dX = new Float64Array(h * w * c);
  everyPixel(shape, pads, mode, (p, s) => (dX[s]! += dY[p]!));
  return dX;
}
