// Tiles over two devices: the losses, the gradient and the run of one, and what happens when one of them goes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plan, recipes, StyleSession, styleTransfer, type Recipe, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse, resetPeak } from '../../src/gpu/buffers.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { rms } from '../check.ts';
import { freshDevice, testDevice } from '../device.ts';
import { picture, scene, sessionOf, tinyNetwork, tinyOptions } from './setting.ts';

const TILING: Tiling = {
  result: { rows: 3, columns: 2 },
  styles: [{ rows: 1, columns: 2 }, { rows: 2, columns: 1 }],
  keepsContent: true,
  bandBytes: 16 * 70 * 21,
};

let helpers: GPUDevice[];

beforeAll(async () => {
  helpers = [await freshDevice(), await freshDevice()];
});

afterAll(() => {
  for (const helper of helpers) {
    expect(memoryUse(helper).bytes).toBe(0);
    helper.destroy();
  }
});

function problem(more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> {
  return tinyOptions({ content: scene(70, 61), style: [{ image: picture(40, 36, 5) }, { image: picture(38, 44, 6) }], size: 70, ...more });
}

function apart(a: Float32Array, b: Float32Array): number {
  return rms(a.map((value, i) => value - b[i]!)) / rms(b);
}

const { gatys } = recipes as { gatys: Recipe };
const mask = { width: 70, height: 61, data: Float32Array.from({ length: 3 * 70 * 61 }, (_, i) => (i % 210 < 100 ? 1 : 0)) };

const cases: readonly [string, Partial<StyleTransferOptions>, Partial<Tiling>][] = [
  ['Gram matrices', {}, {}],
  ['means and deviations only', { recipe: { ...gatys, style: { ...gatys.style, statistics: { mean: 1, std: 1 } } } }, {}],
  ['the content computed anew', { recipe: 'default', styleLayers: { relu1_1: 1 } }, { keepsContent: false }],
  ['content measured relatively, no style', { styleWeight: 0, init: 'noise', recipe: { ...gatys, content: { ...gatys.content, measure: 'relative' } } }, {}],
  ['masks', { style: [{ image: picture(40, 36, 5), mask }, { image: picture(38, 44, 6) }], updateMask: mask }, {}],
];

describe('tiles over several devices', () => {
  it.each(cases)('losses and gradient: %s', async (_, more, tiling) => {
    const options = await problem(more);
    const one = await sessionOf(options, { ...TILING, ...tiling });
    const [losses, gradient] = [await one.evaluate(), await one.gradient()];
    for (const submitMilliseconds of [Infinity, 1e-9]) {
      for (const count of [1, 2]) {
        const several = await sessionOf(options, { ...TILING, ...tiling }, { helpers: helpers.slice(0, count), submitMilliseconds });
        const got = await several.evaluate();
        for (const term of ['content', 'style', 'tv', 'total'] as const) {
          expect(Math.abs(got[term] - losses[term]), term).toBeLessThan(1e-6 * Math.max(Math.abs(losses[term]), 1e-12));
        }
        expect(apart(await several.gradient(), gradient)).toBeLessThan(1e-6);
        several.destroy();
      }
    }
    one.destroy();
  });

  it('a run, weights changed, gives the same picture, and the same bytes when it is run again', async () => {
    const options = await problem({ optimizer: { name: 'adam', learningRate: 0.02 } });
    const seen = async (more: { helpers?: GPUDevice[] }): Promise<Float32Array> => {
      const session = await sessionOf(options, TILING, more);
      await session.step(3);
      session.set({ styleWeight: 3 });
      await session.step(3);
      const image = await session.readImage();
      session.destroy();
      return image;
    };
    const one = await seen({});
    const two = await seen({ helpers: helpers.slice(0, 1) });
    expect(apart(two, one)).toBeLessThan(1e-5);
    expect(await seen({ helpers: helpers.slice(0, 1) })).toEqual(two);
  });

  it('an aborted signal drops the iteration, and the next run is as if nothing had been', async () => {
    const options = await problem();
    const session = await sessionOf(options, TILING, { helpers, submitMilliseconds: 1e-9 });
    const expected = await sessionOf(options, TILING, { helpers });
    const controller = new AbortController();
    const run = session.run({ iterations: 4, signal: controller.signal }).next();
    await session.device.queue.onSubmittedWorkDone();
    controller.abort();
    expect((await run).done).toBe(true);
    await session.step(2);
    await expected.step(2);
    expect(await session.readImage()).toEqual(await expected.readImage());
    for (const each of [session, expected]) each.destroy();
  });

  it('a session that ends in the middle says so, and a helper that is lost is told', async () => {
    const ended = await sessionOf(await problem(), TILING, { helpers });
    const step = expect(ended.step(1)).rejects.toMatchObject({ code: 'bad-option' });
    await Promise.resolve();
    ended.destroy();
    await step;
    const helper = await freshDevice();
    const session = await sessionOf(await problem(), TILING, { helpers: [helper] });
    helper.destroy();
    await expect(session.step(1)).rejects.toMatchObject({ code: 'device-lost' });
    session.destroy();
  });

  it('cannot be recorded into an encoder', async () => {
    const session = await sessionOf(await problem(), TILING, { helpers });
    const encoder = session.device.createCommandEncoder();
    expect(() => session.encode(encoder)).toThrow(expect.objectContaining({ code: 'bad-option', where: 'session.encode' }));
    session.destroy();
  });
});

describe('the option devices', () => {
  const shallow = { network: tinyNetwork([[8, 8], [8]]), content: scene(240, 200), size: 240, iterations: 2, scales: false } as const;

  it('cuts a picture into as many tiles as there are devices, at least', async () => {
    const { device, ...options } = await tinyOptions(shallow);
    const one = await styleTransfer({ ...options, device: device! });
    const two = await styleTransfer({ ...options, devices: [device!, helpers[0]!] });
    expect(apart(Float32Array.from(two.pixels), Float32Array.from(one.pixels))).toBeLessThan(1e-2); // 8 bits
    expect(Math.abs(two.losses.total / one.losses.total - 1)).toBeLessThan(1e-5);
    const session = await StyleSession.create({ ...options, devices: [device!, helpers[0]!] });
    expect(session.plan.tiles!.count).toBeGreaterThan(1);
    session.destroy();
    expect(memoryUse(helpers[0]!).bytes).toBe(0);
  });

  it.each([
    ['an empty list', () => []],
    ['something else', () => [{}]],
    ['one twice', async () => [await testDevice(), await testDevice()]],
  ])('refuses %s', async (_, make) => {
    const { device: __, ...options } = await tinyOptions();
    const devices = (await make()) as GPUDevice[];
    await expect(styleTransfer({ ...options, devices })).rejects.toMatchObject({ code: 'bad-option', where: 'devices' });
  });

  it('refuses a device beside them', async () => {
    const { device, ...options } = await tinyOptions();
    const devices = [device!, helpers[0]!];
    await expect(styleTransfer({ ...options, devices, device: device! })).rejects.toMatchObject({ code: 'bad-option', where: 'devices' });
  });

  it.each([
    ['Adam', { optimizer: { name: 'adam' } }],
    ['L-BFGS, averaged', { optimizer: { name: 'lbfgs', history: 4 }, averaging: 0.9 }],
  ] as const)('the plan of each device is within a twentieth of what it holds at most: %s', async (_, more) => {
    const { device, ...options } = await tinyOptions({ ...shallow, network: tinyNetwork([[16, 16], [16]]), iterations: 3, ...more });
    for (const count of [1, 2]) {
      const devices = [device!, ...helpers.slice(0, count)];
      const planned = await plan({ ...options, devices });
      const before = devices.map((each) => memoryUse(each).bytes);
      for (const each of devices) resetPeak(each);
      await styleTransfer({ ...options, devices });
      const { devices: foreseen } = planned.scales[0]!;
      expect(foreseen).toHaveLength(devices.length);
      for (const [i, each] of devices.entries()) {
        const peak = memoryUse(each).peakBytes - before[i]!;
        expect(Math.abs(peak / foreseen![i]!.peakBytes - 1), `device ${i} of ${count + 1}: ${peak}`).toBeLessThan(0.05);
        expect(foreseen![i]!.residentBytes).toBeLessThanOrEqual(foreseen![i]!.peakBytes);
      }
      expect(planned.peakBytes).toBe(foreseen![0]!.peakBytes);
      expect(foreseen![1]!.peakBytes).toBeLessThan(foreseen![0]!.peakBytes);
    }
  });

  it('keeps each of them to memoryLimit', async () => {
    const { device, ...options } = await tinyOptions({ ...shallow, network: tinyNetwork([[32, 32], [32]]) });
    const devices = [device!, helpers[0]!];
    const { peakBytes } = await plan({ ...options, devices });
    const memoryLimit = Math.floor(0.95 * peakBytes);
    const { scales } = await plan({ ...options, devices, memoryLimit });
    for (const { peakBytes: most } of scales[0]!.devices!) expect(most).toBeLessThanOrEqual(memoryLimit);
  });

  describe('recovers', () => {
    const painted = async (lose: (devices: readonly GPUDevice[]) => void, at: number, more: Partial<StyleTransferOptions> = {}): Promise<Uint8ClampedArray> => {
      const { device: __, ...options } = await tinyOptions({ ...shallow, iterations: 6 });
      const devices = [await freshDevice(), await freshDevice()];
      const onProgress = ({ iteration }: { readonly iteration: number }): void => void (iteration === at && lose(devices));
      const made = await styleTransfer({ ...options, devices, onProgress, recover: { every: 2 }, ...more });
      expect(made).toMatchObject({ iterations: 6, stopped: 'done' });
      for (const device of devices) {
        expect(memoryUse(device).bytes).toBe(0);
        device.destroy();
      }
      return made.pixels;
    };

    it('on those that are left, whichever goes, and on a new one where none is', async () => {
      const straight = await painted(() => undefined, 0);
      const asked: GPUDevice[] = [];
      const recover = { every: 2, device: async (): Promise<GPUDevice> => (asked.push(await freshDevice()), asked.at(-1)!) };
      for (const at of [1, 4]) {
        for (const which of [0, 1]) {
          const pixels = await painted((devices) => devices[which]!.destroy(), at, { recover });
          expect(apart(Float32Array.from(pixels), Float32Array.from(straight)), `${which} at ${at}`).toBeLessThan(1e-2); // 8 bits
        }
      }
      expect(asked).toEqual([]);
      const pixels = await painted((devices) => devices.forEach((device) => device.destroy()), 3, { recover });
      expect(apart(Float32Array.from(pixels), Float32Array.from(straight))).toBeLessThan(1e-2);
      expect(asked).toHaveLength(1);
    });

    it('also from a helper that is lost before the first iteration', async () => {
      const straight = await painted(() => undefined, 0);
      const { device: __, ...options } = await tinyOptions({ ...shallow, iterations: 6 });
      const devices = [await freshDevice(), await freshDevice()];
      devices[1]!.destroy();
      const made = await styleTransfer({ ...options, devices, recover: true });
      expect(apart(Float32Array.from(made.pixels), Float32Array.from(straight))).toBeLessThan(1e-2);
      devices[0]!.destroy();
    });
  });

  it('with 16 bits and masks: losses within 1 %, and nothing moves outside of the update mask', async () => {
    const area = { width: 240, height: 200, data: Float32Array.from({ length: 3 * 240 * 200 }, (_, i) => (i % 720 < 360 ? 1 : 0)) };
    const style = [{ image: picture(40, 36, 5), mask: area }, { image: picture(38, 44, 6) }];
    const { device, ...options } = await tinyOptions({ ...shallow, network: tinyNetwork([[16, 16], [16]]), style, updateMask: area, iterations: 4 });
    const content = await styleTransfer({ ...options, device: device!, iterations: 0, storage: 'f32' });
    const devices = [device!, helpers[0]!];
    for (const where of [{ device: device! }, { devices }]) {
      const [full, halves] = [
        await StyleSession.create({ ...options, ...where, storage: 'f32' }),
        await StyleSession.create({ ...options, ...where, storage: 'f16' }),
      ];
      expect(halves.plan.storage).toBe('f16');
      const [exact, got] = [await full.evaluate(), await halves.evaluate()];
      for (const each of [full, halves]) each.destroy();
      for (const term of ['total', 'style'] as const) expect(Math.abs(got[term] / exact[term] - 1), term).toBeLessThan(0.01);
      expect(got.total).not.toBe(exact.total);
      const made = await styleTransfer({ ...options, ...where, storage: 'f16' });
      let moved = 0;
      made.pixels.forEach((value, i) => {
        if (area.data[3 * Math.floor(i / 4)] === 0) expect(value === content.pixels[i]).toBe(true);
        else if (value !== content.pixels[i]) moved++;
      });
      expect(moved).toBeGreaterThan(1000);
    }
  });
});
