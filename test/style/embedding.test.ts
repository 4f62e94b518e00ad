// A session in an app that has its own device: one made with default limits, one of several, one shared by several sessions.

import { describe, expect, it } from 'vitest';
import { plan, requiredFeatures, requiredLimits, StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { DEFAULT_LIMITS } from '../../src/gpu/counting.ts';
import { defaultDevice, freshDevice } from '../device.ts';
import { picture, scene, tinyOptions } from './setting.ts';

/** Two transfers that have nothing in common but the network's topology. */
const wishes: readonly Partial<StyleTransferOptions>[] = [
  { optimizer: { name: 'lbfgs', history: 4 }, seed: 1, init: 'noise' },
  { content: scene(20, 24, 1), style: picture(18, 22, 9), optimizer: { name: 'adam', learningRate: 0.05 }, styleWeight: 3 },
];

async function solo(device: GPUDevice, more: Partial<StyleTransferOptions>): Promise<Uint8Array> {
  const session = await StyleSession.create(await tinyOptions({ ...more, device }));
  await session.step(6);
  const bytes = await session.checkpoint();
  session.destroy();
  expect(memoryUse(device).bytes).toBe(0);
  return bytes;
}

// Pipelines are compiled anew on each device: seconds, and a minute on a busy machine.
describe('sessions beside each other', { timeout: 400_000 }, () => {
  it('on one device give the bytes that each gives alone', async () => {
    const device = await freshDevice();
    const alone = [await solo(device, wishes[0]!), await solo(device, wishes[1]!)];
    const sessions = await Promise.all(wishes.map(async (more) => StyleSession.create(await tinyOptions({ ...more, device }))));
    // Both record into the same encoder, one whole iterations, the other slices.
    const [first, second] = sessions as [StyleSession, StyleSession];
    let [whole, cut] = [0, 0];
    while (whole < 6 || cut < 6) {
      const encoder = device.createCommandEncoder();
      if (whole < 6) whole += Number(first.encode(encoder));
      if (cut < 6) cut += Number(second.encode(encoder, { budgetMilliseconds: 0.2 }));
      device.queue.submit([encoder.finish()]);
    }
    expect(await first.checkpoint()).toEqual(alone[0]);
    first.destroy(); // the other lives on
    expect(await second.checkpoint()).toEqual(alone[1]);
    expect(memoryUse(device).bytes).toBeGreaterThan(0);
    second.destroy();
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });

  it('run at the same time on one device and on two', async () => {
    const devices = [await freshDevice(), await freshDevice()] as const;
    const alone = [await solo(devices[0], wishes[0]!), await solo(devices[0], wishes[1]!)];
    for (const second of devices) {
      const sessions = await Promise.all(
        wishes.map(async (more, i) => StyleSession.create(await tinyOptions({ ...more, device: i === 0 ? devices[0] : second }))),
      );
      await Promise.all(sessions.map((session) => session.step(6)));
      const bytes = await Promise.all(sessions.map((session) => session.checkpoint()));
      sessions.forEach((session) => session.destroy());
      expect(bytes).toEqual(alone);
    }
    // A device that goes takes nothing with it.
    devices[0].destroy();
    expect(await solo(devices[1], wishes[0]!)).toEqual(alone[0]);
    for (const device of devices) expect(memoryUse(device).bytes).toBe(0);
    devices[1].destroy();
  });
});

describe('a device that an app made', { timeout: 400_000 }, () => {
  it('with default limits and no features runs the embedded network with every recipe default', async () => {
    const device = await defaultDevice();
    expect(device.limits.maxStorageBufferBindingSize).toBe(DEFAULT_LIMITS['maxStorageBufferBindingSize']);
    expect(device.limits.maxStorageBuffersPerShaderStage).toBe(DEFAULT_LIMITS['maxStorageBuffersPerShaderStage']);
    const [content, style] = [scene(96, 72), picture(80, 64, 3)];
    const totals: number[] = [];
    const run = { device, content, style, size: 96, iterations: 4 } as const;
    const { width, height, stopped } = await styleTransfer({ ...run, onProgress: ({ losses }) => totals.push(losses.total) });
    expect({ width, height, stopped }).toEqual({ width: 96, height: 72, stopped: 'done' });
    expect(totals.at(-1)!).toBeLessThan(totals[0]!);
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });

  it('takes what is too large for a binding in tiles, and says which size fits where those do not', async () => {
    const device = await defaultDevice();
    const [content, style] = [scene(32, 32), picture(32, 32, 3)];
    const run = { device, content, style, scales: false } as const;
    // 32 floats a pixel after the first convolution: 128 MiB hold 1024x1024.
    const whole = await plan({ ...run, size: 1000 });
    expect(whole.scales[0]!.tiles).toBeUndefined();
    const tiled = await plan({ ...run, size: 1100 });
    expect(tiled.scales[0]!.tiles!.count).toBeGreaterThan(1);
    // 16 bytes a pixel are more than a binding for L-BFGS, too: it works in bands.
    const banded = await plan({ ...run, size: 3000 });
    expect(banded.scales[0]!.tiles!.count).toBeGreaterThan(1);
    const memoryLimit = 100e6;
    await expect(styleTransfer({ ...run, size: 3000, memoryLimit })).rejects.toMatchObject({
      code: 'limit-exceeded',
      where: 'memoryLimit',
      message: expect.stringMatching(/The longest side that fits is about \d+/),
    });
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });

  it('with requiredLimits and requiredFeatures has what a run needs, and what makes it fast', async () => {
    const { features, limits: highest } = await freshDevice().then((device) => (device.destroy(), device));
    const wanted = requiredFeatures({ features });
    expect(wanted.length).toBeGreaterThan(0);
    expect(wanted.every((feature) => features.has(feature))).toBe(true);
    expect(requiredFeatures()).toEqual([]);
    // A wide strip: lavapipe has no buffers of more than 128 MiB to ask for, SwiftShader no wider textures than any device.
    const width = Math.min(9000, highest.maxTextureDimension2D);
    const limits = requiredLimits({ size: { width, height: 100 }, style: { width: 32, height: 32 } });
    const device = await defaultDevice({ requiredLimits: limits, requiredFeatures: wanted });
    expect(device.limits.maxTextureDimension2D).toBe(width);
    for (const feature of wanted) expect(device.features.has(feature)).toBe(true);
    const session = await StyleSession.create(await tinyOptions({ device }));
    await session.step(2);
    session.destroy();
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });
});
