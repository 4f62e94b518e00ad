// Everything a user may hand over as a picture, and the one way in.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { isDrawable, tagOf, type Drawable } from './drawable.ts';
import type { BufferImage } from './gpu-source.ts';
import type { TextureImage } from './texture-image.ts';
import { copyBytes, pixelsFromFloats, toPixels, type Decoded, type Pixels } from './pixels.ts';

/** Samples in memory: 8-bit, or floats in [0, 1]; RGBA, RGB or gray by length; interleaved, rows from the top. */
export interface RawImage {
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
}

/**
 * A picture in any form: ImageData, ImageBitmap, image, canvas and video elements, OffscreenCanvas, VideoFrame, Blob or
 * File, a URL (http, https, data, blob) or in Node a file path, encoded bytes (PNG everywhere; else what the browser or
 * sharp decodes), raw samples, a GPUTexture (by itself, or with its colour space), or a GPUBuffer with its size.
 */
export type ImageSource =
  | ImageData
  | Drawable
  | Blob
  | URL
  | string
  | Uint8Array
  | ArrayBuffer
  | RawImage
  | Pixels
  | GPUTexture
  | TextureImage
  | BufferImage;

/** `where` names the input in errors; `device` is needed for textures and buffers only. */
export interface LoadImageOptions {
  readonly where?: string;
  readonly signal?: AbortSignal | undefined;
  readonly device?: GPUDevice | undefined;
}

function ownBytes(source: Uint8Array | ArrayBuffer): Uint8Array<ArrayBuffer> {
  if (!(source instanceof Uint8Array)) return new Uint8Array(source);
  // Bytes in shared memory may change while we read them, and Blob refuses them.
  return source.buffer instanceof ArrayBuffer
    ? (source as Uint8Array<ArrayBuffer>)
    : new Uint8Array(source);
}

/** A File may have been changed or removed since it was chosen. */
async function bytesOfBlob(blob: Blob, where: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    const name = 'name' in blob ? `"${String(blob.name)}"` : 'a Blob';
    const what = `a file that can no longer be read: got ${name}, need its bytes`;
    throw new WgpuStyleError('bad-image', { what, where, fix: 'Choose the file again', cause });
  }
}

function isTexture(source: object): source is GPUTexture | TextureImage {
  const texture = 'texture' in source && typeof source.texture === 'object' && source.texture ? source.texture : source;
  return 'createView' in texture && 'format' in texture;
}

/** What was given, in a word or two, for messages. */
function described(source: unknown): string {
  if (source === null || source === undefined) return String(source);
  if (typeof source !== 'object') return `${typeof source} ${String(source as string | number)}`.slice(0, 60);
  const { data } = source as { data?: unknown };
  return data === undefined ? tagOf(source) : `${tagOf(source)} with data: ${tagOf(data)}`;
}

/** Samples are at hand at once; what reads every other kind of picture is a chunk of its own. */
async function load(source: ImageSource, where: string, options: LoadImageOptions): Promise<Decoded | undefined> {
  if (typeof source === 'string') return loadLocation(source, where, options);
  if (typeof source !== 'object' || source === null) return undefined;
  if (source instanceof Uint8Array || tagOf(source) === 'ArrayBuffer') {
    return loadEncoded(ownBytes(source as Uint8Array | ArrayBuffer), where);
  }
  if (isDrawable(source)) return (await import('./canvas.ts')).pixelsFromDrawable(source, where);
  if (source instanceof URL) return loadLocation(source.href, where, options);
  if (source instanceof Blob) return loadEncoded(await bytesOfBlob(source, where), where);
  const isBuffer = 'buffer' in source && 'width' in source && 'mapAsync' in source.buffer;
  if (isBuffer || isTexture(source)) {
    const { neededDevice, pixelsFromBuffer, pixelsFromTexture } = await import('./gpu-source.ts');
    const device = neededDevice(options.device, where);
    return isTexture(source) ? pixelsFromTexture(device, source, where) : pixelsFromBuffer(device, source as BufferImage, where);
  }
  if (!('data' in source)) return undefined;
  const { data, width, height } = source;
  if (data instanceof Float32Array) return pixelsFromFloats(width, height, data, where);
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) return undefined;
  const isWide =
    'colorSpace' in source &&
    source.colorSpace !== 'srgb' &&
    typeof OffscreenCanvas !== 'undefined';
  if (isWide) return (await import('./canvas.ts')).pixelsFromWideImageData(source as ImageData, where);
  return copyBytes(width, height, data, where);
}

async function loadLocation(location: string, where: string, { signal }: LoadImageOptions): Promise<Decoded> {
  const { readLocation } = await import('./locate.ts');
  return loadEncoded(await readLocation(location, where, signal), where);
}

async function loadEncoded(bytes: Uint8Array<ArrayBuffer>, where: string): Promise<Decoded> {
  const { decodeImage } = await import('./decode.ts');
  return decodeImage(bytes, where);
}

/**
 * Loads a picture from any source as sRGB-encoded RGBA floats. The source itself is neither changed nor kept.
 *
 * @throws as {@link loadPicture} does.
 */
export async function loadImage(source: ImageSource, options?: LoadImageOptions): Promise<Pixels> {
  return toPixels(await loadPicture(source, options));
}

/**
 * The same with 8 bits a channel where the source has no more: a quarter of the memory.
 *
 * @throws `bad-image` for what is missing, damaged, empty, of the wrong length, not finite or no picture at all;
 *   `network` when a URL gives nothing; `aborted` when the signal fires; `bad-option` when a GPU source comes without
 *   its device.
 */
export async function loadPicture(source: ImageSource, options: LoadImageOptions = {}): Promise<Decoded> {
  const { where = 'image', signal } = options;
  throwIfAborted(signal, where);
  const pixels = await load(source, where, options);
  throwIfAborted(signal, where);
  if (pixels) return pixels;
  throw new WgpuStyleError('bad-image', {
    what:
      `not a picture: got ${described(source)}, need a path, URL, Blob, encoded bytes, { data, width, height } with ` +
      '8-bit or float samples, an element, canvas, bitmap or video frame, or a GPUTexture or GPUBuffer',
    where,
    fix: 'Hand over one of these',
  });
}
