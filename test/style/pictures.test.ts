// Pictures that are not what one expects: tiny, long, gray, transparent, damaged, of very different sizes.

import { describe, expect, it } from 'vitest';
import { StyleSession, styleTransfer, type ImageSource, type StyleTransferOptions } from '../../src/index.ts';
import { bytesHeld, DEEP, picture, scene, tinyNetwork, tinyOptions, withSession } from './setting.ts';

/** Options for a network with five blocks, whose deepest layer halves the picture four times. */
async function deepOptions(more: Partial<StyleTransferOptions>): Promise<StyleTransferOptions> {
  const layers = { contentLayers: { relu4_2: 1 }, styleLayers: { relu1_1: 1, relu5_1: 1 } };
  return tinyOptions({ network: tinyNetwork(DEEP), size: 32, iterations: 2, ...layers, ...more });
}

describe('resampling', () => {
  it.each([['srgb', 0.5], ['linear', 188 / 255]] as const)('%s: fine black and white lines start as %f', async (resampling, gray) => {
    const content = { width: 64, height: 64, data: Float32Array.from({ length: 64 * 64 }, (_, i) => i % 2) };
    await withSession({ content, size: 16, resampling }, async (session) => {
      const image = await session.readImage();
      expect(image[16 * 8 + 8]).toBeCloseTo(gray, 2);
    });
  });
});

describe('pictures that are too small for the deepest layer', () => {
  const flat = (width: number, height: number): ImageSource => picture(width, height, 1);

  it.each([
    ['1x1 content', { content: flat(1, 1), size: 1 }, 'content', 'relu5_1: got 1x1, need at least 16x16'],
    ['1x5000 content', { content: flat(1, 5000) }, 'content', 'relu5_1: got 1x32, need at least 16x16'],
    ['5000x1 content', { content: flat(5000, 1) }, 'content', 'relu5_1: got 32x1, need at least 16x16'],
    ['size 8', { size: 8 }, 'content', 'got 8x7'],
    ['1x1 style', { style: flat(1, 1) }, 'style', 'relu5_1: got 1x1, need at least 16x16'],
    ['second style', { style: [{ image: flat(20, 20) }, { image: flat(15, 40) }] }, 'style[1]', 'got 15x40'],
    ['style scale', { style: [{ image: flat(64, 64), scale: 0.4 }] }, 'style', 'got 13x13'],
    ['a rung', { scales: [8, 32] }, 'content', 'got 8x7'],
  ] as const)('%s', async (_, more, where, message) => {
    const before = await bytesHeld();
    const transfer = styleTransfer(await deepOptions(more as Partial<StyleTransferOptions>));
    await expect(transfer).rejects.toMatchObject({
      code: 'bad-image',
      where,
      message: expect.stringContaining(message),
    });
    expect(await bytesHeld()).toBe(before);
  });

  it('are large enough with shallower layers, and when the deep term is off', async () => {
    const shallow = { contentLayers: { relu1_1: 1 }, styleLayers: { relu1_2: 1 } };
    const content = flat(1, 1);
    const one = await styleTransfer(await deepOptions({ ...shallow, content, style: flat(1, 1), size: 1 }));
    expect([one.width, one.height, one.iterations]).toEqual([1, 1, 2]);
    const off = await styleTransfer(await deepOptions({ contentLayers: { relu1_1: 1 }, styleWeight: 0, content, size: 3 }));
    expect([off.width, off.height]).toEqual([3, 3]);
  });

  it('may be thousands of pixels long and one wide', async () => {
    const shallow = { contentLayers: { relu1_1: 1 }, styleLayers: { relu1_2: 1 } };
    const long = await styleTransfer(await deepOptions({ ...shallow, content: flat(1, 5000), size: 5000 }));
    expect([long.width, long.height]).toEqual([1, 5000]);
    expect(long.losses.total).toBeGreaterThan(0);
  });
});

