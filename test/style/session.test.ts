// What a session promises: what each method changes and what it leaves alone.

import { describe, expect, it } from 'vitest';
import { StyleSession, type OptimizerOptions, type SessionProgress } from '../../src/index.ts';
import { freshDevice, testDevice } from '../device.ts';
import { picture, tinyOptions, withSession } from './setting.ts';
import { expectTexture, texels } from './texels.ts';

const LBFGS: OptimizerOptions = { name: 'lbfgs', history: 5 };
const OPTIMIZERS: readonly OptimizerOptions[] = [LBFGS, { name: 'adam' }, { name: 'gd', learningRate: 1e-4, momentum: 0.5 }];

describe('evaluate and gradient', () => {
  it.each(OPTIMIZERS)('change nothing: $name goes on as if they had not been', async (optimizer) => {
    const plain = await withSession({ optimizer, init: 'noise' }, async (session) => {
      await session.step(8);
      return session.readImage();
    });
    await withSession({ optimizer, init: 'noise' }, async (session) => {
      await session.step(3);
      const before = await session.readImage();
      const losses = await session.evaluate();
      const gradient = await session.gradient();
      expect(await session.evaluate()).toEqual(losses);
      expect(await session.gradient()).toEqual(gradient);
      expect(await session.readImage()).toEqual(before);
      await session.step(5);
      expect(await session.readImage()).toEqual(plain);
    });
  });

  it('are of the image at the moment of the call, also while iterations are under way', async () => {
    await withSession({ init: 'noise' }, async (session) => {
      await session.step(2);
      const losses = await session.evaluate();
      const gradient = await session.gradient();
      const asked = [session.evaluate(), session.gradient(), session.step(3)] as const;
      expect(await asked[0]).toEqual(losses);
      expect(await asked[1]).toEqual(gradient);
      await asked[2];
    });
  });

  it('evaluate gives the losses that the next step starts from', async () => {
    await withSession({ init: 'noise' }, async (session) => {
      const start = await session.evaluate();
      expect(await session.step(1)).toEqual(start);
      const next = await session.evaluate();
      expect(next.total).toBeLessThan(start.total);
      expect(await session.step(1)).toEqual(next);
    });
  });
});

describe('encode', () => {
  it.each(OPTIMIZERS)('records one iteration and never submits ($name)', async (optimizer) => {
    const device = await testDevice();
    const stepped = await withSession({ optimizer }, async (session) => {
      await session.step(4);
      return session.readImage();
    });
    await withSession({ optimizer }, async (session) => {
      const start = await session.readImage();
      const encoder = device.createCommandEncoder();
      for (let i = 0; i < 4; i++) session.encode(encoder);
      const commands = encoder.finish();
      expect(await session.readImage()).toEqual(start);
      device.queue.submit([commands]);
      expect(await session.readImage()).toEqual(stepped);
      expectTexture(await texels(device, session.texture), stepped);
    });
  });
});

