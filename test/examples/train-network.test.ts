import { expect, it } from 'vitest';
import { trainNetwork } from '../../examples/train-network.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { testDevice } from '../device.ts';

it('the example network learns, the same way each time, and leaves no memory behind', async () => {
  const device = await testDevice();
  const before = memoryUse(device).bytes;
  const lines: string[] = [];
  const run = (): Promise<number[]> =>
    trainNetwork(device, { side: 16, steps: 120, log: (line) => lines.push(line) });
  const losses = await run();
  const mean = (part: number[]): number => part.reduce((sum, loss) => sum + loss, 0) / part.length;
  // Always answering with the mean would leave the variance of the answer, 0.11.
  expect(mean(losses.slice(-20))).toBeLessThan(0.01);
  expect(mean(losses.slice(-20))).toBeLessThan(mean(losses.slice(0, 20)) / 20);
  expect(lines[0]).toMatch(/^step 0: loss \d\.\d\de[+-]\d$/);
  expect(await run()).toEqual(losses);
  expect(memoryUse(device).bytes).toBe(before);
});
