// Style targets are computed once for all contents of a batch: what is read of a style is remembered for a network on a device.

import { describe, expect, it } from 'vitest';
import { recipes, StyleSession, styleTransfer, type Recipe, type StyleTransferOptions, type Vgg } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { remembered } from '../../src/style/remembered.ts';
import { picture, scene, tinyNetwork, tinyOptions } from './setting.ts';

const MIB = 2 ** 20;
const { lecture } = recipes as { lecture: Recipe };

/** A device that counts dispatches; nothing is computed on it. */
function countingDispatches(): { readonly device: GPUDevice; readonly taken: () => number } {
  const device = countingDevice();
  let count = 0;
  // All encoders of such a device share one pass.
  device.createCommandEncoder().beginComputePass().dispatchWorkgroups = () => void count++;
  const taken = (): number => {
    const before = count;
    count = 0;
    return before;
  };
  return { device, taken };
}

/** A session without content terms: all that is dispatched before its first iteration is for the style. */
async function dispatchesOf(device: GPUDevice, taken: () => number, network: Vgg, more: Partial<StyleTransferOptions>): Promise<number> {
  const session = await StyleSession.create(await tinyOptions({ contentWeight: 0, ...more, device, network }));
  session.destroy();
  return taken();
}

describe('the second picture of a batch', () => {
  it.each<[string, NonNullable<Recipe['style']['statistics']>]>([
    ['Gram matrices', { gram: 1 }],
    ['means, deviations and roots', { mean: 1, std: 1, wasserstein: 1 }],
    ['patches and histograms beside them', { gram: 1, mrf: { relu2_1: 1 }, histogram: { relu1_1: 1 } }],
  ])('needs no pass of the network over the style: %s', async (_, statistics) => {
    const { device, taken } = countingDispatches();
    const network = tinyNetwork();
    const recipe: Recipe = { ...lecture, style: { ...lecture.style, statistics } };
    const first = await dispatchesOf(device, taken, network, { recipe });
    expect(first).toBeGreaterThan(0);
    expect(await dispatchesOf(device, taken, network, { recipe, content: scene(24, 20, 1), seed: 5, styleWeight: 7, tvWeight: 2 })).toBe(0);
    // In a mask other features count: of the result, and with a style mask of the style.
    const mask = picture(20, 26, 8);
    const masked = [{ image: picture(20, 26, 5), styleMask: mask }];
    expect(await dispatchesOf(device, taken, network, { recipe, style: masked })).toBeGreaterThan(0);
    expect(await dispatchesOf(device, taken, network, { recipe, style: masked, content: scene(24, 20, 1) })).toBe(0);
  });

  it('nor in tiles', async () => {
    const { device, taken } = countingDispatches();
    const network = tinyNetwork();
    const size = { width: 384, height: 320 };
    const more = { content: scene(384, 320), style: picture(96, 80, 5), size, tvWeight: 0 };
    const whole = await StyleSession.create(await tinyOptions({ ...more, contentWeight: 0, device, network }));
    const bytes = memoryUse(device).peakBytes;
    whole.destroy();
    taken();
    const tiled = { ...more, contentWeight: 0, memoryLimit: bytes - 1 };
    const session = await StyleSession.create(await tinyOptions({ ...tiled, device, network }));
    expect(session.plan.tiles!.count).toBeGreaterThan(1);
    session.destroy();
    expect(taken()).toBeGreaterThan(0);
    expect(await dispatchesOf(device, taken, network, { ...tiled, content: scene(384, 320, 1) })).toBe(0);
  });

  it('only what is asked again is not computed again', async () => {
    const { device, taken } = countingDispatches();
    const network = tinyNetwork();
    const base = await dispatchesOf(device, taken, network, {});
    const one = picture(20, 26, 5);
    one.data[77]! += 0.01;
    const others: Partial<StyleTransferOptions>[] = [
      { style: one },
      // At its size already: what resamples is not counted.
      { size: 12, content: scene(12, 10), style: picture(18, 24, 5) },
      { pooling: 'average' },
      { storage: 'f16' },
      { recipe: { ...lecture, style: { ...lecture.style, normalize: 'elements' } } },
      { recipe: { ...lecture, firstPadding: 'replicate' } },
      { recipe: { ...lecture, space: { scale: 255, mean: [1, 2, 3] } } },
      { recipe: { ...lecture, style: { ...lecture.style, statistics: { covariance: 1 } } } },
      { styleLayers: { relu1_2: 1 } },
    ];
    for (const more of others) {
      expect(await dispatchesOf(device, taken, network, more), Object.keys(more).join()).toBeGreaterThan(0);
      expect(await dispatchesOf(device, taken, network, more)).toBe(0);
    }
    expect(await dispatchesOf(device, taken, tinyNetwork(), {}), 'another network').toBe(base);
    const other = countingDispatches();
    expect(await dispatchesOf(other.device, other.taken, network, {}), 'another device').toBe(base);
  });

  it('has the bytes of one that is painted alone', async () => {
    const style = [{ image: picture(20, 26, 5), weight: 2 }, { image: picture(22, 18, 6), weight: 1 }];
    const options = await tinyOptions({ style, scales: [16, 24] });
    await styleTransfer(options);
    const content = scene(24, 20, 1);
    const second = await styleTransfer({ ...options, content });
    const alone = await styleTransfer({ ...options, content, network: tinyNetwork() });
    expect(second.pixels).toEqual(alone.pixels);
    expect(second.losses).toEqual(alone.losses);
  });

  it("sees when the caller has written other values into the style's memory", async () => {
    const style = picture(20, 26, 5);
    const options = await tinyOptions({ style, iterations: 0, scales: false, init: 'noise' });
    const before = await styleTransfer(options);
    style.data.fill(0.5);
    const after = await styleTransfer(options);
    expect(after.losses.style).not.toBe(before.losses.style);
    expect(after.losses).toEqual((await styleTransfer({ ...options, network: tinyNetwork() })).losses);
  });
});

describe('what is remembered', () => {
  it('is bounded: the oldest is forgotten, and what is too large is never kept', async () => {
    const [device, network] = [{} as GPUDevice, {} as Vgg];
    let made = 0;
    const of = async (key: string, mebibytes: number): Promise<number> => {
      const before = made;
      await remembered(device, network, key, [Float32Array.of(1)], async () => {
        made++;
        return [[{ shape: [1], data: new Float32Array((mebibytes * MIB) / 4) }]];
      });
      return made - before;
    };
    expect([await of('a', 30), await of('b', 30), await of('a', 30)]).toEqual([1, 1, 0]);
    expect([await of('c', 10), await of('b', 30), await of('c', 10), await of('a', 30)]).toEqual([1, 0, 0, 1]);
    expect([await of('large', 65), await of('large', 65)]).toEqual([1, 1]);
  });
});
