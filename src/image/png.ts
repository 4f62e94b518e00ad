// PNG in and out. In: every colour type, depth and interlacing of the specification, 16 bits kept. Out: 8-bit RGB or
// RGBA through upng-js, with the settings of a run as text if wanted; the same picture gives the same bytes on every
// machine (upng-js deflates in JavaScript), unless it is large: upng-js takes many times its size in memory. Those are
// written row by row (png-rows.ts). 16 bits out are png-wide.ts, texts png-text.ts.
import { WgpuStyleError } from '../gpu/errors.ts';
import { checkSides, LARGE, toPixels, type Decoded, type Pixels } from './pixels.ts';
import { readChunks, readHeader, writeChunks, type PngChunk } from './png-chunks.ts';
import { encodeRows, rowsInPieces, type RowsFile } from './png-rows.ts';
import { readScanlines } from './png-scanlines.ts';
import { withTexts } from './png-text.ts';

/**
 * Decodes a PNG to sRGB-encoded bytes, or floats where it has 16 bits, as they stand in the file: colour profiles are not
 * applied (see `pngWantsConversion`). Throws `bad-image` when the file is not a PNG, damaged, cut off or too large.
 */
export async function readPng(bytes: Uint8Array, where: string = 'image'): Promise<Decoded> {
  const chunks = readChunks(bytes, where);
  const header = readHeader(chunks, where);
  checkSides(header.width, header.height, where);
  const parts = chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data);
  const palette = chunks.find(({ type }) => type === 'PLTE')?.data;
  const transparency = chunks.find(({ type }) => type === 'tRNS')?.data;
  const tables = { ...(palette && { palette }), ...(transparency && { transparency }) };
  const { width, height } = header;
  const samples = await readScanlines(header, parts, tables, where);
  return samples instanceof Float32Array ? { width, height, data: samples } : { width, height, bytes: samples };
}

/** {@link readPng} in floats. */
export async function decodePng(bytes: Uint8Array, where: string = 'image'): Promise<Pixels> {
  return toPixels(await readPng(bytes, where));
}

/**
 * True when the file carries a colour profile or an orientation, so that a decoder with colour management should be
 * asked first. Throws `bad-image` as `decodePng` does for a damaged container.
 */
export function pngWantsConversion(bytes: Uint8Array, where: string = 'image'): boolean {
  return readChunks(bytes, where).some(
    ({ type }) => type === 'iCCP' || type === 'cICP' || type === 'eXIf',
  );
}

/** Image data that is only framed, not compressed: zlib with stored blocks, rows unfiltered. */
function storedImageData(rows: Uint8Array): Uint8Array<ArrayBuffer> {
  const most = 0xffff;
  const blocks = Math.max(1, Math.ceil(rows.length / most));
  const bytes = new Uint8Array(2 + 5 * blocks + rows.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x78, 0x01]);
  let at = 2;
  let a = 1;
  let b = 0;
  for (let block = 0; block < blocks; block++) {
    const part = rows.subarray(block * most, (block + 1) * most);
    bytes[at] = block === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, part.length, true);
    view.setUint16(at + 3, ~part.length & 0xffff, true);
    bytes.set(part, at + 5);
    at += 5 + part.length;
    for (const byte of part) {
      a = (a + byte) % 65521;
      b = (b + a) % 65521;
    }
  }
  view.setUint32(at, b * 65536 + a);
  return bytes;
}

/** Rows of RGB or RGBA bytes, each behind a filter byte 0. */
function plainRows(rgba: Uint8Array, width: number, height: number, channels: 3 | 4): Uint8Array {
  const length = channels * width;
  const rows = new Uint8Array(height * (1 + length));
  for (let y = 0; y < height; y++) copyRow(rgba, width, y, channels, rows.subarray(y * (1 + length) + 1, (y + 1) * (1 + length)));
  return rows;
}

