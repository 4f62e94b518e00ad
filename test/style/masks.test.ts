// Masks: which statistics they let count, against float64; what stays untouched, to the byte; what is refused.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, styleTransfer, type MaskInput, type Recipe, type StyleTransferOptions, type Vgg } from '../../src/index.ts';
import { fitSize } from '../../src/image/fit-size.ts';
import type { BytePixels, Decoded, Pixels } from '../../src/image/pixels.ts';
import type { ResolvedOptions } from '../../src/style/options.ts';
import { scalePictures, startPicture, type LoadedPictures, type StyleFit } from '../../src/style/prepare.ts';
import { resampleOn, resampleOnHost, type Resample } from '../../src/style/resampling.ts';
import { randomValues, relativeError, rms } from '../check.ts';
import { testDevice } from '../device.ts';
import { guidedStatistic, layerMask } from '../oracle/guides.ts';
import { featuresOf, gradientAt, type NetworkLayer, type Picture, type Problem } from '../oracle/style.ts';
import { picture, scene, SMALL, tinyNetwork, tinyOptions, withSession } from './setting.ts';

const { gatys } = recipes as { gatys: Recipe };

/** A gray picture of numbers [h, w]. */
function gray(width: number, height: number, value: (x: number, y: number) => number): { data: Float32Array<ArrayBuffer>; width: number; height: number } {
  return { width, height, data: Float32Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))) };
}

/** White on the left, black from column `edge`. */
const leftOf = (edge: number, width = 24, height = 20): ReturnType<typeof gray> => gray(width, height, (x) => (x < edge ? 1 : 0));

/** RGBA floats of a picture with an alpha of its own. */
function withAlpha({ data, width, height }: Picture, alpha: (x: number, y: number) => number): { data: Float32Array<ArrayBuffer>; width: number; height: number } {
  const rgba = new Float32Array(4 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = data[3 * i + c]!;
    rgba[4 * i + 3] = alpha(i % width, Math.floor(i / width));
  }
  return { data: rgba, width, height };
}

function problemOf(vgg: Vgg): Problem {
  const { mean, std } = vgg.preprocessing;
  const layers = vgg.layers as readonly NetworkLayer[];
  return { layers, mean, std, pooling: 'average' } as unknown as Problem;
}

const LAYERS = { relu1_1: 1, relu1_2: 0.5, relu2_1: 2 };
const MASKED = { contentWeight: 0, tvWeight: 0, init: 'noise', pooling: 'average' } as const;

