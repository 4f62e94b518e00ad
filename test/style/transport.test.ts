// The statistics that sort, against float64: values of channels and of projections, rank by rank.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, type Recipe, type Vgg } from '../../src/index.ts';
import { directions } from '../../src/style/transport.ts';
import { rms } from '../check.ts';
import { matmul, transpose } from '../oracle/matmul.ts';
import { transport } from '../oracle/sort.ts';
import { featuresOf, gradientAt, type Losses, type NetworkLayer, type Picture, type Problem } from '../oracle/style.ts';
import { picture, SMALL, tinyNetwork, tinyOptions, withSession } from './setting.ts';

const { gatys } = recipes as { gatys: Recipe };
const COUNT = 24 * 20;
const SORTED = ['histogram', 'sliced-wasserstein'] as const;
const LAYERS = { conv1_2: 1, relu2_1: 3 };

function recipeOf(statistic: (typeof SORTED)[number], measure: Recipe['style']['measure']): Recipe {
  return {
    ...gatys,
    space: { scale: 1, mean: [0, 0, 0] },
    style: { ...gatys.style, weight: 1, measure, statistics: { [statistic]: LAYERS } },
  };
}

function problemOf(vgg: Vgg): Problem {
  const { mean, std } = vgg.preprocessing;
  return { layers: vgg.layers as readonly NetworkLayer[], mean, std, pooling: 'average' } as unknown as Problem;
}

/** The sorted distances of both layers; styles with weights. */
function lossOf(
  vgg: Vgg,
  styles: readonly { readonly picture: Picture; readonly weight: number }[],
  statistic: (typeof SORTED)[number],
  isRelative: boolean,
): (at: Picture) => Losses {
  const valuesOf = (at: Picture, layer: string): { c: number; data: Float64Array } => {
    const { shape, data } = featuresOf(problemOf(vgg), at).get(layer)!;
    const c = shape[2];
    return { c, data: statistic === 'histogram' ? data : matmul(data.length / c, c, c, data, directions(c)) };
  };
  const targets = new Map(
    Object.keys(LAYERS).map((layer) => [layer, styles.map((style) => ({ ...valuesOf(style.picture, layer), weight: style.weight }))]),
  );
  return (at) => {
    let style = 0;
    for (const [layer, weight] of Object.entries(LAYERS)) {
      const { c, data } = valuesOf(at, layer);
      style += weight * transport(c, data, targets.get(layer)!, isRelative);
    }
    return { content: 0, style, tv: 0, total: style };
  };
}

