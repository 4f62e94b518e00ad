// requiredLimits against sessions: on a device with exactly these limits they are built, with one byte less they are
// not. Devices that count (gpu/counting.ts) stand for devices of any limits; the code that runs on them is the same.

import { describe, expect, it } from 'vitest';
import { requiredLimits, StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice, DEFAULT_LIMITS } from '../../src/gpu/counting.ts';
import { DEFAULT_WIDTHS, largestTensor } from '../../src/style/limits.ts';
import { defaultNetwork, Vgg, type Layer } from '../../src/vgg/index.ts';
import { requestDevice } from '../../src/node/index.ts';
import { picture, scene, SMALL, tinyNetwork, tinyOptions, type Blocks } from './setting.ts';

/** A device that has as much as `limits` says, and no more. */
function deviceWith(limits: Readonly<Record<string, number>>): GPUDevice {
  return countingDevice({ ...DEFAULT_LIMITS, ...limits });
}

/** Buffers that are made for a session with plenty: the largest says what the binding limit must be. */
async function largestBufferOf(options: Partial<StyleTransferOptions>): Promise<number> {
  const device = deviceWith({ maxBufferSize: 2 ** 33, maxStorageBufferBindingSize: 2 ** 33 });
  let largest = 0;
  const create = device.createBuffer.bind(device);
  Object.assign(device, {
    createBuffer: (descriptor: GPUBufferDescriptor) => {
      if (descriptor.usage & GPUBufferUsage.STORAGE) largest = Math.max(largest, descriptor.size);
      return create(descriptor);
    },
  });
  const session = await StyleSession.create(await tinyOptions({ ...options, device }));
  session.destroy();
  expect(memoryUse(device).bytes).toBe(0);
  return largest;
}

/** Wide enough for activations to outweigh weights and partial sums at these sizes. */
const WIDE: Blocks = [[24, 16], [12]];

function reflecting(vgg: Vgg): Vgg {
  const layers = vgg.layers.map((layer): Layer => (layer.kind === 'conv' ? { ...layer, padding: 'reflect' } : layer));
  return new Vgg({ ...vgg, layers });
}

describe('the largest tensor', () => {
  it.each([
    [{ width: 48, height: 48 }, WIDE],
    [{ width: 33, height: 47 }, WIDE],
    [{ width: 64, height: 20 }, WIDE],
    [{ width: 47, height: 47 }, [[4], [32, 32]]],
    [{ width: 96, height: 80 }, [[3], [5]]],
  ] as const)('of a session at %o', async (size, blocks) => {
    const network = tinyNetwork(blocks);
    for (const vgg of [network, reflecting(network)]) {
      const style = picture(20, 20, 1);
      const largest = await largestBufferOf({ network: vgg, size, style });
      const reached = vgg.layers.slice(0, vgg.layers.findIndex(({ name }) => name === 'relu2_1'));
      expect(largestTensor(size, reached)).toBe(largest);
    }
  });

  it('of a session that needs only the first layers', async () => {
    const network = tinyNetwork([[8], [64]]);
    const more = { network, size: 48, contentLayers: { relu1_1: 1 }, styleLayers: { relu1_1: 1 } };
    expect(await largestBufferOf(more)).toBe(largestTensor({ width: 48, height: 40 }, network.layers.slice(0, 2)));
  });
});

