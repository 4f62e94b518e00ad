// Colour statistics in float64, plainly.

export interface ColorMoments {
  readonly mean: readonly number[];
  /** [3][3] */
  readonly covariance: readonly (readonly number[])[];
}

/** Mean and covariance of RGB over [r, g, b, a] pixels, each pixel weighted by its alpha. */
export function colorMoments(rgba: ArrayLike<number>): ColorMoments {
  const pixels = Array.from({ length: rgba.length / 4 }, (_, i) =>
    [0, 1, 2, 3].map((c) => rgba[4 * i + c]!),
  );
  const weight = pixels.reduce((sum, pixel) => sum + pixel[3]!, 0);
  const average = (f: (pixel: readonly number[]) => number): number =>
    pixels.reduce((sum, pixel) => sum + pixel[3]! * f(pixel), 0) / weight;
  const mean = [0, 1, 2].map((c) => average((pixel) => pixel[c]!));
  const covariance = [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => average((pixel) => (pixel[i]! - mean[i]!) * (pixel[j]! - mean[j]!))),
  );
  return { mean, covariance };
}
