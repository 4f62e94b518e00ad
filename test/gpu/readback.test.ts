// What comes back from buffers that lie one behind the other.

import { expect, it } from 'vitest';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { readFloats, readStretch } from '../../src/gpu/readback.ts';
import { testDevice } from '../device.ts';

it('a stretch of floats, wherever it begins and ends in buffers one behind the other', async () => {
  const device = await testDevice();
  const { bytes } = memoryUse(device);
  const sizes = [12, 4, 20];
  const values = Float32Array.from({ length: 36 }, (_, i) => i + 0.5);
  let first = 0;
  const buffers = sizes.map((size) => {
    const buffer = device.createBuffer({ size: 4 * size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
    device.queue.writeBuffer(buffer, 0, values, first, size);
    first += size;
    return buffer;
  });
  for (let begin = 0; begin <= 36; begin++) {
    for (const count of [0, 1, 3, 4, 17, 36]) {
      if (begin + count > 36) continue;
      expect(await readStretch(device, buffers, begin, count)).toEqual(values.slice(begin, begin + count));
    }
  }
  for (const count of [17, 30, 36]) expect(await readFloats(device, buffers, count)).toEqual(values.slice(0, count));
  expect(memoryUse(device).bytes).toBe(bytes);
  buffers.forEach((buffer) => buffer.destroy());
});
