import { expect, test } from 'vitest';
import { describeAdapter } from '../../src/gpu/device.ts';
import { requestDevice } from '../../src/node/device.ts';
import { napLength } from '../../src/node/nap.ts';
import { takeUncapturedErrors, testDevice } from '../device.ts';

test('requestDevice gives a working device, limits raised, constants on globalThis', async () => {
  const device = await testDevice();
  expect(describeAdapter(device).description).not.toBe('');
  expect(device.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
  expect(GPUBufferUsage.MAP_READ).toBe(1);
  const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(buffer, 0, new Float32Array([1, 2, 3, 4]));
  await buffer.mapAsync(GPUMapMode.READ);
  expect([...new Float32Array(buffer.getMappedRange())]).toEqual([1, 2, 3, 4]);
  buffer.destroy();
});

test('requestDevice says in one sentence which adapter was taken', async () => {
  const said: string[] = [];
  const device = await requestDevice({ log: (message) => said.push(message) });
  device.destroy();
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^(Using the GPU|No GPU found: using .+ on the CPU).*\.$/);
});

test('a limit out of reach is refused with its name, not answered by a weaker adapter', async () => {
  const request = requestDevice({ requiredLimits: { maxBufferSize: 2 ** 52 }, log: () => undefined });
  await expect(request).rejects.toMatchObject({ code: 'limit-exceeded', message: expect.stringContaining('maxBufferSize') });
});

test('an uncaptured GPU error is recorded, so that the suite can fail on it', async () => {
  const device = await testDevice();
  device.createBuffer({ size: 16, usage: 0 });
  const errors = await takeUncapturedErrors();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^GPUValidationError/);
});

test('waiting for the GPU sleeps a share of the time waited, at most a millisecond', async () => {
  expect([0, 2, 10, 1e4].map(napLength)).toEqual([0, 0.1, 0.5, 1]);
  const device = await testDevice();
  await Promise.all([device.queue.onSubmittedWorkDone(), device.queue.onSubmittedWorkDone()]);
});
