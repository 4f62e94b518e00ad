// One Dawn device for the whole test process. GPU tests ask for it here; there is no way to skip: where no adapter is
// found, the suite fails (`npm test` installs one, see scripts/ensure-adapter.mjs).
//
// Errors that nobody captured make the running test fail (test/setup.ts), on whichever device they happen: every device
// of the process is listened to from its birth, also those that the library requests for itself.

import { requestDevice } from '../src/node/device.ts';

interface Shared {
  device?: Promise<GPUDevice>;
  /** Every device that was made, as long as somebody holds it. */
  readonly devices: Set<WeakRef<GPUDevice>>;
  readonly errors: string[];
  isWatching: boolean;
  /** Instances of Dawn crash when they are collected under living objects. */
  readonly instances: Set<GPU>;
}

// On globalThis, because a test runner may load this module more than once in a process.
const key = Symbol.for('wgpu-style.test.device');
const holder = globalThis as unknown as { [key]?: Shared };
const shared: Shared = (holder[key] ??= { devices: new Set(), errors: [], isWatching: false, instances: new Set() });

/** The shared device. */
export function testDevice(): Promise<GPUDevice> {
  shared.device ??= requestDevice({ label: 'test' });
  return shared.device;
}

/** Another device, for tests that lose or limit theirs; the test destroys it. */
export function freshDevice(): Promise<GPUDevice> {
  return requestDevice({ label: 'test/fresh', log: () => undefined });
}

/** A device as an app makes it that asks for nothing: default limits, no features. The test destroys it. */
export async function defaultDevice(descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> {
  await testDevice(); // puts the names of WebGPU in place, and says which adapter it is
  const { create } = await import('webgpu');
  const gpu = create([]);
  shared.instances.add(gpu);
  const adapter = await gpu.requestAdapter();
  return adapter!.requestDevice({ label: 'test/default', ...descriptor });
}

/** Listens to every device that Dawn makes from now on, whoever asks for it. */
export async function watchDevices(): Promise<void> {
  if (shared.isWatching) return;
  shared.isWatching = true;
  const dawn = (await import('webgpu').catch(() => undefined)) as { globals: { GPUAdapter: typeof GPUAdapter } } | undefined;
  const adapter = dawn?.globals.GPUAdapter.prototype;
  if (!adapter) return; // told by whoever needs a device
  const request = adapter.requestDevice;
  adapter.requestDevice = async function (this: GPUAdapter, ...descriptor) {
    const device = await request.apply(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => {
      shared.errors.push(`${error.constructor.name} on "${device.label}": ${error.message}`);
    });
    shared.devices.add(new WeakRef(device));
    return device;
  };
}

/** Waits until every device has said all it has to say, then gives and forgets the uncaptured errors. */
export async function takeUncapturedErrors(): Promise<readonly string[]> {
  for (const reference of shared.devices) {
    const device = reference.deref();
    if (!device) shared.devices.delete(reference);
    // A device that was lost or destroyed has nothing to say any more.
    else await device.queue.onSubmittedWorkDone().catch(() => shared.devices.delete(reference));
  }
  return shared.errors.splice(0);
}
