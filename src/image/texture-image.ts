// A caller's texture as a picture, to read or to paint on: which ones, and how their values are meant.

import { badOption } from '../gpu/errors.ts';

/**
 * How the values of a texture are meant, as a shader that samples it gets them: `srgb`, the encoded values that files and
 * 8-bit canvases have, or `srgb-linear`, linear light of the same primaries, which renderers compute with.
 */
export type ColorSpace = 'srgb' | 'srgb-linear';

/** A texture and how its values are meant. Formats that end in -srgb decode by themselves and need no word. */
export interface TextureImage {
  readonly texture: GPUTexture;
  /** Default `srgb`, whatever the format. */
  readonly colorSpace?: ColorSpace;
}

/** Formats that a picture can be painted on: red, green and blue, and render attachments. */
const PAINTABLE: readonly GPUTextureFormat[] = [
  'rgba8unorm',
  'rgba8unorm-srgb',
  'bgra8unorm',
  'bgra8unorm-srgb',
  'rgb10a2unorm',
  'rg11b10ufloat',
  'rgba16float',
  'rgba32float',
];

/** A texture by itself is one with sRGB-encoded values. */
export function textureImage(image: GPUTexture | TextureImage): TextureImage {
  return 'createView' in image ? { texture: image } : image;
}

/** Throws `bad-option` for what is no texture, or none that can be painted on; `shown` is what was given, for the message. */
export function checkPaintable(preview: unknown, shown: string): void {
  const isObject = typeof preview === 'object' && preview !== null;
  const { texture, colorSpace } = isObject ? textureImage(preview as TextureImage) : {};
  if (typeof texture?.createView !== 'function') {
    throw badOption('preview', `got ${shown}`, 'Give a canvas, a GPUTexture, or { texture, colorSpace }');
  }
  checkColorSpace(colorSpace, 'preview');
  const { usage, format, dimension, sampleCount } = texture;
  if ((usage & GPUTextureUsage.RENDER_ATTACHMENT) === 0) {
    throw badOption('preview', `the texture has usage ${usage}`, 'Create it with GPUTextureUsage.RENDER_ATTACHMENT');
  }
  if (PAINTABLE.includes(format) && dimension === '2d' && sampleCount === 1) return;
  throw badOption(
    'preview',
    `the texture is ${dimension} ${format} with ${sampleCount} sample(s)`,
    `Give a 2d one with 1 sample, of ${PAINTABLE.join(', ')}`,
  );
}

/** Throws `bad-option` for words that are no {@link ColorSpace}. */
export function checkColorSpace(colorSpace: unknown, where: string): void {
  if (colorSpace === undefined || colorSpace === 'srgb' || colorSpace === 'srgb-linear') return;
  throw badOption(where, `colorSpace is ${JSON.stringify(colorSpace)}`, "Give 'srgb' or 'srgb-linear'");
}
