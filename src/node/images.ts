// Picture files in Node: sharp (an optional dependency, loaded when first needed) for everything but PNG.

import path from 'node:path';
import type { Sharp } from 'sharp';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { DecodedImage } from '../gpu/host.ts';
import { encodePng, encodeWidePng, loadImage, maxPixels, pixelsFromBytes, pixelsToBytes, pngInPieces, type Pixels } from '../image/index.ts';
import type { FinishedPicture } from '../style/finished.ts';
import type { StyledPicture } from '../style/picture.ts';
import { writeFileAtomic } from './files.ts';
import { loadSharp } from './sharp.ts';

/** The extensions that can be written, and what each becomes. */
const formats: Readonly<Record<string, 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff'>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
  '.avif': 'avif',
  '.tif': 'tiff',
  '.tiff': 'tiff',
};

/** Draws an SVG on `scale` times as many pixels as it has units. Throws `bad-image` without sharp. */
export async function drawSvg(svg: string, where: string, scale: number = 1): Promise<Pixels> {
  const sharp = await loadSharp(where, 'drawing');
  const source = sharp(Buffer.from(svg), { density: 72 * scale, limitInputPixels: maxPixels, unlimited: true });
  const { data, info } = await source.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return pixelsFromBytes(info.width, info.height, new Uint8Array(data), where);
}

/**
 * Decodes JPEG, WebP, AVIF, TIFF, GIF, PNG, … with sharp: first page, EXIF orientation applied, colours converted to
 * sRGB by the embedded profile, alpha kept; 16-bit and float files give floats of 16 bits, others bytes. Throws
 * `bad-image` for what sharp cannot read, for cut or damaged files and for more than 2^27 pixels.
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  where: string = 'image',
): Promise<DecodedImage> {
  const sharp = await loadSharp(where, 'reading this format');
  const refuse = (what: string, fix: string, cause?: unknown): WgpuStyleError =>
    new WgpuStyleError('bad-image', { what, where, fix, cause });
  try {
    // Without sharp's own limit, which would say less: the header alone is read here.
    const { width, height, depth } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height > maxPixels) {
      throw refuse(
        `too many pixels: got ${width}x${height} = ${width * height}, need at most ${maxPixels}`,
        'Scale the picture down before handing it over',
      );
    }
    const isWide = depth !== 'uchar';
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' })
      .rotate()
      .toColourspace(isWide ? 'rgb16' : 'srgb')
      .ensureAlpha()
      .raw({ depth: isWide ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const size = { width: info.width, height: info.height };
    if (!isWide) return { ...size, data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length) };
    // A copy: the buffer's own memory need not begin at an even address.
    const samples = new Uint16Array(new Uint8Array(data).buffer);
    return { ...size, data: Float32Array.from(samples, (sample) => sample / 65535) };
  } catch (cause) {
    if (cause instanceof WgpuStyleError) throw cause;
    // libvips reports several lines at times; the first says it.
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0];
    throw refuse(
      `a picture that cannot be decoded: got ${bytes.length} bytes (${reason}), need PNG, JPEG, WebP, AVIF or TIFF`,
      'Check that the file is whole and a picture, or save it as PNG',
      cause,
    );
  }
}

/** The format that a file name asks for. Throws `bad-option` for an extension that cannot be written. */
export function imageFormat(
  file: string,
  where: string = 'imageFormat',
): 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff' {
  const extension = path.extname(file).toLowerCase();
  const format = formats[extension];
  if (format) return format;
  throw badOption(
    where,
    `no picture format for "${file}": got extension "${extension}", need ${Object.keys(formats).join(', ')}`,
    'Rename the output',
  );
}

/** Makes sure that the format of `file` can be written here, before a long run. Throws as `encodeImage` would. */
export async function checkFormat(file: string, where: string = 'checkFormat'): Promise<void> {
  if (imageFormat(file, where) !== 'png') await loadSharp(where, `writing "${file}"`);
}

/** A result as the library gives it (8-bit RGBA bytes, and its own way to 16 bits), or `Pixels`. */
export type WritableImage =
  | Pixels
  | {
      readonly width: number;
      readonly height: number;
      readonly pixels: Uint8ClampedArray;
      readonly toPng?: StyledPicture['toPng'];
    };

function bytesOf(image: WritableImage): Uint8ClampedArray {
  return 'pixels' in image ? image.pixels : pixelsToBytes(image);
}

