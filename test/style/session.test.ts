// What a session promises: what each method changes and what it leaves alone.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, type OptimizerOptions, type SessionProgress } from '../../src/index.ts';
import { randomValues } from '../check.ts';
import { freshDevice, testDevice } from '../device.ts';
import { picture, tinyOptions, withSession } from './setting.ts';

const LBFGS: OptimizerOptions = { name: 'lbfgs', history: 5 };
const OPTIMIZERS: readonly OptimizerOptions[] = [LBFGS, { name: 'adam' }, { name: 'gd', learningRate: 1e-4, momentum: 0.5 }];

async function texels(device: GPUDevice, texture: GPUTexture): Promise<Uint8Array> {
  const { width, height } = texture;
  const bytesPerRow = Math.ceil((4 * width) / 256) * 256;
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size: bytesPerRow * height, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const padded = new Uint8Array(buffer.getMappedRange().slice(0));
  buffer.destroy();
  const tight = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) tight.set(padded.subarray(y * bytesPerRow, y * bytesPerRow + 4 * width), 4 * width * y);
  return tight;
}

/** What a texture of 8 bits should hold for planar RGB. */
function bytesOf(planar: Float32Array): number[] {
  const count = planar.length / 3;
  return Array.from({ length: 4 * count }, (_, i) => {
    if (i % 4 === 3) return 255;
    return Math.min(1, Math.max(0, planar[(i % 4) * count + Math.floor(i / 4)]!)) * 255;
  });
}

function expectTexture(got: Uint8Array, planar: Float32Array): void {
  const exact = bytesOf(planar);
  // Rounding to nearest is the adapter's; it may be off by a little at a half.
  const worst = Math.max(...exact.map((value, i) => Math.abs(value - got[i]!)));
  expect(worst).toBeLessThan(0.51);
}

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

  it('says non-finite when the loss blows up', async () => {
    const more = { optimizer: { name: 'gd', learningRate: 1e30 }, init: 'noise' } as const;
    await withSession(more, async (session) => {
      await expect(session.step(5)).rejects.toMatchObject({
        code: 'non-finite',
        message: expect.stringContaining('in iteration 2'),
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
      // Five pairs and two more buffers of the picture's size, and some scalars.
      expect(plan.bytes.optimizer).toBeGreaterThanOrEqual(12 * 24 * 20 * 16);
      expect(plan.bytes.optimizer).toBeLessThan(12 * 24 * 20 * 16 + 4096);
    });
  });
});
