// Colour spaces that tell light from colour: three numbers, the first of which is the light.
//   ycbcr   Y'CbCr of Rec. 601, on sRGB-encoded values; yiq has the same luma and the same plane of chroma, turned
//   lab     CIE L*a*b* of 1976, white D65, L* over 100
//   oklab   Björn Ottosson's Oklab (2020), version of 2021-01-25

/** A space by name. */
export type LightnessSpace = 'ycbcr' | 'yiq' | 'lab' | 'oklab';

export type Color = readonly [number, number, number];

/** From sRGB-encoded RGB in [0, 1], and back (RGB may then leave [0, 1]). */
export interface Lightness {
  readonly from: (rgb: Color) => Color;
  readonly to: (color: Color) => Color;
}

type Rows = readonly [Color, Color, Color];

function times([a, b, c]: Rows, [x, y, z]: Color): Color {
  const row = (r: Color): number => r[0] * x + r[1] * y + r[2] * z;
  return [row(a), row(b), row(c)];
}

/** Inverse of three rows, by cofactors. */
function inverse([a, b, c]: Rows): Rows {
  const cross = (u: Color, v: Color): Color => [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
  const [bc, ca, ab] = [cross(b, c), cross(c, a), cross(a, b)];
  const determinant = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2];
  const column = (i: 0 | 1 | 2): Color => [bc[i] / determinant, ca[i] / determinant, ab[i] / determinant];
  return [column(0), column(1), column(2)];
}

function linearSpace(rows: Rows): Lightness {
  const back = inverse(rows);
  return { from: (rgb) => times(rows, rgb), to: (color) => times(back, color) };
}

/** sRGB (IEC 61966-2-1) to linear light; odd, so that values below 0 stay numbers. */
export function toLinear(value: number): number {
  const v = Math.abs(value);
  return Math.sign(value) * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
}

/** Linear light to sRGB, likewise odd. */
export function toEncoded(value: number): number {
  const v = Math.abs(value);
  return Math.sign(value) * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);
}

/** What is linear light, then a matrix, then a curve, then a matrix. */
function perceptual(first: Rows, second: Rows, bend: (v: number) => number, unbend: (v: number) => number): Lightness {
  const [firstBack, secondBack] = [inverse(first), inverse(second)];
  const each = ([a, b, c]: Color, f: (v: number) => number): Color => [f(a), f(b), f(c)];
  return {
    from: (rgb) => times(second, each(times(first, each(rgb, toLinear)), bend)),
    to: (color) => each(times(firstBack, each(times(secondBack, color), unbend)), toEncoded),
  };
}

/** RGB of sRGB to XYZ over the white D65: rows that sum to 1, so that gray is exactly gray. */
const XYZ_OVER_WHITE: Rows = (
  [
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041],
  ] as const
).map(([r, g, b]) => [r / (r + g + b), g / (r + g + b), b / (r + g + b)]) as unknown as Rows;

const D = 6 / 29;

export const lightnessSpaces: Readonly<Record<LightnessSpace, Lightness>> = {
  ycbcr: linearSpace([
    [0.299, 0.587, 0.114],
    [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772],
    [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402],
  ]),
  yiq: linearSpace([
    [0.299, 0.587, 0.114],
    [0.5959, -0.2746, -0.3213],
    [0.2115, -0.5227, 0.3112],
  ]),
  lab: perceptual(
    XYZ_OVER_WHITE,
    // (116·fy - 16) / 100 without its constant, which changes nothing when light is put in place of light; a; b
    [[0, 1.16, 0], [5, -5, 0], [0, 2, -2]],
    (v) => (v > D ** 3 ? Math.cbrt(v) : v / (3 * D * D) + 4 / 29),
    (v) => (v > D ? v ** 3 : 3 * D * D * (v - 4 / 29)),
  ),
  oklab: perceptual(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    Math.cbrt,
    (v) => v ** 3,
  ),
};
