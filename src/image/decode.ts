// Encoded bytes to pixels: PNG by our own decoder everywhere, the rest by the browser or by the host (sharp in Node).

import { WgpuStyleError } from '../gpu/errors.ts';
import { host } from '../gpu/host.ts';
import { decodeInBrowser } from './canvas.ts';
import { isPng } from './png-chunks.ts';
import { pngWantsConversion, readPng } from './png.ts';
import { checkSides, pixelsFromFloats, type Decoded } from './pixels.ts';

/** First bytes of what people hand over, for messages only; decoders look for themselves. */
const beginnings: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['a PNG picture', /^\x89PNG/],
  ['a JPEG picture', /^\xff\xd8\xff/],
  ['a WebP picture', /^RIFF[^]{4}WEBP/],
  ['an AVIF or HEIC picture', /^[^]{4}ftyp(?:avi|hei|mif|hev)/],
  ['a TIFF picture', /^(?:II\*\0|MM\0\*)/],
  ['a GIF picture', /^GIF8/],
  ['a BMP picture', /^BM/],
  ['a PDF document', /^%PDF/],
  ['a zip archive', /^PK\x03\x04/],
  ['a web page', /^\s*<(?:!doctype html|html)/i],
  ['an SVG drawing', /^\s*<(?:\?xml[^]*)?(?:svg|!DOCTYPE svg)/],
  ['text', /^[\t\n\r\x20-\x7e]+$/],
];

/** What the bytes seem to be, in words. */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const head = String.fromCharCode(...bytes.subarray(0, 256));
  const kind =
    beginnings.find(([, pattern]) => pattern.test(head))?.[0] ?? 'no known kind of picture';
  return `${bytes.length} bytes that look like ${kind}`;
}

async function decodeByPlatform(
  bytes: Uint8Array<ArrayBuffer>,
  where: string,
): Promise<Decoded | undefined> {
  if (!host.decodeImage) return decodeInBrowser(bytes, where);
  const { width, height, data } = await host.decodeImage(bytes, where);
  if (data instanceof Float32Array) return pixelsFromFloats(width, height, data, where);
  checkSides(width, height, where);
  return { width, height, bytes: data };
}

/**
 * Decodes a PNG, or whatever else the platform can: in browsers what `createImageBitmap` takes, in Node what sharp
 * takes (JPEG, WebP, AVIF, TIFF, GIF, …), orientation and colour profile applied. Throws `bad-image`.
 */
export async function decodeImage(bytes: Uint8Array<ArrayBuffer>, where: string): Promise<Decoded> {
  if (isPng(bytes)) {
    if (pngWantsConversion(bytes, where)) {
      // Better with the profile applied, but no reason to fail where nobody can.
      const converted = await decodeByPlatform(bytes, where).catch(() => undefined);
      if (converted) return converted;
    }
    return readPng(bytes, where);
  }
  const need = 'PNG, JPEG, WebP, AVIF or TIFF';
  try {
    const pixels = bytes.length > 0 ? await decodeByPlatform(bytes, where) : undefined;
    if (pixels) return pixels;
  } catch (cause) {
    if (cause instanceof WgpuStyleError) throw cause;
    throw new WgpuStyleError('bad-image', {
      what: `a picture that cannot be decoded: got ${describeBytes(bytes)}, need ${need}`,
      where,
      fix: 'Check that the file is whole, or save it as PNG',
      cause,
    });
  }
  throw new WgpuStyleError('bad-image', {
    what: `not a picture that can be read here: got ${describeBytes(bytes)}, need ${bytes.length > 0 ? 'PNG' : need}`,
    where,
    fix:
      bytes.length > 0
        ? 'Save it as PNG, or import wgpu-style/node in Node'
        : 'Save or download it again',
  });
}