describe('pictures of other kinds', () => {
  it('gray content and style', async () => {
    const gray = (width: number, height: number, seed: number): ImageSource => {
      const { data } = picture(width, height, seed);
      return { data: data.slice(0, width * height), width, height };
    };
    const made = await styleTransfer(await tinyOptions({ content: gray(24, 20, 1), style: gray(20, 20, 2) }));
    expect([made.width, made.height]).toEqual([24, 20]);
  });

  it('alpha of the content is kept in the result, through a ladder too', async () => {
    const rgb = scene(24, 20).data;
    const data = new Uint8ClampedArray(4 * 24 * 20).map((_, i) =>
      i % 4 === 3 ? (i * 7) % 256 : 255 * rgb[3 * Math.floor(i / 4) + (i % 4)]!,
    );
    const content = { data, width: 24, height: 20 };
    for (const scales of [false, [12, 24]] as const) {
      const made = await styleTransfer(await tinyOptions({ content, scales }));
      const alpha = made.pixels.filter((_, i) => i % 4 === 3);
      expect(alpha).toEqual(data.filter((_, i) => i % 4 === 3));
    }
  });

  it('wholly transparent content', async () => {
    const content = { data: new Uint8ClampedArray(4 * 24 * 20), width: 24, height: 20 };
    for (const color of ['style', 'luminance', 'match', 'histogram'] as const) {
      const made = await styleTransfer(await tinyOptions({ content, color }));
      expect(made.pixels.every((value, i) => i % 4 !== 3 || value === 0)).toBe(true);
    }
  });

  it.each([
    [picture(2, 300, 1), picture(300, 2, 2)],
    [picture(200, 150, 1), picture(4, 5, 2)],
    [picture(3, 2, 1), picture(250, 200, 2)],
  ])('content and style of very different sizes', async (content, style) => {
    const shallow = { contentLayers: { relu1_1: 1 }, styleLayers: { relu1_2: 1, relu1_1: 1 } };
    const made = await styleTransfer(await tinyOptions({ content, style, size: 40, ...shallow }));
    expect(Math.max(made.width, made.height)).toBe(40);
    expect(made.losses.style).toBeGreaterThan(0);
  });

  it('flat black and flat white', async () => {
    const flat = (value: number): ImageSource => ({ data: new Float32Array(3 * 20 * 20).fill(value), width: 20, height: 20 });
    for (const color of ['style', 'match', 'histogram', 'luminance'] as const) {
      const made = await styleTransfer(await tinyOptions({ content: flat(0), style: flat(1), color, recipe: 'default', size: 20 }));
      expect(Number.isFinite(made.losses.total)).toBe(true);
    }
  });
});

describe('what is no picture', () => {
  const junk = new Uint8Array(40).fill(7);

  it.each([
    ['content', { content: junk }],
    ['style', { style: junk }],
    ['style[1]', { style: [{ image: picture(20, 20, 1) }, { image: junk }] }],
    ['init', { init: junk }],
    ['content', { content: { data: new Float32Array(7), width: 2, height: 2 } }],
    ['style', { style: { data: new Float32Array(12).fill(NaN), width: 2, height: 2 } }],
    ['init', { init: { data: new Float32Array(0), width: 0, height: 0 } }],
  ] as const)('is named: %s', async (where, more) => {
    const before = await bytesHeld();
    const options = await tinyOptions(more as Partial<StyleTransferOptions>);
    await expect(styleTransfer(options)).rejects.toMatchObject({ code: 'bad-image', where });
    await expect(StyleSession.create(options)).rejects.toMatchObject({ code: 'bad-image', where });
    expect(await bytesHeld()).toBe(before);
  });
});

describe('GPU pictures', () => {
  it('a texture as content: what was painted comes back as the start', async () => {
    await withSession({}, async (first) => {
      await first.step(2);
      const image = await first.readImage();
      // rgba8unorm with COPY_SRC: a session's own texture is an image source.
      await withSession({ content: first.texture }, async (second) => {
        const start = await second.readImage();
        const worst = Math.max(...start.map((v, i) => Math.abs(v - Math.min(1, Math.max(0, image[i]!)))));
        expect(worst).toBeLessThan(0.51 / 255);
      });
    });
  });
});
