// The count of live bytes is exact, limits are told before the GPU is asked, and memory that is not there is an error
// that can be caught.

import { afterEach, describe, expect, it } from 'vitest';
import { createBuffer, destroyBuffer, memoryUse, resetPeak, watchMemory } from '../../src/gpu/buffers.ts';
import { testDevice } from '../device.ts';

describe('createBuffer', () => {
  const made: GPUBuffer[] = [];
  afterEach(() => made.splice(0).forEach(destroyBuffer));

  it('rounds up to 16 bytes, labels, and counts what is live and what the peak was', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    resetPeak(device);
    const a = createBuffer(device, 'a', 1);
    const b = createBuffer(device, 'b', 100);
    made.push(a, b);
    expect([a.size, b.size]).toEqual([16, 112]);
    expect(a.label).toBe('wgpu-style/a');
    expect(memoryUse(device).bytes - before).toBe(128);
    destroyBuffer(b);
    destroyBuffer(b); // twice is harmless
    expect(memoryUse(device)).toEqual({ bytes: before + 16, peakBytes: before + 128 });
  });

  it('leaves a buffer of the caller alone', async () => {
    const device = await testDevice();
    const theirs = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST });
    destroyBuffer(theirs);
    device.queue.writeBuffer(theirs, 0, new Uint32Array(4)); // a destroyed buffer would raise an uncaptured error
    await device.queue.onSubmittedWorkDone();
    theirs.destroy();
  });

  it('refuses what the limits forbid, with both numbers', async () => {
    const device = await testDevice();
    const tooMuch = device.limits.maxStorageBufferBindingSize + 16;
    expect(() => createBuffer(device, 'huge', tooMuch)).toThrow(
      expect.objectContaining({ code: 'limit-exceeded', where: 'huge' }),
    );
    expect(() => createBuffer(device, 'huge', tooMuch)).toThrow(/MiB is needed, the device allows .* MiB/);
  });
});

describe('watchMemory', () => {
  it('gives the result at once and settles when the device has agreed', async () => {
    const device = await testDevice();
    const { result, settled } = watchMemory(device, 'test', () => createBuffer(device, 'small', 64));
    await expect(settled).resolves.toBeUndefined();
    destroyBuffer(result);
  });

  it('passes on what `allocate` throws and leaves no error scope open', async () => {
    const device = await testDevice();
    const fail = (): never => {
      throw new Error('mine');
    };
    expect(() => watchMemory(device, 'test', fail)).toThrow('mine');
    await expect(watchMemory(device, 'test', () => 1).settled).resolves.toBeUndefined();
  });

  it('rejects with `out-of-memory` when the device reports it', async () => {
    // No adapter runs out of memory on demand: a device that answers its error scope so.
    const device = {
      limits: { maxBufferSize: 2 ** 40, maxStorageBufferBindingSize: 2 ** 40 },
      pushErrorScope: () => undefined,
      popErrorScope: () => Promise.resolve({ message: 'out of memory' }),
    } as unknown as GPUDevice;
    const { settled } = watchMemory(device, 'tape.compile', () => 1);
    await expect(settled).rejects.toMatchObject({ code: 'out-of-memory', where: 'tape.compile' });
  });
});
