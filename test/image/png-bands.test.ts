// A picture that comes in bands: the file of the whole, and no band larger than it should be.

import { describe, expect, it } from 'vitest';
import { joinBytes } from '../../src/image/bytes.ts';
import { decodePng, encodePng, encodeWidePng, pixelsToBytes, readPngText, type Pixels } from '../../src/image/index.ts';
import { pngOfBands, type Bands } from '../../src/image/png-bands.ts';

/** Slopes with alpha, or opaque; also values outside of [0, 1], and halves between two samples. */
function sample(x: number, y: number, c: number, isOpaque: boolean): number {
  if (c === 3) return isOpaque ? 1 : ((x + y) % 256) / 255;
  return ((x * (c + 1) + 3 * y) % 1536) / 1024 - 0.25 + 0.5 / 255;
}

function rowsOf(width: number, first: number, height: number, isOpaque: boolean): Pixels {
  const data = new Float32Array(4 * width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) for (let c = 0; c < 4; c++) data[i++] = sample(x, first + y, c, isOpaque);
  }
  return { width, height, data };
}

/** The file, and the bands that were asked for. */
async function written(width: number, height: number, isOpaque: boolean, bits: 8 | 16): Promise<{ file: Uint8Array; bands: number[][]; pieces: number }> {
  const bands: number[][] = [];
  const read: Bands['read'] = async (first, count) => {
    bands.push([first, count]);
    await new Promise((resolve) => setImmediate(resolve));
    return rowsOf(width, first, count, isOpaque);
  };
  const pieces: Uint8Array[] = [];
  const text = { Title: 'bands' };
  for await (const piece of pngOfBands({ width, height, isOpaque, read }, { bits, text, where: 'test' })) pieces.push(piece);
  return { file: joinBytes(pieces), bands, pieces: pieces.length };
}

describe.each([true, false])('opaque: %s', (isOpaque) => {
  it('16 bits: bands of at most 16 MiB, each read once, in order', async () => {
    // A band ends in the middle of what is handed over for deflating.
    const [width, height] = [3000, 800];
    const { file, bands, pieces } = await written(width, height, isOpaque, 16);
    expect(bands.length).toBeGreaterThan(2);
    let next = 0;
    for (const [first, count] of bands) {
      expect(first).toBe(next);
      expect(16 * width * count!).toBeLessThanOrEqual(2 ** 24);
      next += count!;
    }
    expect(next).toBe(height);
    expect(pieces).toBeGreaterThan(5);
    expect(readPngText(file)).toEqual({ Title: 'bands' });
    const expected = await encodeWidePng(rowsOf(width, 0, height, isOpaque), { text: { Title: 'bands' } });
    expect(Buffer.compare(file, expected)).toBe(0);
  });

  it('a row that is longer than a band is a band', async () => {
    const { file, bands } = await written(2 ** 20 + 3, 2, isOpaque, 16);
    expect(bands).toEqual([[0, 1], [1, 1]]);
    expect(Buffer.compare(file, await encodeWidePng(rowsOf(2 ** 20 + 3, 0, 2, isOpaque), { text: { Title: 'bands' } }))).toBe(0);
  });

  it('8 bits: a small picture is the file that is the same everywhere', async () => {
    const [width, height] = [31, 17];
    const { file, bands } = await written(width, height, isOpaque, 8);
    expect(bands).toEqual([[0, height]]);
    expect(file).toEqual(await encodePng(width, height, pixelsToBytes(rowsOf(width, 0, height, isOpaque)), { text: { Title: 'bands' } }));
  });
});

it('8 bits, 17 megapixels: bands, with the bytes that the whole rounds to', async () => {
  const [width, height] = [2 ** 20 + 1, 16];
  const { file, bands } = await written(width, height, true, 8);
  expect(bands).toHaveLength(height);
  const { data } = await decodePng(file);
  const expected = pixelsToBytes(rowsOf(width, 0, height, true));
  expect(Buffer.compare(Buffer.from(pixelsToBytes({ width, height, data }).buffer), Buffer.from(expected.buffer))).toBe(0);
});

it('a sample that is no number is told, whichever band it is in', async () => {
  const [width, height] = [2 ** 20, 3];
  const read: Bands['read'] = async (first, count) => {
    const rows = rowsOf(width, first, count, true);
    if (first === 2) rows.data[5] = NaN;
    return rows;
  };
  const pieces = pngOfBands({ width, height, isOpaque: true, read }, { bits: 16, text: {}, where: 'test' });
  const reading = (async () => {
    for await (const _ of pieces);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'bad-image' });
});
