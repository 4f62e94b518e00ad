// The plan is what the run does: same scales, same dispatches, same peak of GPU buffers.

import { describe, expect, it } from 'vitest';
import { estimateTime, plan, styleTransfer } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { resizeOnHost } from '../../src/image/linear-light.ts';
import { resampleCounted } from '../../src/style/resampling.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { tinyOptions } from './setting.ts';

function picture(width: number, height: number, seed: number): { data: Float32Array; width: number; height: number } {
  return { data: randomValues(width * height * 3, seed).map((v) => (v + 1) / 2), width, height };
}

describe('plan', () => {
  for (const [i, optimizer] of ([{ name: 'lbfgs', history: 3 }, { name: 'adam' }] as const).entries()) {
    it(`foresees the peak of a real run over two scales exactly (${optimizer.name})`, async () => {
      const device = await testDevice();
      const options = {
        content: picture(40, 31, 1),
        // New to the network, and of another size at each scale: a style that is remembered needs a few bytes less.
        style: [{ image: picture(37, 50, 2 + 10 * i), scale: 1.5 }, { image: picture(24, 24, 3 + 10 * i), scale: 1.3, weight: 2 }],
        size: 40,
        scales: [26, 40],
        iterations: 7,
        optimizer,
        device,
      };
      const foreseen = await plan(options);
      expect(foreseen.scales.map(({ width, height }) => [width, height])).toEqual([[26, 20], [40, 31]]);
      expect(foreseen.iterations).toBe(7);
      const before = memoryUse(device).bytes;
      const made = await styleTransfer(options);
      // The run starts from what the device holds already (other tests' leftovers: none, but not this test's business).
      expect(made.details.peakBytes - before).toBe(foreseen.peakBytes);
      expect(memoryUse(device).bytes).toBe(before);
    });
  }

  it('counts resampling, which keeps within the limit of the run, and has the values of the host', async () => {
    const { data } = picture(100, 90, 1);
    const pixels = { width: 100, height: 90, data: Float32Array.from({ length: 4 * 9000 }, (_, i) => (i % 4 === 3 ? 1 : data[3 * (i >> 2) + (i % 4)]!)) };
    const peaks = [];
    for (const limit of [{}, { memoryLimit: 40_000 }]) {
      const counter = countingDevice();
      const made = await resampleCounted(counter, limit)(pixels, 70, 60);
      expect(made.data).toEqual(resizeOnHost(pixels, 70, 60).data);
      peaks.push(memoryUse(counter).peakBytes);
    }
    expect(peaks[0]).toBeGreaterThan(100_000);
    expect(peaks[1]).toBeLessThanOrEqual(40_000);
    expect(peaks[1]).toBeGreaterThan(20_000);
  });

  it('needs no device, and throws what the run would throw', async () => {
    const options = { content: picture(64, 48, 1), style: picture(64, 48, 2), size: 64, iterations: 10 };
    const { scales, flops } = await plan(options);
    expect(scales[0]).toMatchObject({ width: 64, height: 48, iterations: 10 });
    // The embedded network: 3.4 multiply-adds per 256 x 256 (weights/README.md), forward and backward, and its Grams.
    const perPixel = flops / 10 / (64 * 48);
    expect(perPixel).toBeGreaterThan((2 * 2 * 3.4e9) / 65536);
    expect(perPixel).toBeLessThan(1.3 * ((2 * 2 * 3.4e9) / 65536));
    await expect(plan({ ...options, memoryLimit: 1e6 })).rejects.toMatchObject({ code: 'limit-exceeded', where: 'memoryLimit' });
    await expect(plan({ ...options, size: 8 })).rejects.toMatchObject({ code: 'bad-image' });
    await expect(plan({ ...options, recipe: 'nonsense' })).rejects.toMatchObject({ code: 'bad-option' });
  });
});

describe('the time of a plan', () => {
  it('is measured where that is cheap, and reckoned by arithmetic where not; nothing is left on the device', async () => {
    const device = await testDevice();
    const options = await tinyOptions({ device, scales: [16, 24], iterations: 5 });
    const planned = await plan(options);
    const before = memoryUse(device).bytes;
    const { seconds, scales } = await estimateTime(options, planned);
    expect(memoryUse(device).bytes).toBe(before);
    expect(scales.map(({ isMeasured }) => isMeasured)).toEqual([true, true]);
    expect(scales.every(({ secondsPerIteration }) => secondsPerIteration > 0)).toBe(true);
    const sum = planned.scales.reduce((all, { iterations }, i) => all + iterations * scales[i]!.secondsPerIteration, 0);
    expect(seconds).toBeCloseTo(sum, 9);
    // As a picture of a million times the work would be: not tried, but foreseen.
    const [last] = planned.scales.slice(-1);
    const huge = { ...last!, width: 24_000, height: 20_000, flops: 1e12 * last!.flops };
    const far = await estimateTime(options, { scales: [last!, huge] });
    expect(far.scales[1]!.isMeasured).toBe(false);
    expect(far.scales[1]!.secondsPerIteration / far.scales[0]!.secondsPerIteration).toBeCloseTo(1e12, -3);
  });

  it('throws what the run would throw', async () => {
    const options = await tinyOptions({ scales: false });
    const planned = await plan(options);
    await expect(estimateTime({ ...options, recipe: 'nonsense' }, planned)).rejects.toMatchObject({ code: 'bad-option' });
  });
});
