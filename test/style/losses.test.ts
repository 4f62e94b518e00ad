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
    style: recipe.style,
    tv: recipe.tv,
    contentPicture: content,
    styles,
  };
}

/** Spread over the picture, borders and corners included. */
function someIndices(length: number): number[] {
  return [0, 1, length - 1, ...[0.13, 0.29, 0.41, 0.58, 0.71, 0.87].map((at) => Math.floor(at * length))];
}

describe('losses and gradients against float64', () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    it(name, async () => {
      const vgg = tinyNetwork(DEEP, 3);
      const content = picture(35, 32, 1);
      const style = picture(33, 38, 2);
      const at = picture(35, 32, 9);
      const loss = lossOf(problemOf(recipe, vgg, content, [{ picture: style, weight: 1 }]));
      const expected = loss(at);
      const indices = someIndices(at.data.length);
      // The oracle keeps its float64: a step this small meets no kink of ReLU or max pooling here.
      const slopes = gradientAt(loss, at, indices);
      const device = await testDevice();
      const size = { width: 35, height: 32 };
      const session = await StyleSession.create({ device, network: vgg, content, style, size, recipe: name });
      try {
        await session.writeImage(planar(at));
        const losses = await session.evaluate();
        // float32 through up to eleven convolutions, targets included; 2e-6 was seen, 3e-6 for gradients (lavapipe).
        for (const term of ['content', 'style', 'tv', 'total'] as const) {
          expect(Math.abs(losses[term] - expected[term])).toBeLessThanOrEqual(1e-5 * expected[term]);
        }
        const gradient = await session.gradient();
        const count = 35 * 32;
        const got = indices.map((i) => gradient[(i % 3) * count + Math.floor(i / 3)]!);
        const worst = Math.max(...got.map((value, i) => Math.abs(value - slopes[i]!)));
        expect(worst / rms(slopes)).toBeLessThan(2e-5);
      } finally {
        session.destroy();
      }
    });
  }

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
