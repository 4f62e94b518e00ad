// The container of a PNG file: signature, length-type-data-CRC chunks, the header. What is inside the image data is
// png-scanlines.ts; putting a file together is png.ts. (PNG specification, third edition, sections 5 and 11.)
import { WgpuStyleError } from '../gpu/errors.ts';
import { joinBytes } from './bytes.ts';

/** One chunk: a four-letter type and a view of its bytes. */
export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

/** The header (IHDR): samples per pixel follow from `colourType`, bits per sample are `depth`. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA. */
  readonly colourType: 0 | 2 | 3 | 4 | 6;
  readonly interlaced: boolean;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;

/** Table of CRC-32 (polynomial 0xEDB88320), one entry per byte value. */
const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 as PNG, gzip and zip use it; of bytes that go on, given that of those `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let c = before ^ 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export function corrupt(where: string, what: string, cause?: unknown): WgpuStyleError {
  return new WgpuStyleError('bad-image', {
    what: `a corrupt PNG: ${what}`,
    where,
    fix: 'Save or download the picture again',
    cause,
  });
}

/** True when the bytes begin as every PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

/**
 * All chunks up to IEND, or to the end of a file that lost it. Throws `bad-image` where a chunk is cut off or the
 * checksum of a chunk that the picture depends on is wrong; ancillary chunks with a wrong checksum are left out.
 */
export function readChunks(bytes: Uint8Array, where: string): readonly PngChunk[] {
  if (!isPng(bytes)) throw corrupt(where, 'the first 8 bytes are not those of a PNG');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: PngChunk[] = [];
  let at = signature.length;
  while (at < bytes.length) {
    const room = bytes.length - at - 12;
    const length = room < 0 ? 0 : view.getUint32(at);
    if (room < 0 || length > room) {
      throw corrupt(
        where,
        `the file ends inside a chunk: got ${bytes.length} bytes, need ${at + 12 + length}`,
      );
    }
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const isSound =
      crc32(bytes.subarray(at + 4, at + 8 + length)) === view.getUint32(at + 8 + length);
    const matters = /^[A-Z]/.test(type) || type === 'tRNS';
    if (!isSound && matters)
      throw corrupt(where, `the checksum of its ${type} chunk at byte ${at} is wrong`);
    if (isSound) chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
    if (type === 'IEND') break;
  }
  return chunks;
}

const depthsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** The header chunk, checked. Throws `bad-image` for combinations that the specification does not have. */
export function readHeader(chunks: readonly PngChunk[], where: string): PngHeader {
  const first = chunks[0];
  if (first?.type !== 'IHDR' || first.data.length !== 13) {
    throw corrupt(where, `it begins with ${first?.type ?? 'nothing'} instead of its header`);
  }
  const view = new DataView(first.data.buffer, first.data.byteOffset, 13);
  const [depth, colourType, compression, filter, interlace] = first.data.subarray(8);
  if (!depthsOf[colourType!]?.includes(depth!)) {
    throw corrupt(where, `no such pixel format: colour type ${colourType} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || interlace! > 1) {
    throw corrupt(where, `unknown methods ${compression}, ${filter}, ${interlace} in the header`);
  }
  return {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth: depth as PngHeader['depth'],
    colourType: colourType as PngHeader['colourType'],
    interlaced: interlace === 1,
  };
}

/** What every file begins with. */
export function pngSignature(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(signature);
}

/** One chunk as it stands in a file: length, type, data, CRC. */
export function chunkBytes({ type, data }: PngChunk): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** A whole file: the signature and the chunks, in order. */
export function writeChunks(chunks: readonly PngChunk[]): Uint8Array<ArrayBuffer> {
  return joinBytes([pngSignature(), ...chunks.map(chunkBytes)]);
}