describe('run', () => {
  it('yields every iteration in order, with losses, time per iteration and time left', async () => {
    await withSession({}, async (session) => {
      const seen: SessionProgress[] = [];
      for await (const progress of session.run({ iterations: 7 })) seen.push(progress);
      expect(seen.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      for (const { iterations, losses, millisecondsPerIteration, secondsLeft } of seen) {
        expect(iterations).toBe(7);
        expect(Number.isFinite(losses.total)).toBe(true);
        expect(millisecondsPerIteration).toBeGreaterThan(0);
        expect(Number.isFinite(secondsLeft)).toBe(true);
      }
      expect(seen.at(-1)!.secondsLeft).toBe(0);
      const alone = await withSession({}, async (other) => {
        const totals: number[] = [];
        for (let i = 0; i < 7; i++) totals.push((await other.step()).total);
        return totals;
      });
      expect(seen.map(({ losses }) => losses.total)).toEqual(alone);
    });
  });

  it('runs the iterations of the options by default, and none when told so', async () => {
    await withSession({ iterations: 3 }, async (session) => {
      let count = 0;
      for await (const _ of session.run()) count++;
      expect(count).toBe(3);
      for await (const _ of session.run({ iterations: 0 })) count++;
      expect(count).toBe(3);
    });
  });

  it('may be left early, again and again, and used further', async () => {
    await withSession({}, async (session) => {
      for (let i = 0; i < 6; i++) {
        for await (const { iteration } of session.run({ iterations: 100 })) if (iteration === 2) break;
      }
      const losses = await session.step(2);
      expect(losses.total).toBeLessThan((await withSession({}, (other) => other.evaluate())).total);
      // Whatever was submitted before leaving has been done: the state is that of whole iterations.
      const image = await session.readImage();
      let done = 0;
      await withSession({}, async (other) => {
        while (done < 30) {
          await other.step();
          done++;
          if ((await other.readImage()).every((value, i) => value === image[i])) return;
        }
      });
      expect(done).toBeGreaterThanOrEqual(14);
      expect(done).toBeLessThanOrEqual(20);
    });
  });

  it('may run twice at once', async () => {
    const alone = await withSession({}, async (session) => {
      await session.step(12);
      return session.readImage();
    });
    await withSession({}, async (session) => {
      await Promise.all([session.step(6), session.step(3), session.step(3)]);
      expect(await session.readImage()).toEqual(alone);
    });
  });

  it('ends between submits when its signal fires, without an error', async () => {
    await withSession({}, async (session) => {
      const controller = new AbortController();
      const seen: number[] = [];
      for await (const { iteration } of session.run({ iterations: 50, signal: controller.signal })) {
        seen.push(iteration);
        if (iteration === 4) controller.abort();
      }
      expect(seen.slice(0, 4)).toEqual([1, 2, 3, 4]);
      expect(seen.length).toBeLessThan(7);
      for await (const _ of session.run({ iterations: 5, signal: controller.signal })) expect.unreachable();
      await session.step();
    });
  });

  it('an L-BFGS session keeps its whole history also beyond the iterations of its options', async () => {
    const run = (iterations: number): Promise<Float32Array> =>
      withSession({ optimizer: LBFGS, iterations, init: 'noise' }, async (session) => {
        await session.step(9);
        return session.readImage();
      });
    expect(await run(2)).toEqual(await run(9));
  });

  it.each([-1, 1.5, NaN, Infinity])('refuses %d iterations', async (iterations) => {
    await withSession({}, async (session) => {
      await expect(session.run({ iterations }).next()).rejects.toMatchObject({ code: 'bad-option', where: 'session.run' });
      await expect(session.step(iterations)).rejects.toMatchObject({ code: 'bad-option', where: 'session.step' });
      await expect(session.step(0)).rejects.toMatchObject({ code: 'bad-option' });
    });
  });

  it('cuts steps that lead to numbers that are not finite, says so, and goes on', async () => {
    const more = { optimizer: { name: 'gd', learningRate: 1e14 }, init: 'noise' } as const;
    await withSession(more, async (session) => {
      const seen: SessionProgress[] = [];
      for await (const progress of session.run({ iterations: 12 })) seen.push(progress);
      const retries = seen.map((progress) => progress.retries);
      expect(retries.slice(0, 3)).toEqual([0, 1, 2]);
      expect(retries.slice(1)).toContain(0);
      for (const { losses, retries } of seen) expect(Number.isFinite(losses.total)).toBe(retries === 0);
      expect((await session.readImage()).every(Number.isFinite)).toBe(true);
    });
  });

  it('says non-finite when the loss blows up and shorter steps do not help', async () => {
    const more = { optimizer: { name: 'gd', learningRate: 1e30 }, init: 'noise' } as const;
    await withSession(more, async (session) => {
      await expect(session.step(20)).rejects.toMatchObject({
        code: 'non-finite',
        message: expect.stringContaining('in iteration 7, after 5 attempts with smaller steps'),
      });
      // The session can be brought back.
      await session.writeImage(new Float32Array(3 * 24 * 20).fill(0.5));
      expect((await session.evaluate()).total).toBeGreaterThan(0);
    });
  });
});

describe('set', () => {
  it('changes each term by exactly its factor, from the next iteration on', async () => {
    await withSession({ init: 'noise' }, async (session) => {
      const before = await session.evaluate();
      session.set({ styleWeight: 2, tvWeight: 0.5 });
      const after = await session.evaluate();
      expect(after.content).toBe(before.content);
      expect(after.style).toBe(2 * before.style);
      expect(after.tv).toBe(0.5 * before.tv);
      const seen: number[] = [];
      for await (const { iteration, losses } of session.run({ iterations: 5 })) {
        seen.push(losses.style);
        if (iteration === 1) session.set({ styleWeight: 0 });
      }
      expect(seen[0]).toBe(after.style);
      expect(seen.at(-1)).toBe(0);
    });
  });

  it('moves the gradient along: powers of two scale it without rounding', async () => {
    await withSession({ init: 'noise' }, async (session) => {
      const before = await session.gradient();
      session.set({ contentWeight: 4, styleWeight: 4, tvWeight: 4 });
      expect(await session.gradient()).toEqual(before.map((value) => 4 * value));
    });
  });

  it('leaves what is not named, and what is undefined', async () => {
    await withSession({ styleWeight: 3, init: 'noise' }, async (session) => {
      const before = await session.evaluate();
      session.set({ tvWeight: 1 });
      session.set({ styleWeight: undefined } as unknown as { styleWeight: number });
      expect(await session.evaluate()).toEqual(before);
    });
  });

  it('refuses other names and bad numbers, and then changes nothing', async () => {
    await withSession({ init: 'noise' }, async (session) => {
      const before = await session.evaluate();
      const wrong: readonly object[] = [{ toString: 1 }, { iterations: 2 }, { styleWeight: NaN }, { tvWeight: -1 }];
      for (const weights of wrong) {
        expect(() => session.set(weights)).toThrow(
          expect.objectContaining({ code: 'bad-option' }),
        );
      }
      expect(await session.evaluate()).toEqual(before);
    });
  });
});

describe('determinism', () => {
  it.each(OPTIMIZERS)('two runs give the same bytes ($name)', async (optimizer) => {
    const run = (): Promise<Float32Array> =>
      withSession({ optimizer, init: 'noise', seed: 3 }, async (session) => {
        await session.step(10);
        return session.readImage();
      });
    expect(await run()).toEqual(await run());
  });

  it('the seed decides about noise, and about nothing else', async () => {
    const start = (seed: number, init: 'noise' | 'gray'): Promise<Float32Array> =>
      withSession({ seed, init }, (session) => session.readImage());
    expect(await start(7, 'noise')).toEqual(await start(7, 'noise'));
    expect(await start(7, 'noise')).not.toEqual(await start(8, 'noise'));
    expect(await start(7, 'gray')).toEqual(await start(8, 'gray'));
  });

  it('two sessions that take turns on one device equal two that run alone', async () => {
    const settings = [
      { optimizer: LBFGS, init: 'noise', seed: 1 },
      { optimizer: { name: 'adam' }, style: picture(30, 17, 6) },
    ] as const;
    const alone: Float32Array[] = [];
    for (const setting of settings) {
      alone.push(await withSession(setting, async (session) => (await session.step(6), session.readImage())));
    }
    const sessions = await Promise.all(settings.map(async (s) => StyleSession.create(await tinyOptions(s))));
    for (let i = 0; i < 3; i++) await Promise.all(sessions.map((session) => session.step(2)));
    for (const [i, session] of sessions.entries()) {
      expect(await session.readImage()).toEqual(alone[i]);
      session.destroy();
    }
  });

  it('two devices work side by side', async () => {
    const device = await freshDevice();
    const run = async (session: StyleSession): Promise<Float32Array> => {
      await session.step(3);
      return session.readImage();
    };
    const mine = await StyleSession.create(await tinyOptions({ device }));
    const other = await StyleSession.create(await tinyOptions());
    const [a, b] = await Promise.all([run(mine), run(other)]);
    expect(a).toEqual(b);
    mine.destroy();
    other.destroy();
    device.destroy();
  });
});

describe('plan', () => {
  it('tells dispatches, arithmetic and memory before anything runs', async () => {
    await withSession({ optimizer: LBFGS }, async ({ plan }) => {
      for (const value of [plan.dispatches, plan.flops, plan.bytesMoved, plan.bytes.arena]) {
        expect(value).toBeGreaterThan(0);
      }
      // Five pairs and three more buffers of the picture's size, and some scalars.
      expect(plan.bytes.optimizer).toBeGreaterThanOrEqual(13 * 24 * 20 * 16);
      expect(plan.bytes.optimizer).toBeLessThan(13 * 24 * 20 * 16 + 4096);
    });
  });
});
