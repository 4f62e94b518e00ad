// Loss terms and gradients of every recipe against the float64 oracle, on networks of VGG's depth and a few channels.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, type Recipe, type StyleTransferOptions, type Vgg } from '../../src/index.ts';
import { summarize } from '../../src/style/losses.ts';
import { randomValues, rms } from '../check.ts';
import { testDevice } from '../device.ts';
import { gradientAt, lossOf, type NetworkLayer, type Picture, type Problem } from '../oracle/style.ts';
import { DEEP, picture, SMALL, tinyNetwork, tinyOptions, withSession } from './setting.ts';

/** [h, w, 3] → [3, h, w] */
function planar({ data }: Picture): Float32Array<ArrayBuffer> {
  const count = data.length / 3;
  return Float32Array.from({ length: data.length }, (_, i) => data[(i % count) * 3 + Math.floor(i / count)]!);
}

function problemOf(recipe: Recipe, vgg: Vgg, content: Picture, styles: Problem['styles']): Problem {
  return {
    layers: vgg.layers as readonly NetworkLayer[],
    mean: vgg.preprocessing.mean,
    std: vgg.preprocessing.std,
    pooling: recipe.pooling,
    scale: recipe.space.scale,
    content: recipe.content,
    style: recipe.style as Problem['style'],
    edges: recipe.edges,
    firstPadding: recipe.firstPadding,
    tv: recipe.tv,
    contentPicture: content,
    styles,
  };
}

/** Spread over the picture, borders and corners included. */
function someIndices(length: number): number[] {
  return [0, 1, length - 1, ...[0.13, 0.29, 0.41, 0.58, 0.71, 0.87].map((at) => Math.floor(at * length))];
}

/**
 * The gradient of a matrix root is that of the exact root, by an iteration of its own; the slopes are those of the truncated
 * iteration. With few pixels and many channels they are as far apart as this. test/kernels/sqrtm.test.ts holds it to 2e-5
 * where both converge.
 */
const ROOT_TOLERANCE = 0.01;

/** Losses and gradient of `recipe` against loops in float64, at a random picture. */
async function compare(recipe: Recipe, tolerance = 2e-5): Promise<void> {
  const vgg = tinyNetwork(DEEP, 3);
  const content = picture(35, 32, 1);
  // A recipe that stretches its styles would resample another size.
  const style = recipe.style.size === 'stretched' ? picture(35, 32, 2) : picture(33, 38, 2);
  const at = picture(35, 32, 9);
  const loss = lossOf(problemOf(recipe, vgg, content, [{ picture: style, weight: 1 }]));
  const expected = loss(at);
  const indices = someIndices(at.data.length);
  // The oracle keeps its float64: a step this small meets no kink of ReLU or max pooling here.
  const slopes = gradientAt(loss, at, indices);
  const device = await testDevice();
  const size = { width: 35, height: 32 };
  const session = await StyleSession.create({ device, network: vgg, content, style, size, recipe });
  try {
    await session.writeImage(planar(at));
    const losses = await session.evaluate();
    // float32 through up to eleven convolutions, targets included; 2e-6 was seen, 3e-6 for gradients (lavapipe), and
    // 1.2e-5 where a covariance subtracts large means.
    for (const term of ['content', 'style', 'tv', 'total'] as const) {
      expect(Math.abs(losses[term] - expected[term])).toBeLessThanOrEqual(2e-5 * expected[term]);
    }
    const gradient = await session.gradient();
    const count = 35 * 32;
    const got = indices.map((i) => gradient[(i % 3) * count + Math.floor(i / 3)]!);
    const worst = Math.max(...got.map((value, i) => Math.abs(value - slopes[i]!)));
    expect(worst / rms(slopes)).toBeLessThan(tolerance);
  } finally {
    session.destroy();
  }
}

