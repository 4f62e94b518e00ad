// Resampling written down as one double sum per output sample, in float64: no separable passes, no tables.

function kernel(filter: 'bicubic' | 'bilinear' | 'box', t: number): number {
  const d = Math.abs(t);
  if (filter === 'box') return t > -0.5 && t <= 0.5 ? 1 : 0;
  if (filter === 'bilinear') return d < 1 ? 1 - d : 0;
  const a = -0.5;
  if (d < 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  if (d < 2) return a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a;
  return 0;
}

/** One channel [h, w] to [toHeight, toWidth]; not clamped. */
export function resizeOracle(
  input: ArrayLike<number>,
  width: number,
  height: number,
  toWidth: number,
  toHeight: number,
  filter: 'bicubic' | 'bilinear' | 'box',
): Float64Array {
  const stretchX = Math.max(1, width / toWidth);
  const stretchY = Math.max(1, height / toHeight);
  const output = new Float64Array(toWidth * toHeight);
  for (let v = 0; v < toHeight; v++) {
    for (let u = 0; u < toWidth; u++) {
      let sum = 0;
      let total = 0;
      for (let y = 0; y < height; y++) {
        const wy = kernel(filter, (y + 0.5 - ((v + 0.5) * height) / toHeight) / stretchY);
        for (let x = 0; x < width && wy !== 0; x++) {
          const w = wy * kernel(filter, (x + 0.5 - ((u + 0.5) * width) / toWidth) / stretchX);
          sum += w * input[y * width + x]!;
          total += w;
        }
      }
      output[v * toWidth + u] = sum / total;
    }
  }
  return output;
}

/** sRGB (IEC 61966-2-1) to linear light, and back. */
function toLinear(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function toEncoded(v: number): number {
  return v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055;
}

/**
 * A whole picture, RGBA [h, w, 4]: colours count as much as they cover, by their encoded values or by the light that these stand
 * for; the result is held within [0, 1]. Colours where nothing covers are 0.
 */
export function pictureOracle(
  data: ArrayLike<number>,
  [width, height]: readonly [number, number],
  [toWidth, toHeight]: readonly [number, number],
  filter: 'bicubic' | 'bilinear' | 'box',
  light: boolean,
): Float64Array {
  const plane = (value: (i: number) => number): Float64Array =>
    resizeOracle(Float64Array.from({ length: width * height }, (_, i) => value(4 * i)), width, height, toWidth, toHeight, filter);
  const alpha = plane((i) => data[i + 3]!);
  const clamp = (v: number): number => Math.min(1, Math.max(0, v));
  const output = new Float64Array(4 * toWidth * toHeight);
  for (let c = 0; c < 3; c++) {
    const colour = plane((i) => data[i + 3]! * (light ? toLinear(data[i + c]!) : data[i + c]!));
    for (let i = 0; i < alpha.length; i++) {
      const straight = clamp(alpha[i]! > 0 ? colour[i]! / alpha[i]! : 0);
      output[4 * i + c] = light ? toEncoded(straight) : straight;
      output[4 * i + 3] = clamp(alpha[i]!);
    }
  }
  return output;
}
