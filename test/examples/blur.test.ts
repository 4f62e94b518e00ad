import { expect, it } from 'vitest';
import { blur } from '../../examples/blur.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';

it('the example blurs as loops in float64 do', async () => {
  const device = await testDevice();
  const before = memoryUse(device).bytes;
  const [width, height, deviation] = [19, 13, 1.4];
  const rgb = randomValues(3 * width * height, 3);
  const radius = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)));
  const sum = weights.reduce((a, b) => a + b);
  const inside = (i: number, size: number): number => Math.min(size - 1, Math.max(0, i));
  const along = (values: ArrayLike<number>, dy: number, dx: number): number[] =>
    Array.from(values, (_, i) => {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / (3 * width))];
      return weights.reduce((total, weight, k) => {
        const at = inside(y + dy * (k - radius), height) * width + inside(x + dx * (k - radius), width);
        return total + (weight / sum) * values[3 * at + c]!;
      }, 0);
    });
  const expected = along(along(rgb, 0, 1), 1, 0);
  const got = await blur(device, rgb, width, height, deviation);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - got[i]!)))).toBeLessThan(1e-5);
  expect(memoryUse(device).bytes).toBe(before);
});
