import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { crc32, readChunks, writeChunks } from '../../src/image/png-chunks.ts';
import { decodePng, encodePng, pngWantsConversion } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { chunk, makePng, noise, type PngRecipe } from './make-png.ts';

type Kind = Pick<PngRecipe, 'colourType' | 'depth'>;
const kinds: readonly Kind[] = [
  ...([1, 2, 4, 8, 16] as const).map((depth) => ({ colourType: 0, depth }) as const),
  ...([8, 16] as const).map((depth) => ({ colourType: 2, depth }) as const),
  ...([1, 2, 4, 8] as const).map((depth) => ({ colourType: 3, depth }) as const),
  ...([8, 16] as const).map((depth) => ({ colourType: 4, depth }) as const),
  ...([8, 16] as const).map((depth) => ({ colourType: 6, depth }) as const),
];
// Sides that leave Adam7 passes empty, rows of incomplete bytes, and one that has everything.
const sides = [
  [1, 1],
  [1, 9],
  [3, 5],
  [5, 1],
  [4, 4],
  [13, 11],
  [33, 17],
] as const;

const palette = Uint8Array.from({ length: 3 * 256 }, (_, i) => noise(256, i, 77));
const paletteAlpha = Uint8Array.from({ length: 2 }, (_, i) => 40 + 100 * i);

/** What the file of a recipe means, worked out from the specification sample by sample. */
function expected(recipe: PngRecipe): Float64Array {
  const { width, height, depth, colourType, sample } = recipe;
  const top = 2 ** depth - 1;
  const out = new Float64Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const s = [0, 1, 2, 3].map((c) => sample(x, y, c));
      const colour = {
        0: [s[0]! / top, s[0]! / top, s[0]! / top, 1],
        2: [s[0]! / top, s[1]! / top, s[2]! / top, 1],
        3: [0, 1, 2]
          .map((c) => palette[3 * s[0]! + c]! / 255)
          .concat((paletteAlpha[s[0]!] ?? 255) / 255),
        4: [s[0]! / top, s[0]! / top, s[0]! / top, s[1]! / top],
        6: s.map((v) => v / top),
      }[colourType];
      out.set(colour, 4 * (y * width + x));
    }
  }
  return out;
}

