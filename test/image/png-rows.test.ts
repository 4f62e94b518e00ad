// Pictures written and read row by row: the pixels that were given, whatever the filters and however the data is cut; and how
// much memory a large one takes.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { joinBytes } from '../../src/image/bytes.ts';
import { decodePng, readPngText } from '../../src/image/index.ts';
import { readChunks, writeChunks } from '../../src/image/png-chunks.ts';
import { encodeRows, rowsInPieces } from '../../src/image/png-rows.ts';
import { makePng } from './make-png.ts';

/** A sample of bits 0 to `top`: slopes in one half, noise in the other, so that every filter has rows that it suits. */
function sample(x: number, y: number, c: number, top: number): number {
  const noise = Math.abs(Math.sin(12.9898 * x + 78.233 * y + 37.719 * c) * 43758.5453) % 1;
  const smooth = ((3 * x + (y % 7) * x + 5 * y + 40 * c) % 256) / 255;
  return Math.floor(top * (y % 3 === 0 ? noise : smooth));
}

const SIDES: readonly (readonly [number, number])[] = [[1, 1], [7, 1], [1, 9], [31, 64], [500, 300]];

describe.each(SIDES)('%i x %i pixels', (width, height) => {
  it.each([
    [8, 3],
    [8, 4],
    [16, 3],
    [16, 4],
  ] as const)('%i bits, %i channels come back as they were', async (depth, channels) => {
    const top = 2 ** depth - 1;
    const rowAt = (y: number, row: Uint8Array): void => {
      for (let x = 0, to = 0; x < width; x++) {
        for (let c = 0; c < channels; c++) {
          const value = sample(x, y, c, top);
          if (depth === 16) row[to++] = value >> 8;
          row[to++] = value & 255;
        }
      }
    };
    for (const filter of ['sub', 'adaptive'] as const) {
      const file = await encodeRows({ header: { width, height, depth, channels }, filter, rowAt, text: { Title: 'rows' } });
      const { data, ...size } = await decodePng(file);
      expect(size).toEqual({ width, height });
      const expected = Float32Array.from({ length: 4 * width * height }, (_, i) => {
        const [pixel, c] = [i >> 2, i % 4];
        return c < channels ? sample(pixel % width, Math.floor(pixel / width), c, top) / top : 1;
      });
      expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(expected.buffer))).toBe(0);
    }
  });
});

test('rows are filtered in every way that suits one', async () => {
  const [width, height] = [64, 90];
  const rowAt = (y: number, row: Uint8Array): void => {
    for (let i = 0; i < row.length; i++) {
      const smooth = [0, 2 * i, sample(i >> 2, y - 1, 0, 255), 3 * i + 5 * y, i % 2][y % 5]!;
      row[i] = smooth;
    }
  };
  const file = await encodeRows({ header: { width, height, depth: 8, channels: 3 }, filter: 'adaptive', rowAt, text: {} });
  const data = Buffer.concat(readChunks(file, 'test').filter(({ type }) => type === 'IDAT').map((chunk) => chunk.data));
  const rows = inflateSync(data);
  expect(rows).toHaveLength(height * (1 + 3 * width));
  expect(new Set(Array.from({ length: height }, (_, y) => rows[y * (1 + 3 * width)])).size).toBeGreaterThan(2);
});

test.each([1, 2, 977])('image data in chunks of %i bytes is read across them', async (length) => {
  const recipe = { width: 37, height: 23, depth: 8, colourType: 6, filter: (y: number) => y % 5, sample: (x: number, y: number, c: number) => sample(x, y, c, 255) } as const;
  for (const interlaced of [false, true]) {
    const whole = makePng({ ...recipe, interlaced });
    const chunks = readChunks(whole, 'test').flatMap((chunk) => {
      if (chunk.type !== 'IDAT') return [chunk];
      const count = Math.ceil(chunk.data.length / length);
      return Array.from({ length: count }, (_, i) => ({ type: 'IDAT', data: chunk.data.subarray(i * length, (i + 1) * length) }));
    });
    const { data } = await decodePng(writeChunks(chunks));
    expect(data).toEqual((await decodePng(whole)).data);
    expect(data[4 * (37 * 11 + 5) + 2]).toBeCloseTo(sample(5, 11, 2, 255) / 255, 6);
  }
});

it('pieces of a file come before all rows are made, and no more are made when no more is wanted', async () => {
  const [width, height] = [1000, 2000];
  let made = 0;
  const rowAt = (y: number, row: Uint8Array): void => {
    made++;
    for (let i = 0, state = y + 1; i < row.length; i++) row[i] = (state = (state * 48271) % 2147483647) & 255;
  };
  const types: string[] = [];
  for await (const piece of rowsInPieces({ header: { width, height, depth: 8, channels: 3 }, filter: 'sub', rowAt, text: { Title: 'x' } })) {
    types.push(String.fromCharCode(...piece.subarray(4, 8)));
    if (types.at(-1) === 'IDAT') break;
  }
  expect(types.slice(1)).toEqual(['IHDR', 'sRGB', 'iTXt', 'IDAT']);
  // A megabyte of the six is deflated, and a little more waits for it.
  expect(made).toBeGreaterThan(height / 8);
  expect(made).toBeLessThan(height / 2);
  const before = made;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(made).toBe(before);
});

