// Pictures that are on the GPU already: a texture or a buffer of the caller's, copied back once. Never destroyed here.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import { readBuffer } from '../gpu/readback.ts';
import { toEncoded } from './lightness.ts';
import { checkSides, clamp01, pixelsFromBytes, pixelsFromFloats, type Pixels } from './pixels.ts';
import { checkColorSpace, textureImage, type ColorSpace, type TextureImage } from './texture-image.ts';

/** How the pixels of a buffer lie: four floats in [0, 1], or four bytes; RGBA, rows without padding. */
export type BufferFormat = 'rgba32float' | 'rgba8unorm';

/** A picture in a caller's GPUBuffer (with COPY_SRC); `format` may be left out when the size of the buffer tells. */
export interface BufferImage {
  readonly buffer: GPUBuffer;
  readonly width: number;
  readonly height: number;
  readonly format?: BufferFormat;
  /** Where the pixels begin, in bytes, a multiple of 4; default 0. */
  readonly offset?: number;
  /** Default `srgb`, whatever the format. */
  readonly colorSpace?: ColorSpace;
}

const bytesPerPixel: Readonly<Partial<Record<GPUTextureFormat, number>>> = {
  rgba8unorm: 4,
  'rgba8unorm-srgb': 4,
  bgra8unorm: 4,
  'bgra8unorm-srgb': 4,
  rgb10a2unorm: 4,
  rgba16float: 8,
  rgba32float: 16,
};

function refuse(where: string, what: string, fix: string, cause?: unknown): WgpuStyleError {
  return new WgpuStyleError('bad-image', { what, where, fix, cause });
}

/** The device, or `bad-option` saying that this kind of source needs it. */
export function neededDevice(device: GPUDevice | undefined, where: string): GPUDevice {
  if (device) return device;
  throw badOption(
    where,
    'a GPU source without its device: got none, need the GPUDevice it lives on',
    'Pass device',
  );
}

/** IEEE half to number. */
function halfToNumber(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return (
    sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
  );
}

/** Runs GPU commands and turns what validation says about them into `bad-image`. */
async function validated<T>(device: GPUDevice, where: string, work: () => Promise<T>): Promise<T> {
  device.pushErrorScope('validation');
  // Inside an async function, so that what it throws at once cannot leave the scope open.
  const result = (async () => work())();
  const popped = device.popErrorScope();
  const [value, error] = await Promise.all([result, popped]);
  if (error) {
    throw refuse(
      where,
      `the GPU would not copy it: ${error.message}`,
      'Hand over a texture or buffer that is alive and not mapped',
      error,
    );
  }
  return value;
}

/** RGBA from the texels of a format, rows already tight. */
function texelsToPixels(
  texture: GPUTexture,
  bytes: Uint8Array<ArrayBuffer>,
  isLinear: boolean,
  where: string,
): Pixels {
  const { width, height, format } = texture;
  const fromFloats = (floats: Float32Array): Pixels => pixelsFromFloats(width, height, isLinear ? encoded(floats) : floats, where);
  if (format === 'rgba32float') return fromFloats(new Float32Array(bytes.buffer));
  if (format === 'rgba16float') return fromFloats(Float32Array.from(new Uint16Array(bytes.buffer), halfToNumber));
  if (format === 'rgb10a2unorm') {
    const sample = (word: number, c: number): number => (c < 3 ? ((word >>> (10 * c)) & 1023) / 1023 : (word >>> 30) / 3);
    const words = new Uint32Array(bytes.buffer);
    return fromFloats(Float32Array.from(bytes, (_, i) => sample(words[i >> 2]!, i & 3)));
  }
  if (format.startsWith('bgra')) {
    for (let i = 0; i < bytes.length; i += 4) [bytes[i], bytes[i + 2]] = [bytes[i + 2]!, bytes[i]!];
  }
  // The bytes of -srgb formats are encoded values: only the sampler decodes them.
  if (!isLinear || format.endsWith('-srgb')) return pixelsFromBytes(width, height, bytes, where);
  return fromFloats(Float32Array.from(bytes, (value) => value / 255));
}

/** RGBA of linear light as sRGB; more light than white, as scenes have it, is white. */
function encoded(rgba: Float32Array): Float32Array {
  return rgba.map((value, i) => (i % 4 === 3 || !Number.isFinite(value) ? value : toEncoded(clamp01(value))));
}

