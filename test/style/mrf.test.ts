// The statistic of patches against float64: every patch finds the most alike, and is drawn to it.

import { describe, expect, it } from 'vitest';
import { recipes, type Recipe, type Vgg } from '../../src/index.ts';
import { rms } from '../check.ts';
import { mostAlike, patchDistance, patchesOf } from '../oracle/patches.ts';
import { featuresOf, gradientAt, type Losses, type NetworkLayer, type Picture, type Problem } from '../oracle/style.ts';
import { picture, SMALL, tinyNetwork, withSession } from './setting.ts';

const { gatys } = recipes as { gatys: Recipe };
const COUNT = 24 * 20;

function problemOf(vgg: Vgg): Problem {
  const { mean, std } = vgg.preprocessing;
  return { layers: vgg.layers as readonly NetworkLayer[], mean, std, pooling: 'average' } as unknown as Problem;
}

/** Mean squared difference of patches of relu2_1 to the most alike of `styles`; relative where wished. */
function lossOf(vgg: Vgg, styles: readonly Picture[], isRelative: boolean): (at: Picture) => Losses {
  const targets = styles.map((style) => featuresOf(problemOf(vgg), style).get('relu2_1')!);
  const patches = targets.flatMap(({ shape, data }) => patchesOf(shape, data));
  const pixels = targets.flatMap(({ data }) => [...data]);
  const meanSquare = isRelative ? pixels.reduce((sum, value) => sum + value ** 2, 0) / pixels.length : 1;
  return (at) => {
    const { shape, data } = featuresOf(problemOf(vgg), at).get('relu2_1')!;
    const matches = patchesOf(shape, data).map((patch) => patches[mostAlike(patch, patches)]!);
    const weight = matches.map(() => 1 / matches.length);
    const style = patchDistance(shape, data, matches, weight) / (9 * shape[2]) / meanSquare;
    return { content: 0, style, tv: 0, total: style };
  };
}

describe('patches', () => {
  it.each(['mean', 'relative'] as const)('%s: loss and gradient of one style and of two', async (measure) => {
    const vgg = tinyNetwork(SMALL, 4);
    const styles = [picture(26, 22, 2), picture(18, 30, 3)];
    const recipe: Recipe = {
      ...gatys,
      space: { scale: 1, mean: [0, 0, 0] },
      style: { ...gatys.style, weight: 1, measure, statistics: { mrf: { relu2_1: 1 } } },
    };
    const at = picture(24, 20, 9);
    for (const some of [styles.slice(0, 1), styles]) {
      const loss = lossOf(vgg, some, measure === 'relative');
      const style = some.map((image) => ({ image: image as ReturnType<typeof picture> }));
      await withSession({ recipe, network: vgg, style, size: { width: 24, height: 20 }, contentWeight: 0, tvWeight: 0, pooling: 'average', init: 'noise' }, async (session) => {
        await session.writeImage(Float32Array.from({ length: 3 * COUNT }, (_, i) => at.data[(i % COUNT) * 3 + Math.floor(i / COUNT)]!));
        const losses = await session.evaluate();
        expect(Math.abs(losses.style / loss(at).style - 1)).toBeLessThan(1e-5);
        expect(losses.layers).toEqual({ relu2_1: losses.style });
        const gradient = await session.gradient();
        const indices = [7, 240, 501, 777, 1003, 1439];
        const slopes = gradientAt(loss, at, indices);
        const worst = Math.max(...indices.map((index, k) => Math.abs(gradient[(index % 3) * COUNT + Math.floor(index / 3)]! - slopes[k]!)));
        expect(worst / rms(slopes)).toBeLessThan(2e-5);
      });
    }
  });

  it('of the style itself are their own matches: no loss, no force', async () => {
    const image = picture(24, 20, 2);
    const recipe: Recipe = { ...gatys, style: { ...gatys.style, statistics: { mrf: { relu1_2: 1, relu2_1: 1 } } } };
    await withSession({ recipe, style: image, content: image, contentWeight: 0, tvWeight: 0 }, async (session) => {
      const { total, layers } = await session.evaluate();
      expect(Object.keys(layers)).toEqual(['relu1_2', 'relu2_1']);
      expect(total).toBeLessThan(1e-9);
    });
  });

  it('beside Gram matrices, in a mask: only patches of the mask are drawn, and only to those of the style mask', async () => {
    const mask = { width: 24, height: 20, data: Float32Array.from({ length: COUNT }, (_, i) => (i % 24 < 12 ? 1 : 0)) };
    const recipe: Recipe = { ...gatys, style: { ...gatys.style, statistics: { gram: 1, mrf: { relu1_1: 1 } } } };
    const style = [{ image: picture(24, 20, 2), mask, styleMask: mask }];
    await withSession({ recipe, style, styleLayers: { relu1_1: 1 }, contentWeight: 0, tvWeight: 0, init: 'noise' }, async (session) => {
      const gradient = await session.gradient();
      // A patch whose middle is in column 11 reaches to column 12, its features to 13.
      expect(gradient.filter((_, i) => i % 24 > 13).every((value) => value === 0)).toBe(true);
      expect(rms(gradient)).toBeGreaterThan(0);
      const before = await session.evaluate();
      expect((await session.step(5)).total).toBeLessThan(before.total);
    });
  });
});