describe('losses and gradients against float64', () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    it(name, () => compare(recipe, recipe.style.statistics?.wasserstein ? ROOT_TOLERANCE : undefined));
  }

  const { gatys } = recipes as { gatys: Recipe };
  const { style } = gatys;
  it.each<[string, Recipe]>([
    ['covariance', { ...gatys, style: { ...style, statistics: { covariance: 2 } } }],
    ['covariance over elements, relative', { ...gatys, style: { ...style, statistics: { covariance: 1 }, normalize: 'elements', measure: 'relative' } }],
    ['means and deviations, relative', { ...gatys, style: { ...style, statistics: { mean: 1, std: 3 }, measure: 'relative' } }],
    [
      'every layer its own statistics',
      { ...gatys, style: { ...style, statistics: { gram: { relu2_1: 1 }, covariance: { relu3_1: 2 }, std: { conv1_1: 0.5, relu3_1: 1 } } } },
    ],
    ['one normaliser for all layers, over elements', { ...gatys, style: { ...style, normalize: 'elements', measure: 'image' } }],
    ['content of several layers', { ...gatys, content: { ...gatys.content, layers: { conv1_2: 2, relu3_3: 1, pool4: 0.5 } } }],
    ['edges', { ...gatys, edges: { weight: 10, poolings: { 1: 1, 4: 0.5 } } }],
    ['first padding by reflection', { ...gatys, firstPadding: 'reflect' }],
    // A covariance subtracts large means from large sums: 2.6e-5 of the gradient was seen (lavapipe).
  ])('%s', (_, recipe) => compare(recipe, recipe.style.statistics?.covariance ? 5e-5 : undefined));

  it('edges alone are a loss, named by their pooling', async () => {
    const recipe: Recipe = { ...gatys, content: { ...gatys.content, weight: 0 }, edges: { weight: 1, poolings: { 2: 1 } } };
    await withSession({ recipe, styleWeight: 0, tvWeight: 0, init: 'noise' }, async (session) => {
      const { content, total, layers } = await session.evaluate();
      expect(content).toBe(total);
      expect(layers).toEqual({ laplacian_2: content });
      expect(content).toBeGreaterThan(0);
    });
  });

  it('several styles: the target is the weighted mean of their Gram matrices', async () => {
    const vgg = tinyNetwork(SMALL, 4);
    const content = picture(24, 20, 1);
    const styles = [
      { picture: picture(20, 22, 2), weight: 1 },
      { picture: picture(26, 18, 3), weight: 3 },
    ];
    const recipe: Recipe = {
      ...recipes['gatys']!,
      content: { ...recipes['gatys']!.content, layers: { relu2_1: 1 } },
      style: { ...recipes['gatys']!.style, layers: { relu1_2: 1, relu2_1: 2 } },
    };
    const expected = lossOf(problemOf(recipe, vgg, content, styles))(content);
    const style = styles.map((one) => ({ image: one.picture as Required<typeof content>, weight: one.weight }));
    await withSession({ content, style, network: vgg, recipe, ...keep(recipe) }, async (session) => {
      const losses = await session.evaluate();
      expect(Math.abs(losses.style / expected.style - 1)).toBeLessThan(1e-4);
      expect(losses.content).toBe(0); // the start is the content itself: the very same arithmetic
    });
  });

  it('two equal styles are one, whatever their weights', async () => {
    const one = picture(20, 26, 5);
    const single = await withSession({ style: one }, (session) => session.evaluate());
    const style = [
      { image: one, weight: 0.3 },
      { image: one, weight: 0.9 },
    ];
    const twice = await withSession({ style }, (session) => session.evaluate());
    expect(Math.abs(twice.style / single.style - 1)).toBeLessThan(1e-5);
  });

  it('the gradient agrees with central differences of evaluate itself', async () => {
    // Average pooling and a large step: float32 losses have some seven digits, so the difference keeps three or four.
    await withSession({ pooling: 'average', tvWeight: 0 }, async (session) => {
      const image = (await session.readImage()).map((value, i) => value + 0.1 * randomValues(1, i)[0]!);
      await session.writeImage(image);
      const gradient = await session.gradient();
      const order = [...gradient.keys()].sort((a, b) => Math.abs(gradient[b]!) - Math.abs(gradient[a]!));
      for (const index of order.slice(0, 3)) {
        const moved = async (by: number): Promise<number> => {
          const other = image.slice();
          other[index]! += by;
          await session.writeImage(other);
          return (await session.evaluate()).total;
        };
        const slope = ((await moved(0.01)) - (await moved(-0.01))) / 0.02;
        expect(Math.abs(slope / gradient[index]! - 1)).toBeLessThan(0.02);
      }
    });
  });
});

/** Options that leave a recipe as it is: `tinyOptions` names layers of its own. */
function keep(recipe: Recipe): Partial<StyleTransferOptions> {
  return { contentLayers: recipe.content.layers, styleLayers: recipe.style.layers };
}

describe('terms', () => {
  it('add up: terms to the total, layers to their terms', async () => {
    const more = { contentLayers: { relu2_1: 1, relu1_1: 2 }, styleLayers: { relu1_1: 1, relu1_2: 3 }, init: 'noise' } as const;
    await withSession(more, async (session) => {
      const { total, content, style, tv, layers } = await session.evaluate();
      expect(total).toBe(content + style + tv);
      for (const value of [content, style, tv]) expect(value).toBeGreaterThan(0);
      expect(Object.keys(layers).sort()).toEqual(['relu1_1', 'relu1_2', 'relu2_1']);
      const sum = Object.values(layers).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum / (content + style) - 1)).toBeLessThan(1e-12);
    });
  });

  it('summarize adds a layer that is both content and style', () => {
    const terms = [
      { kind: 'content', layer: 'relu1_1' },
      { kind: 'style', layer: 'relu1_1' },
      { kind: 'tv' },
    ] as const;
    expect(summarize(terms, [1, 2, 4])).toEqual({ content: 1, style: 2, tv: 4, total: 7, layers: { relu1_1: 3 } });
  });

  it.each([
    ['contentWeight', 'content'],
    ['styleWeight', 'style'],
    ['tvWeight', 'tv'],
  ] as const)('%s 0 leaves its term out', async (option, term) => {
    await withSession({ [option]: 0, init: 'noise' }, async (session) => {
      const losses = await session.evaluate();
      expect(losses[term]).toBe(0);
      expect(losses.total).toBeGreaterThan(0);
      await session.step(2);
    });
  });

  it('a loss without any term is refused, and leaves nothing behind', async () => {
    const off = { contentWeight: 0, styleWeight: 0, tvWeight: 0 };
    await expect(StyleSession.create(await tinyOptions(off))).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('every term of the loss is switched off'),
    });
    const empty = { contentLayers: {}, styleLayers: { relu1_1: 0 }, tvWeight: 0 };
    await expect(StyleSession.create(await tinyOptions(empty))).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('total variation alone needs no layers, at any size', async () => {
    const more = { contentWeight: 0, styleWeight: 0, size: { width: 5, height: 3 }, init: 'noise' } as const;
    await withSession(more, async (session) => {
      const { tv, total, layers } = await session.evaluate();
      expect(total).toBe(tv);
      expect(layers).toEqual({});
      expect((await session.step(3)).total).toBeLessThan(total);
    });
  });
});
