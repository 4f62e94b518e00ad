// Resizing in linear light: a mean of pixels is then what the eye sees from afar, where the mean of encoded values is darker.

import { toEncoded, toLinear } from './lightness.ts';
import { clamp01, toPixels, type Decoded, type Pixels } from './pixels.ts';
import { resize } from './resize.ts';
import type { ResizeFilter } from './taps.ts';

/** Colours by `curve`, alpha as it is. */
function curved({ width, height, data }: Pixels, curve: (value: number) => number): Pixels {
  return { width, height, data: data.map((value, i) => (i % 4 === 3 ? value : clamp01(curve(value)))) };
}

/** `resize` of the light that a picture's sRGB values stand for. The same size returns the picture itself. */
export function resizeLight(picture: Decoded, width: number, height: number, options?: { readonly filter?: ResizeFilter }): Pixels {
  const pixels = toPixels(picture);
  if (width === pixels.width && height === pixels.height) return pixels;
  return curved(resize(curved(pixels, toLinear), width, height, options), toEncoded);
}

/** {@link resize}, or with `light` {@link resizeLight}. */
export function resizeOnHost(
  picture: Decoded,
  width: number,
  height: number,
  { light = false, ...options }: { readonly filter?: ResizeFilter; readonly light?: boolean } = {},
): Pixels {
  return (light ? resizeLight : resize)(picture, width, height, options);
}