describe('requiredLimits', () => {
  it('never asks for less than every device grants', () => {
    expect(requiredLimits({ size: 64 })).toEqual({
      maxStorageBufferBindingSize: 2 ** 27,
      maxBufferSize: 2 ** 28,
      maxTextureDimension2D: 8192,
    });
    expect(requiredLimits()).toEqual(requiredLimits({ size: 512 }));
  });

  it('grows with the picture: the first block at full size', () => {
    const bytes = 3000 * 2000 * 32 * 4;
    const style = { width: 100, height: 100 };
    expect(requiredLimits({ size: { width: 3000, height: 2000 }, style })).toEqual({
      maxStorageBufferBindingSize: bytes,
      maxBufferSize: bytes,
      maxTextureDimension2D: 8192,
    });
    expect(requiredLimits({ size: 9000 })['maxTextureDimension2D']).toBe(9000);
  });

  it('allows for the style: as large as the result on a ladder, twice that without', () => {
    const at = (more: object): number => requiredLimits({ size: 2000, ...more })['maxStorageBufferBindingSize']!;
    expect(at({})).toBe(2000 * 2000 * 32 * 4);
    expect(at({ scales: false })).toBe(4000 * 4000 * 32 * 4);
    expect(at({ scales: false, style: { width: 3000, height: 1000 } })).toBe(2000 * 2000 * 32 * 4);
    expect(at({ scales: false, style: { width: 3000, height: 3000 } })).toBe(3000 * 3000 * 32 * 4);
    expect(requiredLimits({ width: 2000, height: 2000 })).toEqual(requiredLimits({ size: 2000 }));
  });

  it('takes the options of a run as they are', () => {
    const at = (options: Parameters<typeof requiredLimits>[0]): number =>
      requiredLimits(options)['maxStorageBufferBindingSize']!;
    const run = { content: 'a.png', style: 'b.png', size: 2000, seed: 7 };
    expect(at(run)).toBe(2000 * 2000 * 32 * 4);
    expect(at({ ...run, style: [{ image: 'b.png', weight: 2 }] })).toBe(2000 * 2000 * 32 * 4);
    // Pictures are used at another size than their own.
    expect(at({ ...run, style: { data: new Uint8Array(4), width: 9000, height: 9000 } })).toBe(2000 * 2000 * 32 * 4);
    // The recipe decides about the ladder; a list of scales ends with the result.
    expect(at({ ...run, recipe: 'gatys' })).toBe(4000 * 4000 * 32 * 4);
    expect(at({ ...run, recipe: 'gatys', scales: 'auto' })).toBe(2000 * 2000 * 32 * 4);
    expect(at({ ...run, size: 512, scales: [1000, 3000] })).toBe(3000 * 3000 * 32 * 4);
    // A network that nobody has read yet is taken for VGG-19.
    expect(at({ ...run, network: 'vgg19.onnx' })).toBe(2000 * 2000 * 64 * 4);
  });

  it('knows the width of the embedded network, and takes that of another', async () => {
    const vgg = await defaultNetwork();
    expect(DEFAULT_WIDTHS).toEqual(vgg.widths);
    for (const size of [512, 1500, 4000]) expect(requiredLimits({ size, network: vgg })).toEqual(requiredLimits({ size }));
    const wide = requiredLimits({ size: 1500, network: tinyNetwork([[100]]) });
    expect(wide['maxStorageBufferBindingSize']).toBe(1500 * 1500 * 100 * 4);
  });

  it.each([0, -1, 1.5, NaN, { width: 10, height: 0 }])('refuses the size %o', (size) => {
    expect(() => requiredLimits({ size })).toThrow(expect.objectContaining({ code: 'bad-option', where: 'size' }));
  });

  it.each([1024, 1100, { width: 1500, height: 900 }])('is what a session at %o needs, to the byte', async (size) => {
    // 2·10⁶ pixels are more than lavapipe should run in a test: the devices only count.
    const network = tinyNetwork([[40, 40]]);
    const style = picture(40, 30, 2);
    const content = typeof size === 'number' ? scene(16, 16) : scene(15, 9);
    const more = { network, size, style, content, contentLayers: { relu1_2: 1 }, styleLayers: { relu1_1: 1 } };
    const limits = requiredLimits({ size, network, style: { width: 40, height: 30 } });
    const bytes = limits['maxStorageBufferBindingSize']!;
    expect(bytes).toBeGreaterThan(2 ** 27);
    const session = await StyleSession.create(await tinyOptions({ ...more, device: deviceWith(limits) }));
    expect(session.plan.tiles).toBeUndefined();
    session.destroy();
    for (const name of ['maxStorageBufferBindingSize', 'maxBufferSize']) {
      const device = deviceWith({ ...limits, [name]: bytes - 16 });
      const tiled = await StyleSession.create(await tinyOptions({ ...more, device }));
      expect(tiled.plan.tiles!.count).toBeGreaterThan(1);
      tiled.destroy();
      expect(memoryUse(device).bytes).toBe(0);
    }
  });

  it('can be handed to requestDevice', async () => {
    const device = await requestDevice({ requiredLimits: requiredLimits({ size: 640 }), log: () => undefined });
    expect(device.limits.maxBufferSize).toBeGreaterThanOrEqual(2 ** 28);
    device.destroy();
    const request = requestDevice({ requiredLimits: requiredLimits({ size: 60000 }), log: () => undefined });
    await expect(request).rejects.toMatchObject({ code: 'limit-exceeded' });
  });
});

describe('a device that is too small', () => {
  const network = tinyNetwork(WIDE);
  const { layers } = network;

  it('works in tiles on pictures that do not fit', async () => {
    const had = largestTensor({ width: 150, height: 125 }, layers);
    const device = deviceWith({ maxStorageBufferBindingSize: had });
    for (const [size, isTiled] of [[150, false], [192, true]] as const) {
      const session = await StyleSession.create(await tinyOptions({ network, device, size, style: picture(20, 20, 1) }));
      expect(session.plan.tiles !== undefined).toBe(isTiled);
      session.destroy();
    }
    expect(memoryUse(device).bytes).toBe(0);
  });

  it('looks at a style in tiles where that is too large', async () => {
    const device = deviceWith({ maxBufferSize: largestTensor({ width: 150, height: 125 }, layers) });
    const style = [{ image: picture(20, 20, 1) }, { image: picture(200, 200, 1) }];
    const session = await StyleSession.create(await tinyOptions({ network, device, size: 120, style }));
    session.destroy();
    expect(memoryUse(device).bytes).toBe(0);
  });

  it('has a binding for no more than a band of the picture, whatever the optimiser', async () => {
    const bandBytes = 350000; // of 491,520
    const device = deviceWith({ maxBufferSize: bandBytes, maxStorageBufferBindingSize: bandBytes });
    const more = { network: tinyNetwork(SMALL), device, size: 192, style: picture(20, 20, 1), averaging: 0.9 };
    for (const name of ['lbfgs', 'adam', 'gd'] as const) {
      const session = await StyleSession.create(await tinyOptions({ ...more, optimizer: { name } }));
      session.destroy();
      expect(memoryUse(device).bytes).toBe(0);
    }
  });

  it('has textures too small', async () => {
    const device = deviceWith({ maxTextureDimension2D: 40 });
    const more = { network: tinyNetwork(SMALL), device, size: 48 };
    await expect(styleTransfer(await tinyOptions(more))).rejects.toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringContaining("maxTextureDimension2D is 40. The longest side that fits is 40"),
    });
  });
});
