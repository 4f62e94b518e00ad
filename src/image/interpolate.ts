// Four numbers a pixel at another size as PyTorch's torch.nn.functional.interpolate has it, align_corners False and antialias
// False (aten/src/ATen/native/UpSample.h, 1.13): the filter keeps its width whatever the factor, and beyond the border the border's
// pixels are repeated. Not for pictures, which resize.ts treats better: for what has to agree with programs that do this.

import { resampledBy } from './resize.ts';
import type { Sides, Taps } from './taps.ts';

/** `bicubic`: Keys with a = -0.75; `bilinear`: the two nearest pixels. */
export type Interpolation = 'bicubic' | 'bilinear';

/** Weights of the pixels from ⌊x⌋ - 1 to ⌊x⌋ + 2, a place `t` = x - ⌊x⌋ behind the second. */
function cubicWeights(t: number): readonly number[] {
  const a = -0.75;
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** Taps of every output sample of an axis; what falls outside weighs for the border. */
export function interpolationTaps(from: number, to: number, mode: Interpolation): readonly Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const floor = Math.floor(place);
    const [begin, weights] = mode === 'bicubic' ? [floor - 1, cubicWeights(place - floor)] : [floor, [1 - (place - floor), place - floor]];
    const inside = (index: number): number => Math.min(Math.max(index, 0), from - 1);
    const first = inside(begin);
    const summed = new Float64Array(inside(begin + weights.length - 1) - first + 1);
    for (const [k, weight] of weights.entries()) summed[inside(begin + k) - first]! += weight;
    return { first, weights: summed };
  });
}

/** [h, w, 4] at another size; not clamped. */
export function interpolated(data: Float32Array<ArrayBuffer>, from: Sides, to: Sides, mode: Interpolation): Float32Array<ArrayBuffer> {
  if (from.width === to.width && from.height === to.height) return data;
  return resampledBy((length, wanted) => interpolationTaps(length, wanted, mode), { data, unit: 1 }, from, to);
}
