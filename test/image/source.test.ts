// loadImage with everything that exists in Node. What needs a page (elements, bitmaps) is tested in a browser.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadImage, type ImageSource } from '../../src/image/source.ts';
import { installHost } from '../../src/node/host.ts';
import { makePng } from './make-png.ts';

const png = makePng({
  width: 3,
  height: 2,
  depth: 8,
  colourType: 2,
  sample: (x, y, c) => 40 * (x + y) + c,
});
const reds = [0, 40, 80, 40, 80, 120].map((v) => Math.fround(v / 255));

installHost();

let folder: string;
let server: Server;
let origin: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-source-'));
  await writeFile(path.join(folder, 'ü ö.png'), png);
  server = createServer((request, response) => {
    if (request.url === '/picture') response.end(png);
    else if (request.url === '/page') response.end('<!doctype html><p>no');
    else if (request.url === '/slow') setTimeout(() => response.end(png), 5000).unref();
    else response.writeHead(404).end('gone');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const sources: readonly (readonly [name: string, source: () => ImageSource])[] = [
  ['PNG bytes', () => png],
  ['a Node Buffer out of a pool', () => Buffer.concat([Buffer.from(png)])],
  ['an ArrayBuffer', () => png.buffer.slice(0)],
  ['a view into a larger buffer', () => new Uint8Array([...[1, 2, 3], ...png]).subarray(3)],
  [
    'bytes in shared memory',
    () => {
      const shared = new Uint8Array(new SharedArrayBuffer(png.length));
      shared.set(png);
      return shared;
    },
  ],
  ['a Blob', () => new Blob([png])],
  ['a file path', () => path.join(folder, 'ü ö.png')],
  ['a file: URL', () => pathToFileURL(path.join(folder, 'ü ö.png'))],
  ['a file: URL as a string', () => pathToFileURL(path.join(folder, 'ü ö.png')).href],
  ['an http URL', () => `${origin}/picture`],
  ['a URL object', () => new URL(`${origin}/picture`)],
  ['a data: URL', () => `data:image/png;base64,${Buffer.from(png).toString('base64')}`],
  ['a blob: URL', () => URL.createObjectURL(new Blob([png]))],
  [
    '8-bit RGB samples',
    () => ({
      width: 3,
      height: 2,
      data: Uint8Array.from({ length: 18 }, (_, i) => Math.round(reds[Math.floor(i / 3)]! * 255)),
    }),
  ],
  [
    'clamped RGBA samples, as ImageData has them',
    () => ({
      width: 3,
      height: 2,
      data: Uint8ClampedArray.from({ length: 24 }, (_, i) =>
        i % 4 === 3 ? 255 : Math.round(reds[i >> 2]! * 255),
      ),
    }),
  ],
  ['float gray samples', () => ({ width: 3, height: 2, data: Float32Array.from(reds) })],
];

test.each(sources)('loads %s', async (_, source) => {
  const pixels = await loadImage(source());
  expect([pixels.width, pixels.height]).toEqual([3, 2]);
  expect(Array.from(pixels.data).filter((_, i) => i % 4 === 0)).toEqual(reds);
  expect(Array.from(pixels.data).filter((_, i) => i % 4 === 3)).toEqual([1, 1, 1, 1, 1, 1]);
});

describe('sources that cannot be loaded', () => {
  const bad = (source: unknown): ImageSource => source as ImageSource;
  test.each<readonly [string, () => ImageSource, string, RegExp]>([
    [
      'a missing file',
      () => path.join(folder, 'none.png'),
      'bad-image',
      /no such file: got ".*none\.png", need the path of a picture\. Check the path\./,
    ],
    [
      'a missing file: URL',
      () => pathToFileURL(path.join(folder, 'none.png')),
      'bad-image',
      /no such file/,
    ],
    ['a folder', () => folder, 'bad-image', /a folder, not a file/],
    [
      'a path under a file',
      () => path.join(folder, 'ü ö.png', 'x.png'),
      'bad-image',
      /no such file/,
    ],
    ['a path with a zero byte', () => 'a\0b.png', 'bad-image', /cannot be read/],
    ['an empty path', () => '', 'bad-image', /no such file/],
    [
      'an address of unknown kind',
      () => 'ftp://example.org/a.png',
      'bad-image',
      /unknown kind: got "ftp:.*need http/,
    ],
    ['a 404', () => `${origin}/none`, 'network', /got status 404 for "http.*\/none", need 200/],
    [
      'a port where nobody listens',
      () => 'http://127.0.0.1:1/x',
      'network',
      /could not be fetched/,
    ],
    ['a web page', () => `${origin}/page`, 'bad-image', /need PNG, JPEG, WebP, AVIF or TIFF/],
    ['no bytes', () => new Uint8Array(0), 'bad-image', /got an empty file/],
    [
      'text',
      () => new TextEncoder().encode('not a picture'),
      'bad-image',
      /13 bytes .*need PNG, JPEG/,
    ],
    [
      'a cut PNG',
      () => png.subarray(0, 60),
      'bad-image',
      /corrupt PNG: the file ends inside a chunk/,
    ],
    ['null', () => bad(null), 'bad-image', /not a picture: got null/],
    ['undefined', () => bad(undefined), 'bad-image', /not a picture: got undefined/],
    ['a number', () => bad(42), 'bad-image', /not a picture: got number 42/],
    ['an empty object', () => bad({}), 'bad-image', /not a picture: got Object/],
    [
      'a Float64Array',
      () => bad({ data: new Float64Array(4), width: 1, height: 1 }),
      'bad-image',
      /data: Float64Array/,
    ],
    ['no width', () => bad({ data: new Uint8Array(4) }), 'bad-image', /got undefinedxundefined/],
    [
      'NaN in float data',
      () => ({ data: Float32Array.of(NaN), width: 1, height: 1 }),
      'bad-image',
      /got NaN at x 0, y 0/,
    ],
    [
      'a wrong length',
      () => ({ data: new Uint8Array(5), width: 1, height: 1 }),
      'bad-image',
      /got 5 values, need 4/,
    ],
  ])('%s', async (_, source, code, message) => {
    await expect(loadImage(source(), { where: 'style 2' })).rejects.toMatchObject({
      name: 'WgpuStyleError',
      code,
      where: 'style 2',
      message: expect.stringMatching(message),
    });
  });

  test('after each of them the next picture loads as ever', async () => {
    await loadImage(png.subarray(0, 60)).catch(() => undefined);
    expect((await loadImage(png)).width).toBe(3);
  });
});

test('a signal stops a slow server, and one that fired already stops everything', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const slow = loadImage(`${origin}/slow`, { signal: controller.signal });
  await expect(slow).rejects.toMatchObject({ code: 'aborted' });
  await expect(loadImage(png, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
});

describe('formats that sharp reads', () => {
  const blocks = sharp(
    Uint8Array.from(
      { length: 16 * 8 * 3 },
      (_, i) => (Math.floor(i / 3) % 16 < 8 ? [200, 40, 40] : [40, 40, 200])[i % 3]!,
    ),
    { raw: { width: 16, height: 8, channels: 3 } },
  );
  const at = (pixels: { data: Float32Array; width: number }, x: number, y: number): number[] =>
    Array.from(pixels.data.subarray(4 * (y * pixels.width + x), 4 * (y * pixels.width + x) + 4));
  const near = (got: readonly number[], wanted: readonly number[], by = 0.03): void =>
    got.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(by));
  const red = [200 / 255, 40 / 255, 40 / 255, 1];
  const blue = [40 / 255, 40 / 255, 200 / 255, 1];

  test.each(['jpeg', 'webp', 'avif', 'tiff', 'gif'] as const)('%s', async (format) => {
    const pixels = await loadImage(
      new Uint8Array(await blocks.clone().toFormat(format).toBuffer()),
    );
    expect([pixels.width, pixels.height]).toEqual([16, 8]);
    near(at(pixels, 2, 4), red);
    near(at(pixels, 13, 4), blue);
  });

  test('EXIF orientation is applied', async () => {
    // 6: the camera was turned; the file must be turned clockwise to stand upright.
    const file = await blocks.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    const pixels = await loadImage(new Uint8Array(file));
    expect([pixels.width, pixels.height]).toEqual([8, 16]);
    near(at(pixels, 4, 2), red);
    near(at(pixels, 4, 13), blue);
  });

  test.each(['jpeg', 'png', 'tiff'] as const)(
    'a Display P3 profile in %s is converted to sRGB',
    async (format) => {
      const file = await blocks
        .clone()
        .withIccProfile('p3')
        .toFormat(format, format === 'tiff' ? { compression: 'none' } : {})
        .toBuffer();
      const plain = await sharp(file, {}).metadata();
      expect(plain.icc).toBeDefined();
      const pixels = await loadImage(new Uint8Array(file));
      near(at(pixels, 2, 4), red, 0.02);
      near(at(pixels, 13, 4), blue, 0.02);
    },
  );

  test('CMYK becomes RGB', async () => {
    const pixels = await loadImage(
      new Uint8Array(await blocks.clone().toColourspace('cmyk').jpeg().toBuffer()),
    );
    near(at(pixels, 2, 4), red, 0.1);
  });

  test('alpha is kept in WebP and TIFF', async () => {
    const half = sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    });
    for (const format of ['webp', 'tiff'] as const) {
      const file = await half
        .clone()
        .toFormat(format, format === 'tiff' ? { compression: 'none' } : {})
        .toBuffer();
      near(at(await loadImage(new Uint8Array(file)), 1, 1), [1, 0, 0, 0.5]);
    }
  });

  test('16-bit TIFF keeps its 16 bits', async () => {
    const shorts = Uint16Array.from({ length: 4 * 4 * 3 }, (_, i) => 30000 + i);
    const file = await sharp(shorts, { raw: { width: 4, height: 4, channels: 3 } })
      .toColourspace('rgb16')
      .tiff({ compression: 'none' })
      .toBuffer();
    const { data } = await loadImage(new Uint8Array(file));
    expect(data[4]! - data[0]!).toBeCloseTo(3 / 65535, 6);
  });

  test('gray JPEG becomes gray RGB', async () => {
    const pixels = await loadImage(
      new Uint8Array(await blocks.clone().greyscale().jpeg().toBuffer()),
    );
    const [r, g, b, a] = at(pixels, 2, 2);
    expect([g, b, a]).toEqual([r, r, 1]);
  });

  test('a cut JPEG is refused', async () => {
    const file = new Uint8Array(await blocks.clone().resize(400, 300).jpeg().toBuffer());
    await expect(
      loadImage(file.subarray(0, file.length >> 1), { where: 'content' }),
    ).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(
        /^content: a picture that cannot be decoded: got \d+ bytes \(.*\), need PNG/,
      ),
    });
  });

  test('more pixels than can be held are refused from the header alone', async () => {
    const file = new Uint8Array(await blocks.clone().jpeg().toBuffer());
    const header = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
    // Height and width of the frame header: 60000 each.
    file.set([0xea, 0x60, 0xea, 0x60], header + 5);
    await expect(loadImage(file)).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(
        /too many pixels: got 60000x60000 = 3600000000, need at most 134217728/,
      ),
    });
  });

  test('1x1 and 1x5000 pictures', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 5000],
    ] as const) {
      const file = await blocks.clone().resize(width, height, { fit: 'fill' }).jpeg().toBuffer();
      expect(await loadImage(new Uint8Array(file))).toMatchObject({ width, height });
    }
  });
});
