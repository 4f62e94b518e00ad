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