function recipeOf(kind: Kind, width: number, height: number, interlaced: boolean): PngRecipe {
  const extra =
    kind.colourType === 3
      ? ([
          ['PLTE', palette.subarray(0, 3 * 2 ** kind.depth)],
          ['tRNS', paletteAlpha],
        ] as const)
      : [];
  return {
    ...kind,
    width,
    height,
    interlaced,
    extra,
    filter: (y) => y % 5,
    sample: (x, y, c) => noise(2 ** kind.depth, x, y, c),
  };
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

describe('decodePng', () => {
  for (const interlaced of [false, true]) {
    for (const kind of kinds) {
      const name = `colour type ${kind.colourType}, ${kind.depth} bits${interlaced ? ', interlaced' : ''}`;
      test(`${name}: every sample as the specification says, and as libpng reads it`, async () => {
        for (const [width, height] of sides) {
          const recipe = recipeOf(kind, width, height, interlaced);
          const file = makePng(recipe);
          const pixels = await decodePng(file);
          expect([pixels.width, pixels.height]).toEqual([width, height]);
          expect(farthest(pixels.data, expected(recipe))).toBeLessThan(1e-7);
          // The judge: 16 bits where the file has them, else 8.
          const wide = kind.depth === 16;
          const judged = await sharp(file)
            .toColourspace(wide ? 'rgb16' : 'srgb')
            .ensureAlpha()
            .raw({ depth: wide ? 'ushort' : 'uchar' })
            .toBuffer();
          const samples = wide ? new Uint16Array(new Uint8Array(judged).buffer) : judged;
          const top = wide ? 65535 : 255;
          expect(
            farthest(
              pixels.data,
              Float64Array.from(samples, (v) => v / top),
            ),
          ).toBeLessThan(1e-7);
        }
      });
    }
  }

  test('one transparent colour (tRNS) of gray and RGB, black and 16 bits included', async () => {
    for (const [colourType, depth, key] of [
      [0, 8, [0]],
      [0, 2, [3]],
      [0, 16, [258]],
      [2, 8, [1, 2, 3]],
      [2, 16, [256, 1, 65535]],
    ] as const) {
      const transparency = Uint8Array.from(key.flatMap((v) => [v >> 8, v & 255]));
      const file = makePng({
        width: 3,
        height: 1,
        depth,
        colourType,
        extra: [['tRNS', transparency]],
        // Left the key, middle one bit off in the last sample, right the key again.
        sample: (x, _, c) => (x === 1 && c === key.length - 1 ? key[c]! ^ 1 : key[c]!),
      });
      const { data } = await decodePng(file);
      expect([data[3], data[7], data[11]]).toEqual([0, 1, 0]);
    }
  });

  test('keeps the low byte of 16 bits', async () => {
    const file = makePng({
      width: 2,
      height: 1,
      depth: 16,
      colourType: 0,
      sample: (x) => 0x8000 + x,
    });
    const { data } = await decodePng(file);
    expect(data[4]! - data[0]!).toBeCloseTo(1 / 65535, 7);
  });

  test('1x5000 and 5000x1 pictures', async () => {
    for (const [width, height] of [
      [1, 5000],
      [5000, 1],
    ] as const) {
      const file = makePng({
        width,
        height,
        depth: 8,
        colourType: 0,
        sample: (x, y) => (x + y) % 256,
      });
      const { data } = await decodePng(file);
      expect(data[4 * 4999]).toBeCloseTo((4999 % 256) / 255, 6);
    }
  });
});

describe('damaged files', () => {
  const good = makePng({
    width: 9,
    height: 9,
    depth: 8,
    colourType: 2,
    sample: (x, y, c) => noise(256, x, y, c),
  });
  const idat = Buffer.from(good).indexOf('IDAT');

  test.each([
    ['nothing', new Uint8Array(0), /not those of a PNG/],
    [
      'some text',
      new TextEncoder().encode('hello there, this is no picture'),
      /not those of a PNG/,
    ],
    ['only the signature', good.subarray(0, 8), /begins with nothing/],
    ['cut in a chunk header', good.subarray(0, 20), /ends inside a chunk/],
    [
      'cut in the image data',
      good.subarray(0, idat + 30),
      /ends inside a chunk: got \d+ bytes, need \d+/,
    ],
    [
      'a flipped bit',
      good.map((byte, i) => (i === idat + 9 ? byte ^ 1 : byte)),
      /checksum of its IDAT/,
    ],
  ])('%s is refused as bad-image', async (_, bytes, message) => {
    await expect(decodePng(bytes, 'content')).rejects.toMatchObject({
      code: 'bad-image',
      where: 'content',
      message: expect.stringMatching(message),
    });
  });

  test('every possible cut is refused or decodes, and never hangs', async () => {
    for (let length = 0; length < good.length; length++) {
      await decodePng(good.subarray(0, length)).then(
        () => expect(length).toBeGreaterThanOrEqual(good.length - 12),
        (error: unknown) => expect(error).toMatchObject({ code: 'bad-image' }),
      );
    }
  });

  const withData = (
    width: number,
    height: number,
    data: Uint8Array,
    head: number[] = [8, 0, 0, 0, 0],
  ) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set(head, 8);
    return new Uint8Array(
      Buffer.concat([
        good.subarray(0, 8),
        chunk('IHDR', header),
        chunk('IDAT', data),
        chunk('IEND', new Uint8Array(0)),
      ]),
    );
  };

  test.each([
    [
      'too few rows',
      withData(4, 4, deflateSync(new Uint8Array(10))),
      /too little image data: got 10 bytes of rows, need 20/,
    ],
    ['no zlib at all', withData(4, 4, Uint8Array.of(1, 2, 3, 4, 5, 6)), /damaged/],
    ['an unknown filter', withData(1, 1, deflateSync(Uint8Array.of(9, 1))), /row filter 9/],
    ['no pixels', withData(0, 4, deflateSync(Uint8Array.of(0))), /0x4 pixels/],
    [
      'four billion pixels',
      withData(65535, 65535, deflateSync(Uint8Array.of(0))),
      /too many pixels/,
    ],
    [
      'an impossible format',
      withData(1, 1, deflateSync(Uint8Array.of(0, 0)), [3, 2, 0, 0, 0]),
      /type 2 with 3 bits/,
    ],
    [
      'no palette',
      withData(1, 1, deflateSync(Uint8Array.of(0, 0)), [8, 3, 0, 0, 0]),
      /no usable palette/,
    ],
  ])('%s: refused as bad-image', async (_, bytes, message) => {
    await expect(decodePng(bytes)).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(message),
    });
  });

  test('data that inflates far beyond the picture is cut off, not swallowed', async () => {
    const bomb = withData(2, 2, deflateSync(new Uint8Array(64 * 1024 * 1024)));
    const { data } = await decodePng(bomb);
    expect(Array.from(data)).toEqual(Array.from({ length: 4 }, () => [0, 0, 0, 1]).flat());
  });

  test('an ancillary chunk with a wrong checksum is passed over', async () => {
    const text = chunk('tEXt', new TextEncoder().encode('a\0b'));
    text[text.length - 1]! ^= 1;
    const file = Buffer.concat([good.subarray(0, 33), text, good.subarray(33)]);
    expect(readPngText(file)).toEqual({});
    expect((await decodePng(file)).data).toEqual((await decodePng(good)).data);
  });
});