describe.each(SORTED)('%s', (statistic) => {
  it.each(['mean', 'relative'] as const)('%s: loss and gradient of one style and of two', async (measure) => {
    const vgg = tinyNetwork(SMALL, 4);
    // Fewer pixels than the result, and more: both are resampled.
    const styles = [
      { picture: picture(26, 32, 2), weight: 1 },
      { picture: picture(18, 14, 3), weight: 2 },
    ];
    const at = picture(24, 20, 9);
    for (const some of [styles.slice(0, 1), styles]) {
      const loss = lossOf(vgg, some, statistic, measure === 'relative');
      const style = some.map(({ picture: image, weight }) => ({ image, weight }));
      const recipe = recipeOf(statistic, measure);
      await withSession({ recipe, network: vgg, style, size: { width: 24, height: 20 }, contentWeight: 0, tvWeight: 0, pooling: 'average', init: 'noise' }, async (session) => {
        await session.writeImage(Float32Array.from({ length: 3 * COUNT }, (_, i) => at.data[(i % COUNT) * 3 + Math.floor(i / COUNT)]!));
        const losses = await session.evaluate();
        expect(Math.abs(losses.style / loss(at).style - 1)).toBeLessThan(1e-5);
        expect(Object.keys(losses.layers)).toEqual(Object.keys(LAYERS));
        const gradient = await session.gradient();
        const indices = [7, 240, 501, 777, 1003, 1439];
        const slopes = gradientAt(loss, at, indices);
        const worst = Math.max(...indices.map((index, k) => Math.abs(gradient[(index % 3) * COUNT + Math.floor(index / 3)]! - slopes[k]!)));
        expect(worst / rms(slopes)).toBeLessThan(2e-5);
      });
    }
  });

  it('of the style itself: no loss', async () => {
    const image = picture(24, 20, 2);
    const recipe: Recipe = { ...gatys, style: { ...gatys.style, statistics: { [statistic]: { relu1_2: 1, relu2_1: 1 } } } };
    await withSession({ recipe, style: image, content: image, contentWeight: 0, tvWeight: 0 }, async (session) => {
      const { total, layers } = await session.evaluate();
      expect(Object.keys(layers)).toEqual(['relu1_2', 'relu2_1']);
      expect(total).toBeLessThan(1e-9);
    });
  });

  it('beside Gram matrices, in a mask: pixels outside are not drawn, and those of the style outside do not count', async () => {
    const mask = { width: 24, height: 20, data: Float32Array.from({ length: COUNT }, (_, i) => (i % 24 < 12 ? 1 : 0)) };
    const image = picture(24, 20, 2);
    const other = { ...image, data: image.data.map((value, i) => (Math.floor(i / 3) % 24 < 14 ? value : 1 - value)) };
    const recipe: Recipe = { ...gatys, style: { ...gatys.style, statistics: { [statistic]: { conv1_1: 1 } } } };
    const found: { style: number; gradient: Float32Array }[] = [];
    for (const seen of [image, other]) {
      const style = [{ image: seen, mask, styleMask: mask }];
      await withSession({ recipe, style, contentWeight: 0, tvWeight: 0, init: 'noise' }, async (session) => {
        found.push({ style: (await session.evaluate()).style, gradient: await session.gradient() });
      });
    }
    // Column 11 of conv1_1 sees column 12.
    expect(found[0]!.gradient.filter((_, i) => i % 24 > 12).every((value) => value === 0)).toBe(true);
    expect(found[0]!.gradient.filter((_, i) => i % 24 < 12).every((value) => value === 0)).toBe(false);
    expect(found[1]!.style).toBe(found[0]!.style);
  });

  it('a run brings the sorted values together: the loss falls to a tenth', async () => {
    const recipe: Recipe = { ...gatys, space: { scale: 1, mean: [0, 0, 0] }, style: { ...gatys.style, measure: 'relative', statistics: { [statistic]: { relu1_1: 1 } } } };
    const optimizer = { name: 'adam', learningRate: 0.02 } as const;
    await withSession({ recipe, contentWeight: 0, tvWeight: 0, init: 'content', optimizer, iterations: 60 }, async (session) => {
      const before = await session.evaluate();
      await session.step(60);
      expect((await session.evaluate()).style).toBeLessThan(before.style / 10);
    });
  });

  it('does not go in tiles: refused by its name', async () => {
    const options = await tinyOptions({ recipe: recipeOf(statistic, 'mean'), contentWeight: 0, tvWeight: 0, memoryLimit: 100_000 });
    await expect(StyleSession.create(options)).rejects.toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringContaining(`the statistic ${statistic} cannot go in tiles`),
    });
  });
});

describe('directions', () => {
  it('are unit vectors, the same every time, in all directions', () => {
    for (const c of [1, 4, 64]) {
      const values = directions(c);
      expect(directions(c)).toEqual(values);
      const squares = Array.from({ length: c }, (_, k) => values.reduce((sum, v, i) => (i % c === k ? sum + v * v : sum), 0));
      for (const square of squares) expect(Math.abs(square - 1)).toBeLessThan(1e-6);
    }
    // The cosine of two random directions in 64 dimensions has a deviation of 1/8.
    const product = matmul(64, 64, 64, transpose(64, 64, directions(64)), directions(64));
    const cosines = product.filter((_, i) => i % 65 !== 0);
    expect(rms(cosines)).toBeGreaterThan(0.1);
    expect(rms(cosines)).toBeLessThan(0.15);
  });
});
