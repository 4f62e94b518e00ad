// Whatever a session takes it gives back: at its end, and when it never came to be.

import { describe, expect, it } from 'vitest';
import '../../src/node/index.ts'; // a device of one's own, in Node
import { StyleSession, styleTransfer } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { isLost } from '../../src/gpu/device.ts';
import { host } from '../../src/gpu/host.ts';
import { freshDevice, testDevice } from '../device.ts';
import { bytesHeld, picture, tinyOptions, withSession } from './setting.ts';

describe('a session that ends', () => {
  it.each(['lbfgs', 'adam', 'gd'] as const)('gives every byte back (%s)', async (name) => {
    const before = await bytesHeld();
    const style = [{ image: picture(20, 26, 5) }, { image: picture(17, 19, 6), weight: 2 }];
    const session = await StyleSession.create(await tinyOptions({ style, optimizer: { name }, init: 'noise' }));
    expect(await bytesHeld()).toBeGreaterThan(before);
    await session.step(3);
    await session.evaluate();
    await session.gradient();
    session.destroy();
    session.destroy();
    expect(await bytesHeld()).toBe(before);
  });

  it('holds the same memory after a thousand iterations as after one', async () => {
    const more = { size: 12, contentLayers: { relu1_1: 1 }, styleLayers: { relu1_1: 1 } };
    await withSession(more, async (session) => {
      await session.step();
      const before = await bytesHeld();
      await session.step(999);
      expect(await bytesHeld()).toBe(before);
    });
  });

  it('refuses to work afterwards', async () => {
    const session = await StyleSession.create(await tinyOptions());
    const encoder = (await testDevice()).createCommandEncoder();
    session.destroy();
    const gone = { code: 'bad-option', message: expect.stringContaining('the session was destroyed') };
    const calls: (() => Promise<unknown>)[] = [
      () => session.evaluate(),
      () => session.gradient(),
      () => session.readImage(),
      () => session.readPixels(),
      () => session.writeImage(new Float32Array(1440)),
      () => session.step(),
      () => session.run().next(),
      async () => session.set({ tvWeight: 2 }),
      async () => session.encode(encoder),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(gone);
  });

  it('ends a run that is under way with a clear error', async () => {
    const before = await bytesHeld();
    const session = await StyleSession.create(await tinyOptions());
    const other = await StyleSession.create(await tinyOptions());
    // Once while the first losses are on their way, once later.
    const running = [session.step(1000), other.step(1000)];
    session.destroy();
    for (const run of running) run.catch(() => undefined);
    await other.evaluate();
    other.destroy();
    for (const run of running) {
      await expect(run).rejects.toMatchObject({
        code: 'bad-option',
        message: expect.stringContaining('the session was destroyed'),
      });
    }
    expect(await bytesHeld()).toBe(before);
  });

  it('leaves a device that was lent, and destroys one of its own', async () => {
    const device = await freshDevice();
    const lent = await StyleSession.create(await tinyOptions({ device }));
    lent.destroy();
    expect(await isLost(device)).toBe(false);
    const { device: _, ...without } = await tinyOptions();
    const own = await StyleSession.create(without);
    await own.step();
    own.destroy();
    expect(await isLost(own.device)).toBe(true);
    await styleTransfer(await tinyOptions({ device }));
    await expect(styleTransfer(await tinyOptions({ device, styleLayers: { relu9_9: 1 } }))).rejects.toThrow();
    expect(await isLost(device)).toBe(false);
    device.destroy();
  });

  it('says device-lost when its device goes away, and does not hang', async () => {
    const device = await freshDevice();
    const session = await StyleSession.create(await tinyOptions({ device }));
    await session.step();
    device.destroy();
    for (let i = 0; i < 5; i++) await expect(session.step(3)).rejects.toMatchObject({ code: 'device-lost' });
    session.destroy();
    expect(memoryUse(device).bytes).toBe(0);
  });
});

describe('a session that never came to be', () => {
  it('gives everything back whichever step fails', async () => {
    const failures: readonly (keyof GPUDevice)[] = ['createTexture', 'createRenderPipeline', 'createComputePipelineAsync'];
    for (const method of failures) {
      // Nothing runs on it; what is allocated is counted by the same ledger.
      const device = countingDevice();
      Object.assign(device, {
        [method]: () => {
          throw new Error('the driver said no');
        },
      });
      await expect(StyleSession.create(await tinyOptions({ device })), method).rejects.toThrow();
      expect(memoryUse(device).bytes, method).toBe(0);
      expect(memoryUse(device).peakBytes, method).toBeGreaterThan(0);
    }
  });

  it('for want of memory', async () => {
    const device = countingDevice();
    let scopes = 0;
    Object.assign(device, { popErrorScope: () => Promise.resolve(scopes++ > 2 ? { message: 'full' } : null) });
    await expect(StyleSession.create(await tinyOptions({ device }))).rejects.toMatchObject({ code: 'out-of-memory' });
    expect(memoryUse(device).bytes).toBe(0);
  });

  for (const part of ['image', 'content/relu', 'arena', 'adam/mean0', 'conv1_1/weight']) {
    it(`for want of memory for one part alone: ${part}`, async () => {
      const device = countingDevice();
      const scopes: boolean[] = [];
      const create = device.createBuffer.bind(device);
      Object.assign(device, {
        pushErrorScope: () => scopes.push(false),
        popErrorScope: () => Promise.resolve(scopes.pop() ? { message: 'full' } : null),
        createBuffer: (descriptor: GPUBufferDescriptor) => {
          if (descriptor.label!.startsWith(`wgpu-style/${part}`)) scopes[scopes.length - 1] = true;
          return create(descriptor);
        },
      });
      await expect(StyleSession.create(await tinyOptions({ device }))).rejects.toMatchObject({ code: 'out-of-memory' });
      expect(memoryUse(device).bytes).toBe(0);
    });
  }

  it('because a preview canvas gives no context', async () => {
    const before = await bytesHeld();
    const preview = { getContext: () => null, width: 4, height: 4 } as unknown as OffscreenCanvas;
    await expect(StyleSession.create(await tinyOptions({ preview }))).rejects.toMatchObject({
      code: 'bad-option',
      where: 'preview',
    });
    expect(await bytesHeld()).toBe(before);
  });

  it('because its signal fired while it was made', async () => {
    const before = await bytesHeld();
    const options = await tinyOptions();
    for (const patience of [0, 1, 2, 4, 8]) {
      const controller = new AbortController();
      const creating = StyleSession.create({ ...options, signal: controller.signal });
      creating.catch(() => undefined);
      for (let i = 0; i < patience; i++) await new Promise((done) => setTimeout(done, 1));
      controller.abort();
      // It may have been quicker than the signal.
      const session = await creating.catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'aborted' });
        return undefined;
      });
      if (patience === 0) expect(session).toBeUndefined();
      session?.destroy();
      expect(await bytesHeld()).toBe(before);
    }
  });

  it('destroys the device that was requested for it', async () => {
    const { requestDevice } = host;
    const devices: GPUDevice[] = [];
    host.requestDevice = async () => {
      devices.push(await requestDevice!());
      return devices.at(-1)!;
    };
    try {
      const { device: _, ...without } = await tinyOptions({ styleLayers: { relu9_9: 1 } });
      await expect(StyleSession.create(without)).rejects.toMatchObject({ code: 'bad-option' });
      await expect(styleTransfer(without)).rejects.toMatchObject({ code: 'bad-option' });
      expect(devices).toHaveLength(2);
      for (const device of devices) expect(await isLost(device)).toBe(true);
    } finally {
      host.requestDevice = requestDevice!;
    }
  });
});
