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

/** Light first, then two numbers of chroma, by the published formulas. RGB is sRGB-encoded in [0, 1]. */
export type OracleSpace = 'ycbcr' | 'yiq' | 'lab' | 'oklab';

function linear(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

/** CIE 1976, white of D65 as the sum of the sRGB primaries; L* from 0 to 100. */
function lab([r, g, b]: readonly number[]): number[] {
  const [x, y, z] = [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041],
  ].map(([p, q, s]) => (p! * linear(r!) + q! * linear(g!) + s! * linear(b!)) / (p! + q! + s!));
  const f = (t: number): number => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  return [116 * f(y!) - 16, 500 * (f(x!) - f(y!)), 200 * (f(y!) - f(z!))];
}

/** https://bottosson.github.io/posts/oklab, the C++ of the article. */
function oklab([r, g, b]: readonly number[]): number[] {
  const [R, G, B] = [linear(r!), linear(g!), linear(b!)];
  const l = Math.cbrt(0.4122214708 * R + 0.5363325363 * G + 0.0514459929 * B);
  const m = Math.cbrt(0.2119034982 * R + 0.6806995451 * G + 0.1073969566 * B);
  const s = Math.cbrt(0.0883024619 * R + 0.2817188376 * G + 0.6299787005 * B);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** [light, chroma, chroma] of one colour. */
export function lightAndChroma(space: OracleSpace, rgb: readonly number[]): number[] {
  if (space === 'lab') return lab(rgb);
  if (space === 'oklab') return oklab(rgb);
  const [r, g, b] = rgb as [number, number, number];
  const y = 0.299 * r + 0.587 * g + 0.114 * b;
  if (space === 'ycbcr') return [y, (b - y) / 1.772, (r - y) / 1.402];
  return [y, 0.5959 * r - 0.2746 * g - 0.3213 * b, 0.2115 * r - 0.5227 * g + 0.3112 * b];
}
