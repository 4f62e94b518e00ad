import { expect, it } from 'vitest';
import { dream } from '../../examples/deep-dream.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';

it('the example excites its layer, stays a picture, and leaves no memory behind', async () => {
  const device = await testDevice();
  const before = memoryUse(device).bytes;
  const gray = randomValues(3 * 24 * 16, 5).map((value) => 0.5 + 0.1 * value);
  const { picture, losses } = await dream(device, gray, 24, 16, { layer: 'relu2_1', steps: 12 });
  expect(losses).toHaveLength(12);
  expect(losses[0]).toBeLessThan(0);
  expect(losses.at(-1)!).toBeLessThan(1.5 * losses[0]!);
  expect(picture).toHaveLength(3 * 24 * 16);
  expect(Math.min(...picture)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...picture)).toBeLessThanOrEqual(1);
  expect(memoryUse(device).bytes).toBe(before);
});
