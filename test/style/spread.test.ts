// Tiles over two devices: the losses, the gradient and the run of one, and what happens when one of them goes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipes, StyleSession, styleTransfer, type Recipe, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
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

  it('refuses a device beside them, and recovery', async () => {
    const { device, ...options } = await tinyOptions();
    const devices = [device!, helpers[0]!];
    for (const more of [{ device: device! }, { recover: true }]) {
      await expect(styleTransfer({ ...options, devices, ...more })).rejects.toMatchObject({ code: 'bad-option', where: 'devices' });
    }
  });
});