describe('a picture of 17 megapixels, 48 MiB of RGB', () => {
  const [width, height] = [4200, 4000];

  /** Highest resident memory of a process that runs `work` (of `width`, `height`), in MiB, and what it says. */
  function peakOf(work: string): { readonly peak: number; readonly said: string } {
    const library = path.resolve('dist/node.js');
    const source = `
      const { encodePng, plan, readImageFile, writeImageFile } = await import(${JSON.stringify(`file://${library}`)});
      const [width, height] = [${width}, ${height}];
      let said = '';
      ${work}
      // Where a process forks, its maxRSS begins with its parent's; the kernel's own mark is of this program alone.
      const { readFile } = await import('node:fs/promises');
      const mark = /VmHWM:\\s+(\\d+)/.exec(await readFile('/proc/self/status', 'utf8').catch(() => ''));
      console.log(JSON.stringify({ peak: (mark ? Number(mark[1]) : process.resourceUsage().maxRSS) / 1024, said }));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8', timeout: 120_000 });
    if (!stdout) throw new Error(stderr);
    return JSON.parse(stdout) as { readonly peak: number; readonly said: string };
  }

  it('is written to a file in less than four times its size, with nothing kept but the pixels', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'));
    const file = path.join(folder, 'large.png');
    try {
      const idle = peakOf('');
      const { peak } = peakOf(`
        const pixels = new Uint8ClampedArray(4 * width * height);
        for (let i = 0, state = 1; i < pixels.length; i++) {
          state = (state * 48271) % 2147483647;
          pixels[i] = i % 4 === 3 ? 255 : ((i % 20000) / 79 + state % 32) & 255;
        }
        await writeImageFile(${JSON.stringify(file)}, { width, height, pixels }, { text: { Title: 'large' } });`);
      const size = 3 * width * height;
      expect(peak - idle.peak).toBeLessThan((4 * size) / 2 ** 20);
      const bytes = readFileSync(file);
      expect(bytes.length).toBeGreaterThan(0.3 * size);
      expect(readPngText(bytes)).toEqual({ Title: 'large' });
      const rows = inflateSync(joinBytes(readChunks(bytes, file).flatMap(({ type, data }) => (type === 'IDAT' ? [data] : []))));
      expect(rows.length).toBe(height + size);
      expect(readdirSync(folder)).toEqual(['large.png']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('is read', () => {
    let folder: string;
    let file: string;
    const rows = Buffer.alloc(height * (1 + 3 * width));

    beforeAll(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'));
      file = path.join(folder, 'large.png');
      for (let i = 0, state = 1; i < rows.length; i++) {
        state = (state * 48271) % 2147483647;
        rows[i] = i % (1 + 3 * width) === 0 ? 0 : state & 255;
      }
      const header = Buffer.alloc(13);
      header.writeUInt32BE(width, 0);
      header.writeUInt32BE(height, 4);
      header.set([8, 2, 0, 0, 0], 8);
      const data = deflateSync(rows, { level: 1 });
      const none = new Uint8Array(0);
      writeFileSync(file, writeChunks([{ type: 'IHDR', data: header }, { type: 'IDAT', data }, { type: 'IEND', data: none }]));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it('to floats in less than eight times its size: four bytes a pixel, then four floats', () => {
      const idle = peakOf('');
      const { peak, said } = peakOf(`
        const { data } = await readImageFile(${JSON.stringify(file)});
        said = [data.length, Math.round(255 * data[4 * 123456 + 1])].join();`);
      expect(said).toBe([4 * width * height, rows[1 + 3 * 123456 + 1 + Math.floor(123456 / width)]].join());
      expect(peak - idle.peak).toBeLessThan((8 * 3 * width * height) / 2 ** 20);
    });

    it('for a run in less than four times its size: the file, four bytes a pixel, and no floats but of rows that are resampled', () => {
      const planned = (content: string): ReturnType<typeof peakOf> =>
        peakOf(`
          const style = { width: 64, height: 61, data: new Uint8Array(3 * 64 * 61) };
          const { scales } = await plan({ content: ${content}, style, size: 64, iterations: 1 });
          said = [scales[0].width, scales[0].height].join();`);
      const idle = planned('style');
      const { peak, said } = planned(JSON.stringify(file));
      expect([idle.said, said]).toEqual(['64,61', '64,61']);
      expect(peak - idle.peak).toBeLessThan((4 * 3 * width * height) / 2 ** 20);
    });
  });
});