/**
 * Reads level 0, layer 0 of a 2D texture with COPY_SRC: rgba8unorm(-srgb), bgra8unorm(-srgb), rgb10a2unorm, rgba16float
 * or rgba32float. Values are taken as sRGB-encoded with straight alpha, unless `colorSpace` says that they are linear.
 * Throws `bad-image` for other textures.
 */
export async function pixelsFromTexture(
  device: GPUDevice,
  image: GPUTexture | TextureImage,
  where: string,
): Promise<Pixels> {
  const { texture, colorSpace } = textureImage(image);
  checkColorSpace(colorSpace, where);
  const { width, height, format } = texture;
  checkSides(width, height, where);
  const texelBytes = bytesPerPixel[format];
  if (!texelBytes || texture.dimension !== '2d' || texture.sampleCount !== 1) {
    throw refuse(
      where,
      `an unsupported texture: got ${texture.dimension} ${format} with ${texture.sampleCount} sample(s), ` +
        `need 2d, 1 sample, one of ${Object.keys(bytesPerPixel).join(', ')}`,
      'Copy or render it into a texture of such a format',
    );
  }
  if (!(texture.usage & GPUTextureUsage.COPY_SRC)) {
    throw refuse(
      where,
      'a texture that may not be copied: got a usage without COPY_SRC',
      'Add GPUTextureUsage.COPY_SRC',
    );
  }
  // Copies out of textures need rows of whole 256 bytes.
  const bytesPerRow = Math.ceil((width * texelBytes) / 256) * 256;
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const { result: staging, settled } = watchMemory(device, where, () => createBuffer(device, 'image/texture', bytesPerRow * height, usage));
  try {
    await settled;
    const padded = await validated(device, where, () => {
      const encoder = device.createCommandEncoder({ label: 'wgpu-style/image/texture' });
      encoder.copyTextureToBuffer({ texture }, { buffer: staging, bytesPerRow }, { width, height });
      device.queue.submit([encoder.finish()]);
      return readBuffer(device, staging, 0, bytesPerRow * height);
    });
    const rows = new Uint8Array(width * texelBytes * height);
    for (let y = 0; y < height; y++) {
      rows.set(new Uint8Array(padded, y * bytesPerRow, width * texelBytes), y * width * texelBytes);
    }
    return texelsToPixels(texture, rows, colorSpace === 'srgb-linear', where);
  } finally {
    destroyBuffer(staging);
  }
}

/** The format that a buffer of this many bytes has; buffers may be rounded up to 16 bytes. */
function formatBySize(area: number, bytes: number): BufferFormat | undefined {
  if (bytes === 16 * area) return 'rgba32float';
  return bytes >= 4 * area && bytes < 4 * area + 16 ? 'rgba8unorm' : undefined;
}

/** Reads RGBA pixels from a buffer with COPY_SRC. Throws `bad-image` when size, usage or values do not fit. */
export async function pixelsFromBuffer(
  device: GPUDevice,
  image: BufferImage,
  where: string,
): Promise<Pixels> {
  const { buffer, width, height, offset = 0, colorSpace } = image;
  checkColorSpace(colorSpace, where);
  checkSides(width, height, where);
  const area = width * height;
  const room = buffer.size - offset;
  const format = image.format ?? formatBySize(area, room);
  const needed = (format === 'rgba8unorm' ? 4 : 16) * area;
  if (!format || !(room >= needed) || offset < 0 || offset % 4 !== 0) {
    throw refuse(
      where,
      `a buffer of the wrong size for ${width}x${height} pixels: got ${buffer.size} bytes from offset ${offset}, ` +
        `need ${16 * area} (rgba32float) or ${4 * area} (rgba8unorm)`,
      'Check width and height, and give format when the buffer is larger than the picture',
    );
  }
  if (!(buffer.usage & GPUBufferUsage.COPY_SRC)) {
    throw refuse(
      where,
      'a buffer that may not be copied: got a usage without COPY_SRC',
      'Add GPUBufferUsage.COPY_SRC',
    );
  }
  const bytes = await validated(device, where, () => readBuffer(device, buffer, offset, needed));
  const isFloat = format === 'rgba32float';
  if (!isFloat && colorSpace !== 'srgb-linear') return pixelsFromBytes(width, height, new Uint8Array(bytes), where);
  const floats = isFloat ? new Float32Array(bytes) : Float32Array.from(new Uint8Array(bytes), (value) => value / 255);
  return pixelsFromFloats(width, height, colorSpace === 'srgb-linear' ? encoded(floats) : floats, where);
}
