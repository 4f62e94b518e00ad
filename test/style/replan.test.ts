// A device that runs out of memory while a session is built: planned again with less, or refused with what would fit.

import { afterEach, describe, expect, it } from 'vitest';
import { plan, StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { leastBytes } from '../../src/style/fit.ts';
import { buildIteration } from '../../src/style/iteration.ts';
import { replanned } from '../../src/style/replan.ts';
import { resampleOn, resampleOnHost } from '../../src/style/resampling.ts';
import type { SessionParts } from '../../src/style/session-parts.ts';
import type { SessionPlan } from '../../src/style/session-plan.ts';
import { rms } from '../check.ts';
import { freshDevice, testDevice } from '../device.ts';
import { makeScarce, type Scarce } from './scarce.ts';
import { partsOf, scene, tinyNetwork, tinyOptions } from './setting.ts';

const made: { readonly device: GPUDevice; readonly scarce: Scarce }[] = [];

/** A device of its own with little memory. */
async function scarceDevice(given: Parameters<typeof makeScarce>[1] = {}): Promise<{ device: GPUDevice; scarce: Scarce }> {
  const device = await freshDevice();
  const scarce = makeScarce(device, given);
  made.push({ device, scarce });
  return { device, scarce };
}

// Whatever happened: everything is back, and every refusal was told to somebody.
afterEach(() => {
  for (const { device, scarce } of made.splice(0)) {
    expect(memoryUse(device).bytes).toBe(0);
    expect(scarce.untold).toEqual([]);
    device.destroy();
  }
});

/** Large enough to be cut into tiles that take half as much. */
async function problem(more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> {
  return tinyOptions({ network: tinyNetwork([[32, 32], [32]]), content: scene(240, 200), size: 240, scales: false, ...more });
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return rms(Float32Array.from(a, (value, i) => value - b[i]!)) / rms(Float32Array.from(b));
}

/** Loss and gradient, and the most that was held when it was built. */
async function seenOf(options: StyleTransferOptions): Promise<{ readonly total: number; readonly gradient: Float32Array; readonly peak: number }> {
  const { device, scarce } = await scarceDevice();
  const session = await StyleSession.create({ ...options, device });
  const { peak } = scarce;
  const seen = { total: (await session.evaluate()).total, gradient: await session.gradient(), peak };
  session.destroy();
  return seen;
}

const ERROR = /\d+x\d+ pixels need [\d.]+ MiB of GPU buffers .*, the device ran out of memory with [\d.]+ MiB held\. (The longest side that fits is about \d+; take that|No size is known to fit)/;

describe('a session on a device with too little memory', () => {
  it('is built again with less, in tiles: the same loss and gradient; or says what would fit', async () => {
    const options = await problem();
    const whole = await seenOf(options);
    const ways = [];
    for (const share of [0.95, 0.7, 0.4, 0.02]) {
      const { device, scarce } = await scarceDevice({ bytes: Math.floor(share * whole.peak) });
      const warnings: string[] = [];
      const onWarning = (message: string): void => void warnings.push(message);
      const session = await StyleSession.create({ ...options, device, onWarning }).catch((error: unknown) => {
        expect(error, `${share}`).toMatchObject({ code: 'out-of-memory', message: expect.stringMatching(ERROR), cause: { code: 'out-of-memory' } });
        return undefined;
      });
      ways.push(session?.plan.tiles ? 'tiles' : session ? 'whole' : 'none');
      expect(scarce.refused).toBeGreaterThan(0);
      if (!session) continue;
      expect(warnings).toEqual([expect.stringMatching(/^out of memory: the device gave out at [\d.]+ MiB; planned again below [\d.]+ MiB: \d+ tiles$/)]);
      expect(session.plan.deviceBytes).toBeLessThan(whole.peak);
      expect((await session.evaluate()).total / whole.total).toBeCloseTo(1, 5);
      expect(apart(await session.gradient(), whole.gradient)).toBeLessThan(1e-5);
      expect(scarce.peak).toBeLessThanOrEqual(scarce.bytes);
      session.destroy();
    }
    expect(ways.slice(0, 2)).toEqual(['tiles', 'tiles']);
    expect(ways.at(-1)).toBe('none');
  });

  it('whichever allocation fails', async () => {
    const options = await problem({ content: scene(120, 100), size: 120 });
    const whole = await seenOf(options);
    const { device, scarce } = await scarceDevice();
    (await StyleSession.create({ ...options, device })).destroy();
    const count = scarce.made;
    expect(count).toBeGreaterThan(20);
    const found = { built: 0, refused: 0 };
    for (let failing = 1; failing <= count; failing += 7) {
      scarce.failing = failing;
      scarce.refused = 0;
      const session = await StyleSession.create({ ...options, device, onWarning: () => undefined }).catch((error: unknown) => {
        expect(error, `${failing}`).toMatchObject({ code: 'out-of-memory', message: expect.stringMatching(ERROR) });
        return undefined;
      });
      expect(scarce.refused, `${failing}`).toBe(scarce.failing === 0 ? 1 : 0); // the style is remembered: some need not be made
      scarce.failing = 0;
      found[session ? 'built' : 'refused']++;
      if (session) expect((await session.evaluate()).total / whole.total).toBeCloseTo(1, 5);
      session?.destroy();
      expect(memoryUse(device).bytes, `${failing}`).toBe(0);
    }
    expect(found.built).toBeGreaterThan(0);
  });

  it('takes 16 bits and a shorter history where that keeps the picture whole', async () => {
    const optimizer = { name: 'lbfgs', history: 12 } as const;
    for (const [storage, history, share] of [['auto', 2, 0.85], ['f32', 12, 0.8]] as const) {
      const options = await problem({ storage, optimizer: { ...optimizer, history } });
      const whole = await seenOf(options);
      const { device } = await scarceDevice({ bytes: Math.floor(share * whole.peak) });
      const warnings: string[] = [];
      const session = await StyleSession.create({ ...options, device, onWarning: (message) => void warnings.push(message) });
      expect(warnings).toEqual([expect.stringMatching(/^out of memory: .*: the whole picture, (activations in 16 bits|\d+ pairs of L-BFGS)$/)]);
      expect(session.plan.tiles).toBeUndefined();
      expect(session.plan.storage).toBe(storage === 'auto' ? 'f16' : undefined);
      if (storage === 'f32') expect(session.plan.history).toBeLessThan(history);
      expect(Math.abs((await session.evaluate()).total / whole.total - 1)).toBeLessThan(storage === 'auto' ? 0.01 : 1e-6);
      session.destroy();
    }
  });

  it('with a memoryLimit keeps the picture whole, and says how much shorter the history is', async () => {
    const options = await problem({ iterations: 20, optimizer: { name: 'lbfgs', history: 12 } });
    const { peakBytes } = await plan(options);
    const warnings: string[] = [];
    const given = { ...options, memoryLimit: Math.floor(0.8 * peakBytes), onWarning: (message: string) => void warnings.push(message) };
    const { scales } = await plan(given);
    expect(warnings).toEqual([]);
    const session = await StyleSession.create(given);
    expect(session.plan).toMatchObject({ history: scales[0]!.history! });
    expect(session.plan.tiles).toBeUndefined();
    expect(warnings).toEqual([`memoryLimit: L-BFGS keeps ${session.plan.history} pairs of pictures (${((2 * session.plan.history! + 3) * 240 * 200 * 16 / 2 ** 20).toFixed(1)} MiB), fewer than asked for; adam needs far less memory`]);
    session.destroy();
  });

  it('with a memoryLimit of what the smallest tiles need keeps one pair, also where all would be less than half of it', async () => {
    const options = await problem({ optimizer: { name: 'lbfgs', history: 2 } });
    const refused = await plan({ ...options, memoryLimit: 2 ** 16 }).catch((error: Error) => error.message);
    const needed = Number(/need ([\d.]+) MiB of GPU buffers in the smallest tiles/.exec(refused as string)![1]) + 0.05;
    expect(7 * 240 * 200 * 16).toBeLessThan(needed * 2 ** 19);
    const { scales } = await plan({ ...options, memoryLimit: Math.ceil(needed * 2 ** 20) });
    expect(scales[0]!).toMatchObject({ history: 1, tiles: { count: 4 } });
  });

  it('keeps to memoryLimit, and to what looks at the whole picture', async () => {
    const options = await problem();
    const { peak } = await seenOf(options);
    const memoryLimit = Math.floor(0.95 * peak);
    const { peakBytes } = await plan({ ...options, memoryLimit });
    const { device, scarce } = await scarceDevice({ bytes: Math.floor(0.95 * peakBytes) });
    const session = await StyleSession.create({ ...options, device, memoryLimit, onWarning: () => undefined });
    expect(scarce.refused).toBeGreaterThan(0);
    expect(session.plan.deviceBytes).toBeLessThan(memoryLimit);
    session.destroy();
    const seamless = StyleSession.create({ ...options, size: { width: 240, height: 192 }, device, seamless: true });
    await expect(seamless).rejects.toMatchObject({ code: 'out-of-memory', message: expect.stringMatching(/a seamless picture cannot go in tiles.*longest side that fits/) });
  });

  it('says so and goes on when a read-back finds no memory', async () => {
    const { device, scarce } = await scarceDevice();
    const session = await StyleSession.create(await tinyOptions({ device }));
    await session.step(2);
    const wanted = await session.readImage();
    for (const read of [() => session.readImage(), () => session.evaluate(), () => session.gradient(), () => session.checkpoint()]) {
      const { bytes } = memoryUse(device);
      scarce.failing = 1;
      await expect(read()).rejects.toMatchObject({ code: 'out-of-memory', where: 'readBuffer' });
      await expect.poll(() => memoryUse(device).bytes).toBe(bytes); // other copies were under way
    }
    expect(await session.readImage()).toEqual(wanted);
    session.destroy();
  });
});

describe('what is tried', () => {
  /** A device with so much memory left, on which all that is allowed is asked for at once, when `held` bytes are there. */
  async function tried(parts: SessionParts, { held, free, asked }: { readonly held: number; readonly free: number; readonly asked: number }): Promise<{ readonly limits: number[]; readonly error: unknown }> {
    const limits: number[] = [];
    const shortage = (bytes: number): WgpuStyleError =>
      new WgpuStyleError('out-of-memory', { what: 'too much', where: 'arena', fix: 'less', shortage: { held, asked: bytes, isOn: () => true } });
    const attempt = async ({ deviceBytes = Infinity }: SessionParts): Promise<{ readonly plan: SessionPlan }> => {
      limits.push(deviceBytes);
      if (deviceBytes > free) throw shortage(deviceBytes);
      return { plan: { dispatches: 0, flops: 0, bytesMoved: 0, bytes: { arena: 0, folded: 0, optimizer: 0 } } };
    };
    const error: unknown = await replanned({ ...parts, onWarning: () => undefined }, shortage(asked), attempt).then(() => undefined, (thrown: unknown) => thrown);
    return { limits, error };
  }

  it.each([0, 0.1, 0.9])('is anything from the least that counting allows, with %f of it held when one arena was refused', async (share) => {
    const parts = await partsOf(await problem());
    const least = await leastBytes(parts, buildIteration);
    for (const [free, asked] of [[1, 80], [1.3, 80], [4, 80], [1, 1.05], [1, 1.5], [70, 80]] as const) {
      const { limits, error } = await tried(parts, { held: Math.floor(share * least), free: Math.ceil(free * least), asked: Math.ceil(asked * least) });
      expect(error).toBeUndefined();
      expect(limits.length).toBeLessThanOrEqual(6);
      expect(Math.min(...limits)).toBe(limits.at(-1));
      expect(limits.at(-1)).toBeGreaterThanOrEqual(least);
      // Not far below what there is, where it was not far below what was refused.
      if (free > 1.3) expect(limits.at(-1)! / least).toBeGreaterThan(free / 2);
    }
  });

  it('is nothing of which counting says that it cannot be; the error tells the size for what was there', async () => {
    const parts = await partsOf(await problem());
    const least = await leastBytes(parts, buildIteration);
    const [held, free] = [Math.floor(0.7 * least), Math.floor(0.99 * least)];
    const { limits, error } = await tried(parts, { held, free, asked: 80 * least });
    expect(limits.length).toBeGreaterThan(2);
    expect(Math.min(...limits)).toBe(least);
    const side = /with ([\d.]+) MiB held\. The longest side that fits is about (\d+);/.exec((error as Error).message)!;
    expect(Number(side[1])).toBeCloseTo(held / 2 ** 20, 1);
    const smaller = await partsOf(await problem({ size: Number(side[2]) }));
    expect(await leastBytes(smaller, buildIteration)).toBeLessThanOrEqual(held);
    const none = await tried(parts, { held, free: 0, asked: least });
    expect(none).toMatchObject({ limits: [], error: { code: 'out-of-memory', message: side.input } });
    const { error: unknown } = await tried(parts, { held: 0, free: 0, asked: least });
    expect(unknown).toMatchObject({ code: 'out-of-memory', message: expect.stringMatching(/with 0\.0 MiB held\. No size is known to fit; take a smaller one/) });
  });
});

it('a device that is gone before its work is done is no reason to try nothing', async () => {
  const { device } = await scarceDevice();
  device.queue.onSubmittedWorkDone = () => Promise.reject(new DOMException('the device is lost', 'OperationError'));
  const parts = await partsOf(await problem({ device }));
  const shortage = { held: 1, asked: 2 ** 30, isOn: () => true };
  const first = new WgpuStyleError('out-of-memory', { what: 'too much', where: 'arena', fix: 'less', shortage });
  const plan: SessionPlan = { dispatches: 0, flops: 0, bytesMoved: 0, bytes: { arena: 0, folded: 0, optimizer: 0 } };
  await expect(replanned({ ...parts, onWarning: () => undefined }, first, async () => ({ plan }))).resolves.toEqual({ plan });
});

describe('a run on a device with too little memory', () => {
  const scales = [120, 240, 280];

  it('goes on in tiles, and finer scales do not run into the same wall', async () => {
    const options = await problem({ scales, size: 280, iterations: 6 });
    const straight = await styleTransfer(options);
    const { peak } = await seenOf(await problem({ size: 240 }));
    const { device, scarce } = await scarceDevice({ bytes: Math.floor(0.9 * peak) });
    const refused: number[] = [];
    const warnings: string[] = [];
    const given = {
      ...options,
      device,
      onWarning: (message: string) => void warnings.push(message),
      onProgress: ({ scale }: { readonly scale: { readonly index: number } }) => void (refused[scale.index] = scarce.refused),
    };
    const picture = await styleTransfer(given);
    expect(refused[0]).toBe(0);
    expect(refused[1]).toBeGreaterThan(0);
    expect(refused[2]).toBe(refused[1]);
    expect(warnings).toHaveLength(1);
    expect(apart(picture.pixels, straight.pixels)).toBeLessThan(1e-2); // 8 bits
    expect(picture.details.peakBytes).toBeLessThanOrEqual(scarce.bytes);
    expect(picture.details.options).not.toHaveProperty('memoryLimit');
  });

  it('goes on from a checkpoint with the history that it was made with, wherever that is', async () => {
    const options = await problem({ iterations: 12, optimizer: { name: 'lbfgs', history: 10 } });
    const { peak } = await seenOf(options);
    const { device, scarce } = await scarceDevice({ bytes: Math.floor(0.8 * peak) });
    const saved: Uint8Array[] = [];
    const checkpoint = { every: 4, save: (bytes: Uint8Array) => void saved.push(bytes) };
    const straight = await styleTransfer({ ...options, device, checkpoint, onWarning: () => undefined });
    expect(scarce.refused).toBeGreaterThan(0);
    const resumed = await styleTransfer({ ...options, device: await testDevice(), resume: saved[1]! });
    expect(resumed.iterations).toBe(12);
    expect(apart(resumed.pixels, straight.pixels)).toBeLessThan(1e-2); // tiles and the whole round differently
    const session = await StyleSession.restore(saved[0]!, { ...options, device: await testDevice() });
    await session.step();
    session.destroy();
  });

  it('recovers on a device that has less', async () => {
    const { peak } = await seenOf(await problem());
    const next = async (): Promise<GPUDevice> => (await scarceDevice({ bytes: 0.7 * peak })).device;
    const options = await problem({ iterations: 6, scales: [120, 240], recover: { every: 2, device: next } });
    const straight = await styleTransfer({ ...options, recover: false });
    const device = await freshDevice();
    const warnings: string[] = [];
    const made = await styleTransfer({
      ...options,
      device,
      onWarning: (message) => void warnings.push(message),
      onProgress: ({ iteration }) => void (iteration === 5 && device.destroy()),
    });
    expect(warnings).toHaveLength(1);
    expect(made.iterations).toBe(6);
    expect(apart(made.pixels, straight.pixels)).toBeLessThan(1e-2);
  });

  it('spread over devices, one of which has less', async () => {
    const { device: _, ...options } = await problem({ iterations: 2 });
    const straight = await styleTransfer({ ...options, device: await testDevice() });
    const { peak } = await seenOf(await problem());
    const { device: helper, scarce } = await scarceDevice({ bytes: Math.floor(0.68 * peak) });
    const devices = [await testDevice(), helper];
    const before = memoryUse(devices[0]!).bytes;
    const warnings: string[] = [];
    const picture = await styleTransfer({ ...options, devices, onWarning: (message) => void warnings.push(message) });
    expect(scarce.refused).toBeGreaterThan(0);
    expect(warnings).toHaveLength(1);
    expect(apart(picture.pixels, straight.pixels)).toBeLessThan(1e-2);
    expect(memoryUse(devices[0]!).bytes).toBe(before);
  });
});

it('a picture that cannot be resampled on the device for want of memory is resampled on the host', async () => {
  const picture = { width: 40, height: 30, data: Float32Array.from({ length: 4800 }, (_, i) => ((i * 37) % 100) / 100) };
  const onHost = await resampleOnHost(picture, 25, 19);
  const fine = await scarceDevice();
  await resampleOn(fine.device, {})(picture, 25, 19);
  for (let failing = 1; failing <= fine.scarce.made; failing++) {
    const { device, scarce } = await scarceDevice({ failing });
    const resampled = await resampleOn(device, {})(picture, 25, 19);
    expect(scarce.refused).toBe(1);
    expect(resampled).toEqual(onHost);
  }
  expect(fine.scarce.made).toBeGreaterThan(4);
});
