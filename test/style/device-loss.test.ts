// The device goes away, at every kind of moment: a run rejects once and says what it kept, or goes on by itself.

import { describe, expect, it } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { recipes } from '../../src/style/recipes.ts';
import { DeviceLostError, type RecoverOptions } from '../../src/style/recover.ts';
import { shownIn } from '../../src/style/run-state.ts';
import { StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/style/index.ts';
import { freshDevice } from '../device.ts';
import { picture, tinyOptions } from './setting.ts';

/** Counts what is asked of a device, and destroys it when that many things were. */
function mortal(device: GPUDevice, life = Infinity): { readonly count: () => number } {
  let count = 0;
  const counted = <T extends object>(target: T, name: keyof T & string): void => {
    const original = (target[name] as (...args: unknown[]) => unknown).bind(target);
    const wrapped = (...args: unknown[]): unknown => {
      if (++count === life) device.destroy();
      return original(...args);
    };
    Object.defineProperty(target, name, { value: wrapped, configurable: true });
  };
  for (const name of ['createBuffer', 'createComputePipelineAsync', 'createBindGroup', 'createTexture'] as const) {
    counted(device, name);
  }
  for (const name of ['submit', 'writeBuffer'] as const) counted(device.queue, name);
  return { count: () => count };
}

const common = { iterations: 7, scales: [12, 24], optimizer: { name: 'lbfgs', history: 5 } } as const;

async function options(more: Partial<StyleTransferOptions>): Promise<StyleTransferOptions> {
  return tinyOptions({ ...common, ...more });
}

/** How many things a whole run asks of its device. */
async function wholeLife(): Promise<number> {
  const device = await freshDevice();
  const { count } = mortal(device);
  await styleTransfer(await options({ device, recover: { every: 2 } }));
  device.destroy();
  return count();
}

/** Moments all over a run: while it builds, between iterations, at scales, at the end. */
const MOMENTS = [0.001, 0.05, 0.12, 0.2, 0.31, 0.4, 0.48, 0.55, 0.63, 0.7, 0.78, 0.86, 0.93, 0.98, 1];

describe('the loss of the device in a run', () => {
  it('rejects with device-lost, once, and with the last state that was kept', async () => {
    const straight = await styleTransfer(await options({}));
    const life = await wholeLife();
    let kept = 0;
    for (const moment of MOMENTS) {
      const device = await freshDevice();
      mortal(device, Math.ceil(moment * life));
      const run = styleTransfer(await options({ device, recover: { every: 2, attempts: 0 } }));
      const error = await run.then(() => undefined, (reason: unknown) => reason);
      expect(error, `at ${moment}`).toBeInstanceOf(WgpuStyleError);
      expect(error, `at ${moment}`).toMatchObject({ code: 'device-lost' });
      expect(error, `at ${moment}`).toBeInstanceOf(DeviceLostError);
      const found = (error as DeviceLostError).kept;
      if (!found) continue;
      kept++;
      expect(found.picture).toMatchObject({ width: straight.width, height: straight.height, iterations: found.iteration });
      const resumed = await styleTransfer(await options({ resume: found.checkpoint }));
      expect(resumed.pixels, `at ${moment}`).toEqual(straight.pixels);
    }
    expect(kept).toBeGreaterThan(MOMENTS.length / 3);
  });

  it('is recovered from: the same bytes as without it', async () => {
    const straight = await styleTransfer(await options({}));
    const life = await wholeLife();
    for (const moment of MOMENTS.filter((_, i) => i % 3 === 1)) {
      const device = await freshDevice();
      mortal(device, Math.ceil(moment * life));
      const given: GPUDevice[] = [];
      const recover: RecoverOptions = {
        every: 2,
        device: async () => {
          const next = await freshDevice();
          given.push(next);
          if (given.length < 2) mortal(next, Math.ceil(0.3 * life)); // the next one dies too
          return next;
        },
      };
      const made = await styleTransfer(await options({ device, recover }));
      expect(made, `at ${moment}`).toMatchObject({ stopped: 'done', iterations: straight.iterations });
      expect(made.pixels, `at ${moment}`).toEqual(straight.pixels);
      expect(given.length, `at ${moment}`).toBeGreaterThan(0);
      for (const next of given) await expect(next.lost).resolves.toMatchObject({ reason: 'destroyed' });
    }
  });

  it('is given up when no device gets any further, and says so', async () => {
    const device = await freshDevice();
    mortal(device, 30);
    let given = 0;
    const next = async (): Promise<GPUDevice> => {
      given++;
      const another = await freshDevice();
      mortal(another, 5);
      return another;
    };
    const run = styleTransfer(await options({ device, recover: { attempts: 2, device: next } }));
    await expect(run).rejects.toMatchObject({ code: 'device-lost', kept: undefined });
    expect(given).toBe(2);
  });

  it('pictures on the first device are not asked for again', async () => {
    const device = await freshDevice();
    const { width, height, data } = picture(24, 20, 1);
    const usage = GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST;
    const content = device.createTexture({ size: [width, height], format: 'rgba8unorm', usage });
    const bytes = Uint8Array.from({ length: 4 * width * height }, (_, i) => 255 * data[Math.floor(i / 4) * (data.length / width / height) + (i % 4)]! || 255);
    device.queue.writeTexture({ texture: content }, bytes, { bytesPerRow: 4 * width }, [width, height]);
    const straight = await styleTransfer(await options({ device, content }));
    mortal(device, Math.ceil(0.5 * (await wholeLife())));
    const made = await styleTransfer(await options({ device, content, recover: { device: freshDevice } }));
    expect(made.pixels).toEqual(straight.pixels);
  });

  it.each([1, 'yes', { every: 0 }, { attempts: -1 }, { device: 3 }, { often: true }])('recover: %j is refused', async (recover) => {
    await expect(styleTransfer(await options({ recover: recover as never }))).rejects.toMatchObject({ code: 'bad-option' });
  });
});

describe('the picture in what was kept', () => {
  it('is the average of the iterates where one is kept, else the image, also in bands of rows', () => {
    const { space } = recipes['lecture']!;
    const [width, height] = [3, 4];
    const floats = (count: number, from: number): Uint8Array =>
      new Uint8Array(Float32Array.from({ length: 4 * count }, (_, i) => (from + i) / 100).buffer);
    const whole = floats(width * height, 0);
    const [header, half] = [{ width, height } as Parameters<typeof shownIn>[0]['header'], whole.length / 2];
    const state = { name: 'm', bytes: floats(width * height, 7) };
    const from = (...buffers: { name: string; bytes: Uint8Array }[]): unknown => shownIn({ header, buffers: [...buffers, state] }, space);
    const wanted = from({ name: 'image', bytes: whole });
    const bands = [whole.slice(0, half), whole.slice(half)].map((bytes, i) => ({ name: `image${i}`, bytes }));
    expect(from(...bands)).toEqual(wanted);
    const other = { name: 'image', bytes: floats(width * height, 3) };
    expect(from(other)).not.toEqual(wanted);
    expect(from(other, { name: 'average', bytes: whole })).toEqual(wanted);
  });
});

describe('the loss of the device of a session', () => {
  it('rejects what is under way; a checkpoint goes on elsewhere with the same bytes', async () => {
    const { resume: _, ...plain } = await tinyOptions();
    const whole = await StyleSession.create({ ...plain, device: await freshDevice() });
    await whole.step(6);
    const wanted = await whole.readImage();
    const device = await freshDevice();
    const session = await StyleSession.create({ ...plain, device });
    await session.step(3);
    const bytes = await session.checkpoint();
    const running = [session.step(500), session.evaluate(), session.readImage()];
    device.destroy();
    for (const result of await Promise.allSettled(running)) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'device-lost' });
    }
    await expect(session.checkpoint()).rejects.toMatchObject({ code: 'device-lost' });
    await expect(session.gradient()).rejects.toMatchObject({ code: 'device-lost' });
    session.destroy();
    const again = await StyleSession.restore(bytes, { ...plain, device: await freshDevice() });
    await again.step(3);
    expect(await again.readImage()).toEqual(wanted);
    for (const one of [whole, again]) {
      one.destroy();
      one.device.destroy();
    }
  });
});
