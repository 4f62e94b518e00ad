// Writes PNG files of every kind from samples, straight from the specification and with Node's zlib: no code of src,
// so that the decoder is tested against something that does not share its mistakes.
import { deflateSync } from 'node:zlib';

export interface PngRecipe {
  readonly width: number;
  readonly height: number;
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA. */
  readonly colourType: 0 | 2 | 3 | 4 | 6;
  readonly interlaced?: boolean;
  /** Filter type of row y of a pass; default 0. */
  readonly filter?: (y: number) => number;
  /** Sample `c` of pixel (x, y), 0 to 2^depth - 1. */
  readonly sample: (x: number, y: number, c: number) => number;
  /** Chunks to put before the image data. */
  readonly extra?: readonly (readonly [type: string, data: Uint8Array])[];
}

export function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crcOf(body));
  return Buffer.concat([length, body, crc]);
}

function crcOf(bytes: Uint8Array): number {
  let c = ~0;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}

const channelsOf = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function predictor(type: number, a: number, b: number, c: number): number {
  if (type === 1) return a;
  if (type === 2) return b;
  if (type === 3) return Math.floor((a + b) / 2);
  if (type === 4) {
    const p = a + b - c;
    const order = [a, b, c].map((v) => [Math.abs(p - v), v] as const);
    return order.reduce((best, next) => (next[0] < best[0] ? next : best))[1];
  }
  return 0;
}

/** Rows of the pixels (x0 + i dx, y0 + j dy), filtered, each behind its filter byte. */
function rowsOf(recipe: PngRecipe, x0: number, y0: number, dx: number, dy: number): number[] {
  const { depth, sample } = recipe;
  const channels = channelsOf[recipe.colourType];
  const step = Math.max(1, (channels * depth) / 8);
  const bytes: number[] = [];
  let above: number[] = [];
  for (let y = y0, j = 0; y < recipe.height; y += dy, j++) {
    let bits = '';
    for (let x = x0; x < recipe.width; x += dx) {
      for (let c = 0; c < channels; c++) bits += sample(x, y, c).toString(2).padStart(depth, '0');
    }
    if (bits === '') return [];
    const row = (bits.match(/.{1,8}/g) ?? []).map((byte) => parseInt(byte.padEnd(8, '0'), 2));
    const type = recipe.filter?.(j) ?? 0;
    bytes.push(type);
    row.forEach((value, i) => {
      const guess = predictor(type, row[i - step] ?? 0, above[i] ?? 0, above[i - step] ?? 0);
      bytes.push((value - guess + 256) & 255);
    });
    above = row;
  }
  return bytes;
}

export function makePng(recipe: PngRecipe): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(recipe.width, 0);
  header.writeUInt32BE(recipe.height, 4);
  header.set([recipe.depth, recipe.colourType, 0, 0, recipe.interlaced ? 1 : 0], 8);
  const rows = recipe.interlaced
    ? passes.flatMap(([x0, y0, dx, dy]) => rowsOf(recipe, x0, y0, dx, dy))
    : rowsOf(recipe, 0, 0, 1, 1);
  const data = deflateSync(Uint8Array.from(rows));
  const half = data.length >> 1;
  return new Uint8Array(
    Buffer.concat([
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      chunk('IHDR', header),
      ...(recipe.extra ?? []).map(([type, bytes]) => chunk(type, bytes)),
      // In two chunks, since writers may cut the data anywhere.
      chunk('IDAT', data.subarray(0, half)),
      chunk('IDAT', data.subarray(half)),
      chunk('IEND', new Uint8Array(0)),
    ]),
  );
}

/** A small repeatable noise source for tests: whole numbers from 0 to `below` - 1, by position. */
export function noise(below: number, ...at: readonly number[]): number {
  let h = 2166136261;
  for (const n of at) h = Math.imul(h ^ (n + 0x9e37), 16777619) ^ (h >>> 13);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return ((h ^ (h >>> 12)) >>> 0) % below;
}