/** Row y of RGBA bytes as RGB or RGBA. */
export function copyRow(rgba: Uint8Array | Uint8ClampedArray, width: number, y: number, channels: 3 | 4, row: Uint8Array): void {
  for (let x = 0, to = 0, from = 4 * y * width; x < width; x++, from += 4) {
    for (let c = 0; c < channels; c++) row[to++] = rgba[from + c]!;
  }
}

interface Upng {
  encode(
    frames: readonly ArrayBuffer[],
    width: number,
    height: number,
    colours: number,
    delays: undefined,
    forbidPalette: boolean,
  ): ArrayBuffer;
}

/**
 * Encodes 8-bit RGBA bytes [h, w, 4] as a PNG: RGBA, or RGB when every alpha is 255. `text` adds one text chunk per
 * entry (keys: 1 to 79 printable ASCII characters). Up to 16 megapixels the bytes are the same everywhere. Throws `bad-image` when sides or length are wrong.
 */
export async function encodePng(
  width: number,
  height: number,
  rgba: Uint8Array | Uint8ClampedArray,
  {
    text = {},
    where = 'encodePng',
  }: { readonly text?: Readonly<Record<string, string>>; readonly where?: string } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkSides(width, height, where);
  if (rgba.length !== 4 * width * height) {
    throw new WgpuStyleError('bad-image', {
      what: `data of the wrong length for ${width}x${height} pixels: got ${rgba.length} bytes, need ${4 * width * height}`,
      where,
      fix: 'Give RGBA, 4 bytes per pixel',
    });
  }
  if (width * height > LARGE) return encodeRows(largeFile(width, height, rgba, text));
  const { default: upng } = (await import('upng-js')) as unknown as { default: Upng };
  const copy = new Uint8Array(rgba);
  const file = new Uint8Array(upng.encode([copy.buffer], width, height, 0, undefined, true));
  return writeChunks(withTexts(encodedChunks(file, copy, width, height), text));
}

/** What {@link encodePng} gives, above 16 megapixels in pieces as they are made. Throws as it does, some of it when it is read. */
export async function* pngInPieces(
  width: number,
  height: number,
  rgba: Uint8Array | Uint8ClampedArray,
  options: { readonly text?: Readonly<Record<string, string>>; readonly where?: string } = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const isLarge = width * height > LARGE && rgba.length === 4 * width * height;
  if (isLarge) yield* rowsInPieces(largeFile(width, height, rgba, options.text ?? {}));
  else yield await encodePng(width, height, rgba, options);
}

function largeFile(
  width: number,
  height: number,
  rgba: Uint8Array | Uint8ClampedArray,
  text: Readonly<Record<string, string>>,
): RowsFile {
  const channels = rgba.every((value, i) => i % 4 !== 3 || value === 255) ? 3 : 4;
  const rowAt = (y: number, row: Uint8Array): void => copyRow(rgba, width, y, channels, row);
  return { header: { width, height, depth: 8, channels }, filter: 'adaptive', rowAt, text };
}

/**
 * The chunks that upng-js wrote. It reserves 4 bytes per pixel and 100 more for the whole file and drops what lies
 * beyond, so pictures that do not compress (noise with alpha, or one pixel wide) come out cut: those are stored.
 */
function encodedChunks(
  file: Uint8Array,
  rgba: Uint8Array,
  width: number,
  height: number,
): readonly PngChunk[] {
  const overflowed = file.length >= rgba.length + 100;
  if (!overflowed) return readChunks(file, 'encodePng');
  const channels = file[25] === 6 ? 4 : 3;
  const head = readChunks(file.subarray(0, 33), 'encodePng');
  const none = new Uint8Array(0);
  return [
    ...head,
    { type: 'sRGB', data: Uint8Array.of(1) },
    { type: 'IDAT', data: storedImageData(plainRows(rgba, width, height, channels)) },
    { type: 'IEND', data: none },
  ];
}
