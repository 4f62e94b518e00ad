// Options that steer the run: averaging, early stop, the box.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, styleTransfer, type SessionProgress, type StyleTransferOptions } from '../../src/index.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { Plateau } from '../../src/style/plateau.ts';
import { DEEP, scene, tinyNetwork, tinyOptions, withSession } from './setting.ts';
import { testDevice } from '../device.ts';
import { expectTexture, texels } from './texels.ts';

describe('averaging', () => {
  const more = { optimizer: { name: 'adam', learningRate: 0.1 }, init: 'noise' } as const;

  it('paints, reads and returns the average of the iterates, which go on as without it', async () => {
    const iterates: Float32Array[] = [];
    await withSession(more, async (session) => {
      for (let i = 0; i < 6; i++) {
        await session.step();
        iterates.push(await session.readImage());
      }
    });
    await withSession({ ...more, averaging: 0.8 }, async (session) => {
      await session.step(6);
      const image = await session.readImage();
      const weights = iterates.map((_, k) => (0.2 * 0.8 ** (5 - k)) / (1 - 0.8 ** 6));
      image.forEach((value, i) => {
        const wanted = iterates.reduce((sum, iterate, k) => sum + weights[k]! * iterate[i]!, 0);
        expect(Math.abs(value - wanted)).toBeLessThan(1e-6);
      });
      expectTexture(await texels(await testDevice(), session.texture), image);
      await session.writeImage(iterates[2]!);
      (await session.readImage()).forEach((value, i) => expect(value).toBeCloseTo(iterates[2]![i]!, 6));
    });
    const final = await styleTransfer(await tinyOptions({ ...more, averaging: 0.8, iterations: 6, size: 24 }));
    const last = await styleTransfer(await tinyOptions({ ...more, iterations: 6, size: 24 }));
    expect(final.losses).toEqual(last.losses);
    expect(final.pixels).not.toEqual(last.pixels);
  });

  it('is kept by a checkpoint, to the byte', async () => {
    const options = { ...more, averaging: 0.9 };
    const straight = await withSession(options, async (session) => (await session.step(8), session.readImage()));
    const bytes = await withSession(options, async (session) => (await session.step(3), session.checkpoint()));
    const restored = await StyleSession.restore(bytes, await tinyOptions(more)); // the checkpoint knows the decay
    await restored.step(5);
    expect(await restored.readImage()).toEqual(straight);
    restored.destroy();
  });

  it('comes from the recipe, and false turns it off', async () => {
    const recipe = { ...recipes['lecture']!, averaging: 0.9 };
    const run = (averaging?: false): Promise<Float32Array> =>
      withSession({ ...more, recipe, ...(averaging === false && { averaging }) }, async (session) => (await session.step(4), session.readImage()));
    const plain = await withSession(more, async (session) => (await session.step(4), session.readImage()));
    expect(await run(false)).toEqual(plain);
    expect(await run()).not.toEqual(plain);
    await expect(styleTransfer(await tinyOptions({ averaging: 1 }))).rejects.toThrow(/averaging: got 1. Give a decay from 0/);
  });
});

describe("the default recipe's optimiser", () => {
  const layers = { contentLayers: recipes['default']!.content.layers, styleLayers: recipes['default']!.style.layers };
  const large = { recipe: 'default', network: tinyNetwork(DEEP), size: 32, ...layers, optimizer: recipes['default']!.optimizer } as const;
  const run = (more: Partial<StyleTransferOptions>): Promise<{ image: Float32Array; falls: number }> =>
    withSession({ ...large, ...more }, async (session) => {
      const before = await session.evaluate();
      await session.step(12);
      return { image: await session.readImage(), falls: (await session.evaluate()).total / before.total };
    });

  // Relative and mean losses have gradients that shrink with the pixels: at 1024 pixels those of torch's rules stood still.
  it('does not stand still however small the gradients: the loss times a power of two paints the same picture', async () => {
    const part = 2 ** -30;
    const small = { contentWeight: part, styleWeight: part, tvWeight: part };
    const [whole, little] = [await run({}), await run(small)];
    expect(little.image).toEqual(whole.image);
    expect(whole.falls).toBeLessThan(0.6);
    const { falls } = await run({ ...small, optimizer: { name: 'lbfgs', history: 20, rules: 'torch' } });
    expect(falls).toBeGreaterThan(0.999);
  });

  it('keeps its rules where other settings are given, and other recipes have those of torch', () => {
    const optimizer = { name: 'lbfgs', history: 5 } as const;
    const given = { content: scene(8, 8), style: scene(8, 8) };
    expect(resolveOptions({ ...given, optimizer }).optimizer).toEqual({ ...optimizer, rules: 'relative' });
    expect(resolveOptions({ ...given, optimizer: { ...optimizer, rules: 'torch' } }).optimizer).toEqual({ ...optimizer, rules: 'torch' });
    for (const recipe of ['gatys', 'wasserstein']) expect(resolveOptions({ ...given, recipe, optimizer }).optimizer).toEqual(optimizer);
    expect(resolveOptions({ ...given, optimizer: { name: 'adam' } }).optimizer).toEqual({ name: 'adam' });
  });
});