describe('guided statistics', () => {
  const size = { width: 24, height: 20 };
  const mask = gray(24, 20, (x, y) => Math.min(1, Math.max(0, (x + y - 12) / 20)));
  const styleMask = gray(30, 28, (x, y) => (x > 9 && y < 22 ? 1 : 0));

  it.each([
    ['gram', 'simple'],
    ['gram', 'inside'],
    ['gram', 'all'],
    ['covariance', 'simple'],
    ['mean', 'all'],
    ['std', 'simple'],
  ] as const)('%s, mode %s: loss and gradient against float64', async (statistic, mode) => {
    const vgg = tinyNetwork(SMALL, 6);
    const style = picture(30, 28, 2);
    const at = picture(24, 20, 9);
    const problem = problemOf(vgg);
    const { layers } = problem;
    const target = featuresOf(problem, style);
    const loss = (found: Picture): ReturnType<Parameters<typeof gradientAt>[0]> => {
      const features = featuresOf(problem, found);
      let total = 0;
      for (const [layer, weight] of Object.entries(LAYERS)) {
        const [own, theirs] = [features.get(layer)!, target.get(layer)!];
        const a = guidedStatistic(statistic, own.shape, own.data, layerMask(layers, layer, 20, 24, mask.data, mode));
        const b = guidedStatistic(statistic, theirs.shape, theirs.data, layerMask(layers, layer, 28, 30, styleMask.data, mode));
        const sum = a.reduce((all, value, i) => all + (value - b[i]!) ** 2, 0);
        total += (1e3 * weight * sum) / a.length;
      }
      return { content: 0, style: total, tv: 0, total };
    };
    const recipe: Recipe = { ...gatys, space: { scale: 1, mean: [0, 0, 0] }, style: { ...gatys.style, layers: LAYERS, measure: 'mean', statistics: { [statistic]: 1 } } };
    const options = { ...MASKED, network: vgg, recipe, styleLayers: LAYERS, size, style: [{ image: style, mask, styleMask }], maskMode: mode };
    await withSession(options, async (session) => {
      const count = 24 * 20;
      await session.writeImage(Float32Array.from({ length: 3 * count }, (_, i) => at.data[(i % count) * 3 + Math.floor(i / count)]!));
      const { style: got } = await session.evaluate();
      expect(Math.abs(got / loss(at).style - 1)).toBeLessThan(1e-4);
      const gradient = await session.gradient();
      const indices = [4, 199, 480, 601, 777, 1003, 1439];
      const slopes = gradientAt(loss, at, indices);
      const worst = Math.max(...indices.map((index, k) => Math.abs(gradient[(index % 3) * count + Math.floor(index / 3)]! - slopes[k]!)));
      // Deviations and covariances subtract means: a digit more is lost (lavapipe).
      expect(worst / rms(slopes)).toBeLessThan(statistic === 'gram' || statistic === 'mean' ? 1e-4 : 5e-4);
    });
  });

  it('inside: nothing outside of the mask has a part in the loss', async () => {
    await withSession({ ...MASKED, style: [{ image: picture(20, 26, 5), mask: leftOf(14) }], maskMode: 'inside' }, async (session) => {
      const gradient = await session.gradient();
      const outside = gradient.filter((_, i) => i % 24 >= 14);
      expect(outside.every((value) => value === 0)).toBe(true);
      expect(rms(gradient)).toBeGreaterThan(0);
      const before = await session.evaluate();
      const image = await session.readImage();
      const other = randomValues(image.length, 8);
      await session.writeImage(image.map((value, i) => (i % 24 >= 14 ? other[i]! : value)));
      expect(await session.evaluate()).toEqual(before);
      await session.writeImage(image.map((value, i) => (i % 24 === 13 ? 1 - value : value)));
      expect((await session.evaluate()).total).not.toBe(before.total);
    });
  });

  it.each([['simple', 5], ['all', 10]] as const)('%s: the force ends %i pixels beyond the mask', async (maskMode, reach) => {
    // relu2_1 sees 5 pixels to each side of its 2x2 cell; a cell of `all` may lie that far outside.
    await withSession({ ...MASKED, style: [{ image: picture(20, 26, 5), mask: leftOf(8) }], maskMode }, async (session) => {
      const gradient = await session.gradient();
      const columns = Array.from({ length: 24 }, (_, x) => gradient.some((value, i) => i % 24 === x && value !== 0));
      expect(columns.slice(0, 9)).not.toContain(false);
      expect(columns.slice(8 + reach + 1)).not.toContain(true);
    });
  });

  it('a white mask is none', async () => {
    const plain = await withSession({ style: picture(20, 26, 5) }, (session) => session.evaluate());
    const white = await withSession({ style: [{ image: picture(20, 26, 5), mask: gray(3, 3, () => 1) }] }, (session) => session.evaluate());
    expect(Math.abs(white.style / plain.style - 1)).toBeLessThan(1e-5);
  });

  it('a style without a mask has what the others leave, and regions share by weight', async () => {
    const [a, b] = [picture(20, 26, 5), picture(22, 18, 6)];
    const mask = leftOf(10);
    const evaluate = (style: StyleTransferOptions['style']): Promise<number> =>
      withSession({ ...MASKED, style }, async (session) => (await session.evaluate()).style);
    const both = await evaluate([{ image: a, weight: 3, mask }, { image: b }]);
    expect(await evaluate([{ image: a, weight: 3, mask }, { image: b, mask: { image: mask, invert: true } }])).toBe(both);
    const alone = [await evaluate([{ image: a, mask }]), await evaluate([{ image: b, mask: { image: mask, invert: true } }])];
    expect(Math.abs((0.75 * alone[0]! + 0.25 * alone[1]!) / both - 1)).toBeLessThan(1e-5);
  });

  it('styles with the same mask are blended in it', async () => {
    const [image, mask] = [picture(20, 26, 5), leftOf(10)];
    const one = await withSession({ ...MASKED, style: [{ image, mask }] }, (session) => session.evaluate());
    const two = [{ image, mask, weight: 0.5 }, { image, mask: leftOf(10), weight: 2 }];
    const twice = await withSession({ ...MASKED, style: two }, (session) => session.evaluate());
    expect(Math.abs(twice.style / one.style - 1)).toBeLessThan(1e-5);
    expect(Object.keys(twice.layers)).toEqual(Object.keys(one.layers));
  });

  it('a region too small for a layer leaves that layer out', async () => {
    const style = [{ image: picture(20, 26, 5), mask: gray(24, 20, (x, y) => (x < 4 && y < 4 ? 1 : 0)) }];
    await withSession({ ...MASKED, style, maskMode: 'inside', styleLayers: LAYERS }, async (session) => {
      expect(Object.keys((await session.evaluate()).layers)).toEqual(['relu1_1', 'relu1_2']);
    });
  });
});