/** How a picture is written. */
export interface WriteOptions {
  /** Texts of a PNG; other formats have no place for them. */
  readonly text?: Readonly<Record<string, string>>;
  /** Bits a sample: 8 (default), or 16 for PNG. */
  readonly bits?: 8 | 16 | undefined;
  readonly where?: string;
}

/** Throws `bad-option` when a file of this name cannot have so many bits. */
export function checkBits(file: string, bits: number = 8): void {
  if (bits === 8 || imageFormat(file, '-o') === 'png') return;
  throw badOption('--bits', `${path.extname(file)} files are written with 8 bits`, 'Name the output .png, or leave --bits out');
}

/**
 * Encodes a picture in the format of the file name: PNG (with `text` inside), JPEG, WebP and AVIF at quality 95 without
 * chroma subsampling where the format allows it, TIFF without loss. JPEG has no alpha: transparent parts become white.
 */
export async function encodeImage(
  file: string,
  image: WritableImage,
  { text, bits, where = 'encodeImage' }: WriteOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const format = imageFormat(file, where);
  const { width, height } = image;
  if (bits === 16) {
    checkBits(file, bits);
    if ('toPng' in image && image.toPng) return image.toPng({ bits, ...(text && { text }) });
    const floats = 'data' in image ? image : pixelsFromBytes(width, height, image.pixels, where);
    return encodeWidePng(floats, { where, ...(text && { text }) });
  }
  const rgba = bytesOf(image);
  if (format === 'png') return encodePng(width, height, rgba, { where, ...(text && { text }) });
  const sharp = await loadSharp(where, `writing "${file}"`);
  const isOpaque = rgba.every((value, i) => i % 4 !== 3 || value === 255);
  const raw = sharp(rgba, { raw: { width, height, channels: 4 }, limitInputPixels: maxPixels });
  const source = isOpaque ? raw.removeAlpha() : raw;
  const encoders: Readonly<Record<typeof format, () => Sharp>> = {
    jpeg: () =>
      source.flatten({ background: '#ffffff' }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
    webp: () => source.webp({ quality: 95, smartSubsample: true }),
    avif: () => source.avif({ quality: 95, chromaSubsampling: '4:4:4' }),
    tiff: () => source.tiff({ compression: 'deflate', predictor: 'horizontal' }),
  };
  try {
    return new Uint8Array(await encoders[format]().toBuffer());
  } catch (cause) {
    throw new WgpuStyleError('bad-image', {
      what: `${format} cannot hold this picture of ${width}x${height}: ${cause instanceof Error ? cause.message : String(cause)}`,
      where,
      fix: 'Write a PNG',
      cause,
    });
  }
}

/** Reads a picture file to sRGB-encoded RGBA floats. Throws `bad-image`. */
export async function readImageFile(file: string): Promise<Pixels> {
  return loadImage(file, { where: 'readImageFile' });
}

/**
 * Writes a picture file as a whole or not at all, in the format of its extension (see `encodeImage`); one that still lies on the
 * GPU is read back for it, as a PNG in bands where it is large. Throws `bad-option` for unknown extensions, missing or
 * read-only folders, `bad-image` when it cannot be encoded.
 */
export async function writeImageFile(
  file: string,
  image: WritableImage | FinishedPicture,
  options: WriteOptions = {},
): Promise<void> {
  const where = options.where ?? 'writeImageFile';
  await writeFileAtomic(file, await fileBytes(file, image, { ...options, where }), where);
}

/** A large PNG is written as it is made, and made as it is read back where the picture is on the GPU. */
async function fileBytes(
  file: string,
  image: WritableImage | FinishedPicture,
  options: WriteOptions & { readonly where: string },
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  const isPng = imageFormat(file, options.where) === 'png';
  if (isOnDevice(image)) {
    const { bits = 8, text } = options;
    return isPng ? image.png({ bits, ...(text && { text }) }) : encodeImage(file, await image.read(), options);
  }
  if (isPng && options.bits !== 16) return pngInPieces(image.width, image.height, bytesOf(image), options);
  return encodeImage(file, image, options);
}

function isOnDevice(image: WritableImage | FinishedPicture): image is FinishedPicture {
  return 'read' in image;
}

/** Whether a file of this name is made of a result band by band, so that the result is better left where it lies. */
export function isWrittenInBands(file: string, image: WritableImage | FinishedPicture, bits: WriteOptions['bits']): boolean {
  return isOnDevice(image) && imageFormat(file) === 'png' && image.goesInBands(bits);
}
