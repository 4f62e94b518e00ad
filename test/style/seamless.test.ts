// Pictures that tile, and textures that have no content.

import { describe, expect, it } from 'vitest';
import { defaultNetwork, recipes, StyleSession, styleTransfer, type Recipe, type StyleTransferOptions } from '../../src/index.ts';
import { scalesOf } from '../../src/style/scales.ts';
import { relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { DEEP, picture, scene, tinyNetwork, tinyOptions, withSession } from './setting.ts';

const SIDE = 32;

/** Planar RGB moved round a torus. */
function rolled(planar: Float32Array, down: number, right: number): Float32Array {
  return planar.map((_, i) => {
    const [c, y, x] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
    return planar[c * SIDE ** 2 + ((y + SIDE - down) % SIDE) * SIDE + ((x + SIDE - right) % SIDE)]!;
  });
}

const recipe: Recipe = {
  ...recipes['gatys']!,
  content: { ...recipes['gatys']!.content, weight: 0 },
  style: { ...recipes['gatys']!.style, layers: { relu1_1: 1, relu3_1: 1, relu5_1: 1 } },
  tv: { weight: 1e-3, form: 'nine-point' },
};

describe('seamless', () => {
  /** Loss and gradient at a picture and at the same picture moved round by whole cells of relu5_1. */
  async function moved(seamless: boolean, more: Partial<StyleTransferOptions> = {}): Promise<{ losses: number; gradients: number }> {
    const network = tinyNetwork(DEEP, 3);
    const options = { recipe, network, seamless, content: scene(SIDE, SIDE), style: picture(40, 36, 2), size: SIDE, styleLayers: recipe.style.layers, ...more };
    return withSession(options, async (session) => {
      const image = Float32Array.from(picture(SIDE, SIDE, 4).data);
      const read = async (at: Float32Array): Promise<{ total: number; gradient: Float32Array }> => {
        await session.writeImage(at);
        return { total: (await session.evaluate()).total, gradient: await session.gradient() };
      };
      const here = await read(image);
      const there = await read(rolled(image, 16, 16));
      return {
        losses: Math.abs(there.total / here.total - 1),
        gradients: relativeError(there.gradient, rolled(here.gradient, 16, 16)),
      };
    });
  }

  it.each(['max', 'average'] as const)('a picture moved round the torus has the same loss and the moved gradient (%s)', async (pooling) => {
    const { losses, gradients } = await moved(true, { pooling });
    expect(losses).toBeLessThan(1e-5);
    expect(gradients).toBeLessThan(1e-4);
  });

  it('without it neither is true', async () => {
    const { losses, gradients } = await moved(false);
    expect(losses).toBeGreaterThan(1e-4);
    expect(gradients).toBeGreaterThan(0.01);
  });

  it('scales on the way are whole cells', () => {
    const sizes = scalesOf({ width: 300, height: 200 }, { scales: 'auto', size: 300, iterations: 10, seamless: true });
    expect(sizes.map(({ width, height }) => [width, height])).toEqual([[144, 96], [300, 200]]);
  });

  it('a texture of the embedded network has no seam', async () => {
    // Smooth inside, so that a seam would show.
    const smooth: Recipe = { ...recipes['default']!, tv: { weight: 1, form: 'mean-squared' } };
    /** Mean difference of columns across the border over that of columns in the middle. */
    const seam = async (seamless: boolean): Promise<number> => {
      const { pixels, width, height } = await styleTransfer({
        ...{ device: await testDevice(), network: await defaultNetwork(), style: scene(64, 48), contentWeight: 0, seamless },
        ...{ size: { width: 64, height: 64 }, scales: false, iterations: 40, seed: 2, recipe: smooth },
      });
      const across = (a: number, b: number): number => {
        let sum = 0;
        for (let y = 0; y < height; y++)
          for (let c = 0; c < 3; c++) sum += Math.abs(pixels[4 * (y * width + a) + c]! - pixels[4 * (y * width + b) + c]!);
        return sum;
      };
      const inner = Array.from({ length: width - 1 }, (_, x) => across(x, x + 1));
      return across(width - 1, 0) / (inner.reduce((a, b) => a + b) / inner.length);
    };
    const [tiled, plain] = [await seam(true), await seam(false)];
    console.log(`Seam over inner differences: ${tiled.toFixed(2)} seamless, ${plain.toFixed(2)} otherwise.`);
    expect(tiled).toBeLessThan(1.5);
    expect(plain).toBeGreaterThan(2);
  });
});

describe('textures', () => {
  const texture = async (more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> => {
    const { content: _, contentLayers: __, ...options } = await tinyOptions();
    return { ...options, contentWeight: 0, ...more };
  };

  it('have any size, and start from noise', async () => {
    const made = await styleTransfer(await texture({ size: { width: 40, height: 17 } }));
    expect([made.width, made.height]).toEqual([40, 17]);
    expect(made.losses.content).toBe(0);
    expect(made.details.options).toMatchObject({ init: 'noise', contentWeight: 0, size: { width: 40, height: 17 } });
    const again = await styleTransfer(await texture({ size: { width: 40, height: 17 }, content: scene(24, 20), init: 'noise' }));
    expect(again.pixels).toEqual(made.pixels);
  });

  it('have the shape of the style where only a side is given', async () => {
    const session = await StyleSession.create(await texture({ size: 26 }));
    expect([session.width, session.height]).toEqual([20, 26]);
    session.destroy();
  });

  it.each<[Partial<StyleTransferOptions>, string]>([
    [{ contentWeight: 1 }, 'content'],
    [{ init: 'content' }, 'init'],
    [{ updateMask: scene(4, 4) }, 'updateMask'],
  ])('refuse what needs a content: %o', async (more, where) => {
    await expect(styleTransfer(await texture(more))).rejects.toMatchObject({ code: 'bad-option', where });
  });
});
