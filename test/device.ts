// One Dawn device for the whole test process. GPU tests ask for it here; there is no way to skip: where no adapter is
// found, the suite fails (`npm test` installs one, see scripts/ensure-adapter.mjs).

import { requestDevice } from '../src/node/device.ts';

interface Shared {
  device?: Promise<GPUDevice>;
  errors: string[];
}

// On globalThis, because a test runner may load this module more than once in a process.
const key = Symbol.for('wgpu-style.test.device');
const holder = globalThis as unknown as { [key]?: Shared };
const shared: Shared = (holder[key] ??= { errors: [] });

/** The shared device. Errors that nobody captured make the running test fail (test/setup.ts). */
export function testDevice(): Promise<GPUDevice> {
  shared.device ??= requestDevice({ label: 'test' }).then((device) => {
    watchErrors(device);
    return device;
  });
  return shared.device;
}

/** Another device, for tests that lose or limit theirs; the test destroys it. Its errors count like the shared one's. */
export async function freshDevice(): Promise<GPUDevice> {
  const device = await requestDevice({ label: 'test/fresh', log: () => undefined });
  watchErrors(device);
  return device;
}

/** Instances of Dawn crash when they are collected under living objects. */
const instances = new Set<GPU>();

/** A device as an app makes it that asks for nothing: default limits, no features. The test destroys it. */
export async function defaultDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
  await testDevice(); // puts the names of WebGPU in place, and says which adapter it is
  const { create } = await import('webgpu');
  const gpu = create([]);
  instances.add(gpu);
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice({ label: 'test/default', ...descriptor });
  watchErrors(device);
  return device;
}

function watchErrors(device: GPUDevice): void {
  device.addEventListener('uncapturederror', ({ error }) => {
    shared.errors.push(`${error.constructor.name}: ${error.message}`);
  });
}

/** Waits until the shared device has said all it has to say, then gives and forgets the uncaptured errors. */
export async function takeUncapturedErrors(): Promise<readonly string[]> {
  if (shared.device) {
    const device = await shared.device.catch(() => undefined);
    await device?.queue.onSubmittedWorkDone();
  }
  return shared.errors.splice(0);
}
