// torch.nn.functional.interpolate(mode, align_corners=False, antialias=False) of one channel in float64, as one double sum per output
// sample: upsample_bicubic2d and upsample_bilinear2d of PyTorch 1.13 (aten/src/ATen/native/UpSample.h: area_pixel_compute_source_index,
// cubic_convolution1 and 2 with A = -0.75; indices held within the picture).

function weight(mode: 'bicubic' | 'bilinear', distance: number): number {
  const d = Math.abs(distance);
  if (mode === 'bilinear') return Math.max(0, 1 - d);
  const a = -0.75;
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** [h, w] to [toHeight, toWidth]; not clamped. */
export function interpolateOracle(
  input: ArrayLike<number>,
  width: number,
  height: number,
  toWidth: number,
  toHeight: number,
  mode: 'bicubic' | 'bilinear',
): Float64Array {
  const output = new Float64Array(toWidth * toHeight);
  const held = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));
  for (let v = 0; v < toHeight; v++) {
    const y = ((v + 0.5) * height) / toHeight - 0.5;
    for (let u = 0; u < toWidth; u++) {
      const x = ((u + 0.5) * width) / toWidth - 0.5;
      for (let j = -2; j < height + 2; j++) {
        for (let i = -2; i < width + 2; i++) {
          const value = input[held(j, height) * width + held(i, width)]!;
          output[v * toWidth + u]! += weight(mode, j - y) * weight(mode, i - x) * value;
        }
      }
    }
  }
  return output;
}
