// The option `color`: what a run does with it, measured on the finished picture.

import { describe, expect, it } from 'vitest';
import { styleTransfer, type ColorOptions, type StyledPicture } from '../../src/index.ts';
import { resolveColor } from '../../src/style/color-options.ts';
import { colorMoments, lightAndChroma } from '../oracle/color.ts';
import { scene, tinyOptions, type RawPicture } from './setting.ts';

/** Colours in the middle, so that little is clamped. */
function muted(picture: RawPicture, by: number): RawPicture {
  return { ...picture, data: picture.data.map((v) => 0.5 + by * (v - 0.5)) };
}

const content = muted(scene(24, 20), 0.4);
const style = muted(scene(26, 22, 2), 0.6);
const run = async (color: ColorOptions, more = {}): Promise<StyledPicture> =>
  styleTransfer(await tinyOptions({ content, style, color, iterations: 8, contentWeight: 0, ...more }));

const rgbOf = (data: ArrayLike<number>, pixel: number, stride: number, range: number): number[] =>
  [0, 1, 2].map((c) => data[pixel * stride + c]! / range);

describe('luminance', () => {
  // Bytes round chroma: by up to 1/255 in the linear spaces; Lab's units are hundredths, and dark colours count more.
  it.each([['ycbcr', 1 / 255], ['yiq', 1 / 255], ['lab', 1.2], ['oklab', 1.2 / 255]] as const)(
    'in %s leaves the chroma of the content, while the light is that of the run',
    async (space, tolerance) => {
      const { pixels } = await run({ mode: 'luminance', space });
      const free = await run({ mode: 'style' });
      let counted = 0;
      let light = 0;
      for (let i = 0; i < 24 * 20; i++) {
        const rgb = rgbOf(pixels, i, 4, 255);
        if (rgb.some((v) => v === 0 || v === 1)) continue; // clamped
        counted++;
        const made = lightAndChroma(space, rgb);
        const wanted = lightAndChroma(space, rgbOf(content.data, i, 3, 1));
        for (const c of [1, 2]) expect(Math.abs(made[c]! - wanted[c]!)).toBeLessThanOrEqual(tolerance);
        const [ran] = lightAndChroma(space, rgbOf(free.pixels, i, 4, 255));
        light = Math.max(light, Math.abs(made[0]! - ran!) / (space === 'lab' ? 100 : 1));
      }
      expect(counted).toBeGreaterThan(400);
      expect(light).toBeLessThan(0.02);
    },
  );

  it('of both: the run sees gray pictures, so a start from the style is gray but for the content\'s chroma', async () => {
    const made = await run({ mode: 'luminance', when: 'both' }, { init: 'style', iterations: 0 });
    const mean = (data: ArrayLike<number>, stride: number, range: number): number => {
      const count = data.length / stride;
      return Array.from({ length: count }, (_, i) => lightAndChroma('ycbcr', rgbOf(data, i, stride, range))[0]!).reduce((a, b) => a + b) / count;
    };
    expect(mean(made.pixels, 4, 255)).toBeCloseTo(mean(content.data, 3, 1), 2);
  });
});

describe('match', () => {
  it.each(['pca', 'cholesky', 'monge'] as const)('by %s after the run gives mean and covariance of the content', async (method) => {
    const made = await run({ mode: 'match', method, when: 'after' }, { init: 'style' });
    const rgba = Float64Array.from({ length: 4 * 24 * 20 }, (_, i) => (i % 4 === 3 ? 1 : content.data[Math.floor(i / 4) * 3 + (i % 4)]!));
    const got = colorMoments(Array.from(made.pixels, (v) => v / 255));
    const wanted = colorMoments(rgba);
    got.mean.forEach((value, i) => expect(Math.abs(value - wanted.mean[i]!)).toBeLessThan(2 / 255));
    got.covariance.flat().forEach((value, i) => {
      // A few colours are clamped, and bytes round: a fiftieth of the variances.
      expect(Math.abs(value - wanted.covariance.flat()[i]!)).toBeLessThan(1e-3);
    });
    const free = colorMoments(Array.from((await run({ mode: 'style' }, { init: 'style' })).pixels, (v) => v / 255));
    const away = free.mean.reduce((sum, value, i) => sum + Math.abs(value - wanted.mean[i]!), 0);
    expect(away).toBeGreaterThan(10 / 255); // there was something to do
  });

  it('before the run and after it differ; the word alone is before, by PCA', async () => {
    const before = await run({ mode: 'match' });
    expect((await run({ mode: 'match', method: 'pca', when: 'before' })).pixels).toEqual(before.pixels);
    expect((await styleTransfer(await tinyOptions({ content, style, color: 'match', iterations: 8, contentWeight: 0 }))).pixels).toEqual(before.pixels);
    expect((await run({ mode: 'match', when: 'after' })).pixels).not.toEqual(before.pixels);
  });
});

