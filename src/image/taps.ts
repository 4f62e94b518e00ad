// Which samples of an axis make an output sample, and how much of each. For reduction the filter is widened by the factor, so
// that every input pixel counts and nothing aliases; this is what Pillow does, so sizes and values agree with recipes that
// were tuned on it.

/**
 * `bicubic`: Catmull-Rom (Keys, a = -0.5); `bilinear`: triangle; `box`: mean of the covered pixels;
 * `nearest`: the pixel at ⌊i · from / to⌋, as PyTorch has it.
 */
export type ResizeFilter = 'bicubic' | 'bilinear' | 'box' | 'nearest';

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

/** Width and height in pixels. */
export interface Sides {
  readonly width: number;
  readonly height: number;
}

/** One output sample: `weights[k]` of input sample `first + k`; the weights sum to 1. */
export interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Taps of every output sample of an axis; at the borders the filter is cut off and the rest made up to 1. */
export function tapsOf(from: number, to: number, filter: ResizeFilter): readonly Taps[] {
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
