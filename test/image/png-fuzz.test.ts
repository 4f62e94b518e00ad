// Damaged PNG files: every outcome is pixels or a WgpuStyleError, in bounded time and memory. Fixed
// seeds; WGPU_STYLE_FUZZ=100000 runs more of them.

import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { decodePng, loadImage, type Pixels } from '../../src/image/index.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { chunk, makePng, noise } from './make-png.ts';

const rounds = Number(process.env['WGPU_STYLE_FUZZ'] ?? 400);
const before = Object.getOwnPropertyNames(Object.prototype).length;
afterAll(() => expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before));

interface Part {
  readonly type: string;
  readonly data: Uint8Array;
}

/** The chunks of a file that is whole. */
function partsOf(file: Uint8Array): readonly Part[] {
  const parts: Part[] = [];
  const bytes = Buffer.from(file);
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const data = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    parts.push({ type: bytes.toString('latin1', at + 4, at + 8), data });
  }
  return parts;
}

function fileOf(parts: readonly Part[]): Buffer {
  const head = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([head, ...parts.map(({ type, data }) => chunk(type, data))]);
}

/** One to four injuries: bits, bytes, cuts, runs, insertions. */
function damaged(bytes: Uint8Array, seed: number): Buffer {
  let result = Buffer.from(bytes);
  for (let i = noise(4, seed, 0); i >= 0 && result.length > 0; i--) {
    const roll = (below: number, what: number): number => noise(below, seed, i, what);
    const at = roll(result.length, 1);
    const kind = roll(6, 2);
    if (kind === 0) result[at]! ^= 1 << roll(8, 3);
    else if (kind === 1) result[at] = roll(256, 4);
    else if (kind === 2) result = result.subarray(0, at);
    else if (kind === 3) result.subarray(at, at + 1 + roll(5, 5)).fill(255);
    else if (kind === 4) result.subarray(at, at + 1 + roll(5, 5)).fill(0);
    else {
      const more = Uint8Array.from({ length: 1 + roll(9, 6) }, (_, n) => roll(256, 7 + n));
      result = Buffer.concat([result.subarray(0, at), more, result.subarray(at)]);
    }
  }
  return result;
}

/** Chunks damaged, lost, doubled or out of order, with right checksums: what gets past the first look. */
function rearranged(file: Uint8Array, seed: number): Buffer {
  const parts = [...partsOf(file)];
  const at = noise(parts.length, seed, 20);
  const { type, data } = parts[at]!;
  const kind = noise(8, seed, 21);
  if (kind === 0) parts.splice(at, 1);
  else if (kind === 1) parts.splice(noise(parts.length, seed, 22), 0, parts[at]!);
  else if (kind === 2) parts.reverse();
  else if (kind === 3) parts.splice(at, 0, { type: 'tEXt', data: Buffer.from('__proto__\0x') });
  else parts[at] = { type, data: damaged(data, seed) };
  return fileOf(parts);
}

async function outcome(decode: () => Promise<Pixels>): Promise<'pixels' | 'refused'> {
  try {
    const { width, height, data } = await decode();
    expect(data).toHaveLength(4 * width * height);
    expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
    return 'pixels';
  } catch (error) {
    if (!(error instanceof WgpuStyleError)) throw error;
    expect(error.message.length).toBeLessThan(1000);
    return 'refused';
  }
}

const sample = (depth: number) => (x: number, y: number, c: number) => noise(2 ** depth, x, y, c);
const kinds = [
  { width: 9, height: 7, depth: 8, colourType: 6 },
  { width: 13, height: 5, depth: 16, colourType: 2, interlaced: true },
  { width: 17, height: 3, depth: 1, colourType: 0, interlaced: true },
  { width: 6, height: 6, depth: 4, colourType: 3 },
  { width: 5, height: 8, depth: 8, colourType: 4 },
] as const;

describe('pixels or a WgpuStyleError come of', () => {
  test.each(kinds)('$colourType with $depth bits, damaged', async (kind) => {
    const palette = Uint8Array.from({ length: 48 }, (_, i) => noise(256, i));
    const extra = kind.colourType === 3 ? ([['PLTE', palette], ['tRNS', Uint8Array.of(0, 9)]] as const) : [];
    const file = makePng({ ...kind, filter: (y) => y % 5, sample: sample(kind.depth), extra });
    const seen = { pixels: 0, refused: 0 };
    for (let seed = 0; seed < rounds; seed++) {
      seen[await outcome(() => decodePng(damaged(file, seed)))]++;
      seen[await outcome(() => decodePng(rearranged(file, seed)))]++;
      if (seed % 4 === 0) await outcome(() => loadImage(new Uint8Array(rearranged(file, seed + rounds))));
    }
    // Neither is the fuzzer so mild that all passes, nor so wild that nothing gets past the checksums.
    expect(seen.pixels).toBeGreaterThan(rounds / 20);
    expect(seen.refused).toBeGreaterThan(rounds / 2);
  });

  test('noise behind a signature', async () => {
    for (let seed = 0; seed < rounds; seed++) {
      const rest = Buffer.from(Array.from({ length: noise(99, seed) }, (_, i) => noise(256, seed, i)));
      const file = Buffer.concat([fileOf([]), rest]);
      expect(await outcome(() => decodePng(file))).toBe('refused');
    }
  });
});

describe('bombs end early and small', () => {
  const header = (width: number, height: number): Part => {
    const data = Buffer.alloc(13);
    data.writeUInt32BE(width, 0);
    data.writeUInt32BE(height, 4);
    data.set([16, 6, 0, 0, 0], 8);
    return { type: 'IHDR', data };
  };
  test.each([
    ['sides of 2^32 - 1', 2 ** 32 - 1, 2 ** 32 - 1, /too many pixels/],
    ['a large picture without data', 16_000, 4_000, /too little image data/],
  ])('%s', async (_, width, height, message) => {
    const parts = [header(width, height), { type: 'IDAT', data: deflateSync(new Uint8Array(1000)) }];
    const taken = process.memoryUsage().arrayBuffers;
    await expect(decodePng(fileOf(parts))).rejects.toThrow(message);
    expect(process.memoryUsage().arrayBuffers - taken).toBeLessThan(10e6);
  });

  test('a header that promises 2^31 x 2^31 pixels, and nothing behind it', async () => {
    const whole = fileOf([header(2 ** 31, 2 ** 31)]);
    for (const file of [whole.subarray(0, 10), whole.subarray(0, 33), whole]) {
      const taken = process.memoryUsage().arrayBuffers;
      for (const read of [() => decodePng(file), () => loadImage(new Uint8Array(file))]) {
        await expect(read()).rejects.toMatchObject({ code: 'bad-image' });
      }
      expect(process.memoryUsage().arrayBuffers - taken).toBeLessThan(10e6);
    }
  });

  test('a text called __proto__ changes no prototype', () => {
    const parts = [header(1, 1), { type: 'tEXt', data: Buffer.from('__proto__\0x') }];
    expect(Object.getPrototypeOf(readPngText(fileOf(parts)))).toBe(Object.prototype);
  });

  test('200,000 empty chunks', async () => {
    const empty = chunk('teXt', new Uint8Array(0));
    const file = Buffer.concat([fileOf([header(1, 1)]), Buffer.concat(Array.from({ length: 2e5 }, () => empty))]);
    await expect(decodePng(file)).rejects.toMatchObject({ code: 'bad-image' });
  });
});