it('a histogram matched after the run has the values of the content', async () => {
  const made = await run({ mode: 'histogram', when: 'after' });
  for (let c = 0; c < 3; c++) {
    const wanted = Array.from(content.data.filter((_, i) => i % 3 === c)).sort((a, b) => a - b);
    const got = Array.from(made.pixels.filter((_, i) => i % 4 === c), (v) => v / 255).sort((a, b) => a - b);
    const step = Math.max(...wanted.slice(1).map((v, i) => v - wanted[i]!));
    got.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(step + 1 / 255));
  }
});

const flat = (v: number, width = 20, height = 20): RawPicture => ({ data: new Float32Array(3 * width * height).fill(v), width, height });
const gray: RawPicture = { data: Float32Array.from({ length: 1200 }, (_, i) => ((Math.floor(i / 3) * 37) % 101) / 100), width: 20, height: 20 };
const EVERY: readonly ColorOptions[] = [
  ...(['ycbcr', 'yiq', 'lab', 'oklab'] as const).flatMap((space) => (['after', 'both'] as const).map((when) => ({ mode: 'luminance', space, when }) as const)),
  ...(['pca', 'cholesky', 'monge'] as const).flatMap((method) => (['before', 'after'] as const).map((when) => ({ mode: 'match', method, when }) as const)),
  ...(['before', 'after'] as const).map((when) => ({ mode: 'histogram', when }) as const),
];

it.each(EVERY)('gray, flat, black and white pictures stay finite ($mode $space$method $when)', async (color) => {
  for (const [content, style] of [[gray, flat(0.5)], [flat(0), gray], [flat(1), flat(0)], [scene(20, 20), flat(1, 8, 8)]] as const) {
    const made = await styleTransfer(await tinyOptions({ content, style, color, iterations: 1, size: 20 }));
    expect(Number.isFinite(made.losses.total)).toBe(true);
    // The style's map to a gray picture's colours has gray for its range.
    if (content === gray && color.mode === 'match' && color.when === 'after') {
      for (let i = 0; i < made.pixels.length; i += 4) expect(Math.abs(made.pixels[i]! - made.pixels[i + 1]!)).toBeLessThan(8);
    }
    if (content === gray && color.mode === 'luminance') {
      for (let i = 0; i < made.pixels.length; i += 4) expect(Math.abs(made.pixels[i]! - made.pixels[i + 2]!)).toBeLessThanOrEqual(1);
    }
  }
});

it.each([
  [{ mode: 'sepia' }, /color: got \{"mode":"sepia"\}. Give one of style, luminance, match, histogram, or \{ mode, … \}/],
  [{ mode: 'match', space: 'lab' }, /color match: there is no setting space. Give method, when/],
  [{ mode: 'style', when: 'after' }, /color style: there is no setting when. Give no setting/],
  [{ mode: 'luminance', space: 'hsv' }, /color luminance: space is "hsv". Give one of ycbcr, yiq, lab, oklab/],
  [null, /color: got undefined|color: got null/],
] as const)('%j is refused', (color, message) => {
  expect(() => resolveColor(color as never)).toThrow(message);
});
