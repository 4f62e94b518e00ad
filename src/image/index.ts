export {
  clamp01,
  isOpaque,
  maxPixels,
  pixelsFromBytes,
  pixelsFromFloats,
  pixelsFromPlanar,
  pixelsToBytes,
  pixelsToPlanar,
  type BytePixels,
  type Decoded,
  type Pixels,
} from './pixels.ts';
export { loadImage, loadPicture, type ImageSource, type LoadImageOptions, type RawImage } from './source.ts';
export type { Drawable } from './drawable.ts';
export type { BufferFormat, BufferImage } from './gpu-source.ts';
export { decodePng, encodePng, pngInPieces } from './png.ts';
export { readPngText } from './png-text.ts';
export { encodeWidePng } from './png-wide.ts';
export { fitSize } from './fit-size.ts';
export { resize } from './resize.ts';
export type { ResizeFilter } from './taps.ts';
export {
  keepColors,
  matchColors,
  matchHistogram,
  matchLuma,
  toLuma,
  type ColorMatch,
} from './color.ts';
export type { LightnessSpace } from './lightness.ts';
export { checkPaintable, textureImage, type ColorSpace, type TextureImage } from './texture-image.ts';
export { Painter, type PaintSource, type PaintTarget } from './paint.ts';
export type { Preview } from './preview.ts';
export { normal, uniform } from './random.ts';