describe('tolerance', () => {
  it('counts the fall of the lowest loss, leaves out what is no number, and ends one iteration later', () => {
    const stopsAt = (losses: readonly number[], relative: number, iterations: number): number => {
      const plateau = new Plateau({ relative, iterations });
      return losses.findIndex((loss) => (plateau.take(loss), plateau.isOver)) + 1;
    };
    const falling = Array.from({ length: 200 }, (_, i) => 0.9 ** i);
    expect(stopsAt(falling, 0.1, 5)).toBe(0); // 0.9^5 is 41 % less
    expect(stopsAt(falling, 0.5, 5)).toBe(7);
    expect(stopsAt([8, 4, 2, 1, 9, 1, 9, 1], 0.01, 3)).toBe(8);
    expect(stopsAt([8, 4, 2, 1, NaN, NaN, NaN, 1, 1, 1, 1], 0.01, 3)).toBe(11);
    expect(stopsAt([1, 1, 1, 1, 1, 1], 0, 2)).toBe(0);
  });

  const tolerance = { relative: 0.3, iterations: 4 };
  const more = { optimizer: { name: 'adam', learningRate: 0.01 }, init: 'noise', iterations: 60 } as const;

  it('ends a session one iteration after it has come to rest, until something is changed', async () => {
    const seen: SessionProgress[] = [];
    const [stopped, again] = await withSession({ ...more, tolerance }, async (session) => {
      for await (const progress of session.run()) seen.push(progress);
      const image = await session.readImage();
      for await (const _ of session.run()) expect.unreachable();
      session.set({ styleWeight: 3 });
      let count = 0;
      for await (const _ of session.run({ iterations: 3 })) count++;
      return [image, count] as const;
    });
    expect(again).toBe(3);
    expect(seen.length).toBeGreaterThan(4);
    expect(seen.length).toBeLessThan(60);
    const lowest = seen.map((_, i) => Math.min(...seen.slice(0, i + 1).map(({ losses }) => losses.total)));
    const first = lowest.findIndex((low, k) => k >= 4 && lowest[k - 4]! - low < 0.3 * lowest[k - 4]!);
    expect(seen.length).toBe(first + 2);
    expect(seen.map(({ converged }) => converged).indexOf(true)).toBe(seen.length - 1);
    // Nothing was begun that is not counted.
    const counted = await withSession(more, async (session) => (await session.step(seen.length), session.readImage()));
    expect(stopped).toEqual(counted);
  });

  it('ends each scale of a run, which says converged; with checkpoints it ends at the same picture, resumed too', async () => {
    const options = await tinyOptions({ ...more, tolerance, scales: [12, 24] });
    const made = await styleTransfer(options);
    expect(made.stopped).toBe('converged');
    expect(made.iterations).toBeLessThan(60);
    for (const every of [1, 3]) {
      const saved: Uint8Array[] = [];
      const cut = await styleTransfer({ ...options, checkpoint: { every, save: (bytes) => void saved.push(bytes) } });
      expect(cut).toMatchObject({ stopped: 'converged', iterations: made.iterations, losses: made.losses });
      expect(cut.pixels).toEqual(made.pixels);
      for (const at of [1, Math.floor(saved.length / 2), saved.length - 1]) {
        const resumed = await styleTransfer({ ...options, resume: saved[at]! });
        expect(resumed).toMatchObject({ stopped: 'converged', iterations: made.iterations });
        expect(resumed.pixels).toEqual(made.pixels);
      }
    }
    const whole = await styleTransfer(await tinyOptions({ iterations: 6, tolerance: 1e-9 }));
    expect(whole).toMatchObject({ stopped: 'done', iterations: 6 });
    await expect(styleTransfer(await tinyOptions({ tolerance: { relative: 0.1, iterations: 0 } }))).rejects.toThrow(/tolerance: got/);
  });
});

describe('clamp', () => {
  it.each(['gd', 'adam', 'lbfgs'] as const)('%s keeps every pixel in [0, 1] where asked to, whatever the recipe says', async (name) => {
    const learningRate = { gd: 1e-2, adam: 0.5, lbfgs: 5 }[name];
    const run = (clamp: boolean, recipe: string): Promise<Float32Array> =>
      withSession({ optimizer: { name, learningRate, clamp }, recipe, init: 'noise' }, async (session) => (await session.step(5), session.readImage()));
    const leaves = (image: Float32Array): boolean => image.some((value) => value < -1e-3 || value > 1 + 1e-3);
    expect(leaves(await run(true, 'lecture'))).toBe(false);
    expect(leaves(await run(false, 'lecture'))).toBe(true);
    if (name === 'adam') expect(leaves(await run(false, 'tensorflow-tutorial'))).toBe(true);
  });
});

describe('L-BFGS with a line search', () => {
  it('lowers the loss from search to search, resumes to the byte, and is recorded like any other', async () => {
    const more = { optimizer: { name: 'lbfgs', history: 10, lineSearch: 'strong-wolfe' }, init: 'noise' } as const;
    const totals: number[] = [];
    const straight = await withSession(more, async (session) => {
      for await (const { losses } of session.run({ iterations: 16 })) totals.push(losses.total);
      return session.readImage();
    });
    expect(totals.every(Number.isFinite)).toBe(true);
    expect(totals.at(-1)!).toBeLessThan(0.5 * totals[0]!);
    const bytes = await withSession(more, async (session) => (await session.step(7), session.checkpoint()));
    const restored = await StyleSession.restore(bytes, await tinyOptions(more));
    await restored.step(9);
    expect(await restored.readImage()).toEqual(straight);
    restored.destroy();
  });

  it('is refused together with a box', async () => {
    const options = await tinyOptions({ optimizer: { name: 'lbfgs', lineSearch: 'strong-wolfe', clamp: true } });
    await expect(styleTransfer(options)).rejects.toMatchObject({ code: 'bad-option' });
  });
});