describe('encodePng', () => {
  const rgba = (width: number, height: number, alpha: (i: number) => number) =>
    Uint8Array.from({ length: 4 * width * height }, (_, i) =>
      i % 4 === 3 ? alpha(i >> 2) : noise(256, i),
    );

  test.each([
    ['opaque', 19, 7, () => 255],
    ['with alpha', 19, 7, (i: number) => i % 256],
    ['one pixel', 1, 1, () => 255],
    [
      'incompressible with alpha, where upng-js writes a cut file',
      1,
      5000,
      (i: number) => noise(256, i, 5),
    ],
    ['incompressible and one wide', 1, 40000, () => 255],
    [
      'incompressible with alpha, in more than one stored block',
      300,
      300,
      (i: number) => noise(256, i, 5),
    ],
  ] as const)('%s: reads back as it was, by us and by libpng', async (_, width, height, alpha) => {
    const bytes = rgba(width, height, alpha);
    const file = await encodePng(width, height, bytes);
    const pixels = await decodePng(file);
    expect(
      farthest(
        pixels.data,
        Float64Array.from(bytes, (v) => v / 255),
      ),
    ).toBeLessThan(1e-7);
    expect(farthest(await sharp(file).ensureAlpha().raw().toBuffer(), bytes)).toBe(0);
    const isOpaque = bytes.every((value, i) => i % 4 !== 3 || value === 255);
    expect((await sharp(file).metadata()).channels).toBe(isOpaque ? 3 : 4);
  });

  test('a picture of two colours stays true colour, and flat pictures work', async () => {
    const file = await encodePng(4, 4, new Uint8Array(64).fill(255));
    expect(await sharp(file).metadata()).toMatchObject({
      channels: 3,
      depth: 'uchar',
      isPalette: false,
    });
    expect(readChunks(file, 'file').map(({ type }) => type)).toEqual([
      'IHDR',
      'sRGB',
      'IDAT',
      'IEND',
    ]);
  });

  test('carries settings as text, Unicode included, and readers that do not know it are not disturbed', async () => {
    const text = { 'wgpu-style': '{"recipe":"gatys"}', Title: 'Tübingen – 図' };
    const bytes = rgba(8, 8, () => 255);
    const file = await encodePng(8, 8, bytes, { text });
    expect(readPngText(file)).toEqual(text);
    expect(farthest(await sharp(file).ensureAlpha().raw().toBuffer(), bytes)).toBe(0);
    expect(pngWantsConversion(file)).toBe(false);
  });

  test('gives the same bytes each time', async () => {
    const bytes = rgba(64, 48, () => 255);
    expect(await encodePng(64, 48, bytes)).toEqual(await encodePng(64, 48, bytes));
  });

  test('refuses a wrong length and a bad keyword', async () => {
    await expect(encodePng(2, 2, new Uint8Array(15))).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(/got 15 bytes, need 16/),
    });
    await expect(encodePng(1, 1, new Uint8Array(4), { text: { ü: '' } })).rejects.toMatchObject({
      code: 'bad-option',
    });
  });
});

test('crc32 gives the check value of the polynomial', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});

test('chunks survive a round trip', () => {
  const chunks = [
    { type: 'IHDR', data: new Uint8Array(13) },
    { type: 'IEND', data: new Uint8Array(0) },
  ];
  expect(readChunks(writeChunks(chunks), 'file')).toEqual(chunks);
});
