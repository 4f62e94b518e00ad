// The image of a session: written, read, shown.

import { describe, expect, it } from 'vitest';
import { recipes, type OptimizerOptions, type StyleSession } from '../../src/index.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { picture, withSession } from './setting.ts';
import { expectTexture, texels } from './texels.ts';

const LBFGS: OptimizerOptions = { name: 'lbfgs', history: 5 };

describe('the image', () => {
  it.each(Object.keys(recipes))('is written and read in the space of %s', async (recipe) => {
    await withSession({ recipe }, async (session) => {
      const image = randomValues(3 * 24 * 20, 4).map((value) => (value + 1) / 2);
      await session.writeImage(image);
      const read = await session.readImage();
      // 0..255 minus a mean and back: some rounding steps of float32 at 255.
      const worst = Math.max(...read.map((value, i) => Math.abs(value - image[i]!)));
      expect(worst).toBeLessThan(recipes[recipe]!.space.scale === 1 ? 1e-9 : 1e-6);
      expectTexture(await texels(session.device, session.texture), image);
      await session.step(2);
      expectTexture(await texels(session.device, session.texture), await session.readImage());
    });
  });

  it('is the start before any step; the texture shows it at once', async () => {
    const content = picture(24, 20, 8);
    await withSession({ content }, async (session) => {
      expect([session.width, session.height]).toEqual([24, 20]);
      const read = await session.readImage();
      expect(read[0]).toBe(content.data[0]);
      expect(read[480 + 3]).toBe(content.data[3 * 3 + 1]);
      expectTexture(await texels(session.device, session.texture), read);
    });
  });

  it('written anew starts the optimiser afresh', async () => {
    const image = randomValues(3 * 24 * 20, 4).map((value) => (value + 1) / 2);
    const run = async (session: StyleSession): Promise<Float32Array> => {
      await session.writeImage(image);
      await session.step(4);
      return session.readImage();
    };
    const fresh = await withSession({ optimizer: LBFGS }, run);
    await withSession({ optimizer: LBFGS }, async (session) => {
      await session.step(5);
      expect(await run(session)).toEqual(fresh);
    });
  });

  it('takes planar RGB of its size in finite numbers only', async () => {
    await withSession({}, async (session) => {
      const before = await session.readImage();
      const wrong: readonly [ArrayLike<number>, string][] = [
        [new Float32Array(3), 'got 3 values, need 1440'],
        [new Float32Array(1440).fill(NaN, 7), 'value 7 is NaN'],
        [new Array<number>(1440).fill(Infinity), 'value 0 is Infinity'],
      ];
      for (const [image, message] of wrong) {
        await expect(session.writeImage(image)).rejects.toMatchObject({
          code: 'bad-option',
          message: expect.stringContaining(message),
        });
      }
      expect(await session.readImage()).toEqual(before);
    });
  });

  it('stays in [0, 1] with a recipe that clamps, and may leave it with one that does not', async () => {
    const wild = { optimizer: { name: 'adam', learningRate: 0.5 }, init: 'noise' } as const;
    const range = (image: Float32Array): [number, number] => [Math.min(...image), Math.max(...image)];
    const [low, high] = await withSession({ ...wild, recipe: 'tensorflow-tutorial' }, async (session) => {
      await session.step(3);
      return range(await session.readImage());
    });
    expect([low, high]).toEqual([0, 1]);
    const [under, over] = await withSession(wild, async (session) => {
      await session.step(3);
      return range(await session.readImage());
    });
    expect(under).toBeLessThan(0);
    expect(over).toBeGreaterThan(1);
  });
});

describe('preview', () => {
  it('paints a texture of another size and format with every iteration', async () => {
    const device = await testDevice();
    const preview = device.createTexture({
      size: [48, 40],
      format: 'bgra8unorm',
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC,
    });
    await withSession({ preview }, async (session) => {
      for (const steps of [0, 3]) {
        if (steps > 0) await session.step(steps);
        const own = await texels(device, session.texture);
        const shown = await texels(device, preview);
        const red = (x: number, y: number): number => shown[4 * (y * 48 + x) + 2]!;
        for (const [x, y] of [[0, 0], [47, 39], [13, 22]] as const) {
          expect(red(x, y)).toBe(own[4 * ((y >> 1) * 24 + (x >> 1))]);
        }
      }
    });
    // The preview is the caller's: it is still there.
    expect((await texels(device, preview)).some((value) => value > 0)).toBe(true);
    preview.destroy();
  });
});