describe('how masks are read', () => {
  const colors: readonly (readonly number[])[] = [[1, 0.5, 0], [0, 0.2, 1]];
  const coded = { width: 24, height: 20, data: Float32Array.from({ length: 24 * 20 * 3 }, (_, i) => colors[Math.floor(i / 3) % 24 < 10 ? 0 : 1]![i % 3]!) };
  const clear = withAlpha(picture(24, 20, 3), (x) => (x < 10 ? 1 : 0));

  it.each<[string, MaskInput]>([
    ['a colour', { image: coded, color: '#ff8000' }],
    ['what has not the other colour', { image: coded, color: '#0033ff', invert: true }],
    ['alpha', { image: clear, channel: 'alpha' }],
    ['black, inverted', { image: gray(24, 20, (x) => (x < 10 ? 0 : 1)), invert: true }],
  ])('%s', async (_, mask) => {
    const image = picture(20, 26, 5);
    const expected = await withSession({ ...MASKED, style: [{ image, mask: leftOf(10) }] }, (session) => session.gradient());
    const got = await withSession({ ...MASKED, style: [{ image, mask }] }, (session) => session.gradient());
    expect(got).toEqual(expected);
  });

  it('a mask that counts nowhere is refused', async () => {
    const options = await tinyOptions({ style: [{ image: picture(20, 26, 5), mask: gray(4, 4, () => 0) }] });
    await expect(StyleSession.create(options)).rejects.toMatchObject({ code: 'bad-image', where: 'style[0].mask' });
  });
});

describe('transparent pictures', () => {
  const half = (x: number): number => (x < 9 ? 1 : 0);

  it.each([undefined, 0.6, 1.7])('hidden colours of a style have no influence, and hidden parts do not count: scale %s', async (scale) => {
    const evaluate = (data: Picture, alpha = half): Promise<number> =>
      withSession({ ...MASKED, style: [{ image: withAlpha(data, alpha), ...(scale && { scale }) }] }, async (session) => (await session.evaluate()).style);
    const [shown, hidden] = [picture(20, 26, 5), picture(20, 26, 77)];
    const mixed = { ...shown, data: shown.data.map((value, i) => (Math.floor(i / 3) % 20 < 9 ? value : hidden.data[i]!)) };
    const loss = await evaluate(shown);
    expect(await evaluate(mixed)).toBe(loss);
    expect(await evaluate(shown, () => 1)).not.toBe(loss);
  });

  describe.each(['on a device', 'on the host'])('resampled %s', (where) => {
    const resampled = async (...args: Parameters<Resample>): Promise<Pixels> =>
      where === 'on the host' ? resampleOnHost(...args) : resampleOn(await testDevice(), {})(...args);
    /** Bright, visible in a disc with a soft edge; 8 bits a channel. */
    const cutOut = (seed: number): BytePixels => {
      const hidden = randomValues(3 * 40 * 36, seed);
      const bytes = Uint8Array.from({ length: 4 * 40 * 36 }, (_, i) => {
        const [x, y] = [(i >> 2) % 40, Math.floor((i >> 2) / 40)];
        const alpha = Math.max(0, Math.min(1, 13 - Math.hypot(x - 18, y - 17)));
        if (i % 4 === 3) return Math.round(255 * alpha);
        return alpha === 0 ? 127 * (1 + hidden[3 * (i >> 2) + (i % 4)]!) : 150 + 60 * Math.sin(x / 3 + y / 4 + (i % 4));
      });
      return { width: 40, height: 36, bytes };
    };
    const floats = ({ width, height, bytes }: BytePixels): Pixels => ({ width, height, data: Float32Array.from(bytes, (value) => value / 255) });
    const scaled = async (picture: Decoded, side: number, light = false, fit: StyleFit = 'own'): Promise<readonly Pixels[]> => {
      const loaded: LoadedPictures = { content: picture, styles: [{ picture, weight: 1, scale: 1 }], init: undefined };
      const options = { color: { mode: 'style' }, resampling: light ? 'linear' : 'encoded' } as unknown as ResolvedOptions;
      const size = fitSize(40, 36, side);
      const pictures = await scalePictures(loaded, size, fit, options, resampled);
      // What a picture starts from is resampled by itself: from a style of another size, or from a picture.
      const own = await scalePictures(loaded, picture, fit, options, resampled);
      const start = async (given?: Decoded): Promise<Pixels> => startPicture({ init: 'style', seed: 0 }, { ...own, content: pictures.content }, given, resampled);
      return [pictures.content, pictures.styles[0]!.picture, await start(picture), await start()];
    };

    it.each([[40, false], [24, false], [24, true], [17, false], [61, false], [61, true]])('is the mean where it is hidden, to %i pixels, light %s', async (side, light) => {
      for (const picture of [cutOut(1), floats(cutOut(1))]) {
        const { width, height } = fitSize(40, 36, side);
        for (const [i, { data, ...size }] of (await scaled(picture, side, light)).entries()) {
          expect(size).toEqual({ width, height });
          const plain = (await resampled(picture, width, height, { light: light && i < 2 })).data;
          const covered = plain.reduce((sum, value, k) => sum + (k % 4 === 3 ? value : 0), 0);
          const means = [0, 1, 2].map((c) => plain.reduce((sum, value, k) => sum + (k % 4 === c ? value * plain[k | 3]! : 0), 0) / covered);
          let hidden = 0;
          for (let k = 0; k < data.length; k++) {
            const alpha = plain[k | 3]!;
            if (k % 4 === 3) expect(data[k]).toBe(plain[k]);
            // A style was brought to its size before, and its soft edge has a part of the mean by then.
            else if (alpha === 1 && i < 3) expect(data[k]).toBe(plain[k]);
            else if (alpha === 1) expect(Math.abs(data[k]! - plain[k]!)).toBeLessThan(0.02);
            else if (alpha === 0) expect(Math.abs(data[k]! - means[k % 4]!)).toBeLessThan(i < 3 ? 1e-5 : 0.01);
            if (alpha === 0) hidden++;
          }
          expect(hidden / data.length).toBeGreaterThan(0.3);
          expect(Math.min(...means)).toBeGreaterThan(0.5);
        }
      }
    });

    it.each([[40, 'own'], [24, 'own'], [61, 'own'], [24, 'stretched']] as const)('is the same whatever is hidden, to %i pixels, %s', async (side, fit) => {
      expect(await scaled(cutOut(2), side, false, fit)).toEqual(await scaled(cutOut(1), side, false, fit));
    });
  });

  it('the style of the result is taken from its visible part', async () => {
    const options = { ...MASKED, content: withAlpha(scene(24, 20), (x) => (x < 14 ? 1 : 0)), maskMode: 'inside' } as const;
    await withSession(options, async (session) => {
      const gradient = await session.gradient();
      expect(gradient.filter((_, i) => i % 24 >= 14).every((value) => value === 0)).toBe(true);
      expect(rms(gradient)).toBeGreaterThan(0);
    });
  });
});

describe('the update mask', () => {
  const bytes = Uint8Array.from(randomValues(32 * 32 * 3, 4), (value) => 128 + 127 * value);
  const content = { data: bytes, width: 32, height: 32 };
  const updateMask = gray(32, 32, (x, y) => (x > 8 && y < 20 ? 1 : 0));

  it.each([
    [{ name: 'lbfgs' }, 'noise'],
    [{ name: 'adam', learningRate: 0.05 }, 'content'],
    [{ name: 'gd', learningRate: 1e-3, momentum: 0.5 }, 'gray'],
  ] as const)('leaves bytes outside as they are: %o from %s, through a ladder', async (optimizer, init) => {
    const options = await tinyOptions({ content, updateMask, optimizer, init, size: 32, scales: [16, 32], averaging: 0.9 });
    const { pixels, width } = await styleTransfer(options);
    let changed = 0;
    for (let i = 0; i < 32 * 32; i++) {
      const isInside = i % width > 8 && i / width < 20;
      for (let c = 0; c < 3; c++) {
        if (!isInside) expect(pixels[4 * i + c]).toBe(bytes[3 * i + c]);
        else if (pixels[4 * i + c] !== bytes[3 * i + c]) changed++;
      }
    }
    expect(changed).toBeGreaterThan(300);
  });

  it('stops the gradient at the mask, and nothing else of it', async () => {
    const free = await withSession({ content, size: 32, init: 'noise' }, (session) => session.readImage());
    const gradient = (mask: typeof updateMask | undefined): Promise<Float32Array> =>
      withSession({ content, size: 32, ...(mask && { updateMask: mask }) }, async (session) => {
        await session.writeImage(free);
        return session.gradient();
      });
    const [whole, masked] = [await gradient(undefined), await gradient(updateMask)];
    const expected = whole.map((value, i) => value * updateMask.data[i % 1024]!);
    expect(relativeError(masked, expected)).toBeLessThan(1e-6);
  });
});
