// A device in Node, through Dawn (the npm package `webgpu`, an optional dependency that is loaded here and nowhere
// else): a real GPU if there is one, else a software adapter that is on the machine.

import { requestDeviceFrom, type DeviceRequest } from '../gpu/device.ts';
import { WgpuStyleError } from '../gpu/errors.ts';
import { adapterKind, adapterSentence, driverEnvironment, softwareDrivers } from './adapters.ts';
import { installNap } from './nap.ts';

/** Options of {@link requestDevice}. */
export interface NodeDeviceRequest extends DeviceRequest {
  /** Takes the sentence that says which adapter was taken; by default it goes to stderr, once in a process. */
  readonly log?: (message: string) => void;
}

/** What we need of the `webgpu` package. */
interface Dawn {
  create(options: string[]): GPU;
  readonly globals: Record<string, unknown> & Parameters<typeof installNap>[0];
}

/** The instance that gave the last device. */
let working: GPU | undefined;
/** Every instance made, held for good: Dawn crashes when one is collected under living objects. */
const instances = new Set<GPU>();
let hasPrinted = false;
/** The search before this one: each sets the environment for a while, so they go one after another. */
let searching: Promise<unknown> = Promise.resolve();

/**
 * Requests a device through Dawn, with limits negotiated upwards as in the browser. A real GPU comes first, then
 * whatever the Vulkan loader offers, then Mesa lavapipe, then the SwiftShader beside an installed Chrome or Chromium.
 * Also puts the WebGPU constants (`GPUBufferUsage`, …) on `globalThis` where they are missing, and makes waiting for
 * the GPU sleep instead of spin.
 *
 * @throws `no-webgpu` when the `webgpu` package is missing or cannot be loaded, `no-adapter` when nothing on this
 * machine gives a device, `limit-exceeded` when `requiredLimits` is more than the adapter has.
 */
export function requestDevice(options: NodeDeviceRequest = {}): Promise<GPUDevice> {
  const found = searching.then(() => search(options));
  searching = found.catch(() => undefined);
  return found;
}

async function search({ log = printOnce, ...request }: NodeDeviceRequest): Promise<GPUDevice> {
  const dawn = await loadDawn();
  let cause: unknown;
  for (const environment of [undefined, ...softwareDrivers().map(driverEnvironment)]) {
    try {
      const device = await withEnvironment(environment, () => deviceFrom(dawn, request));
      if (!device) continue;
      log(adapterSentence(device.adapterInfo));
      return device;
    } catch (error) {
      if (error instanceof WgpuStyleError && error.code === 'limit-exceeded') throw error;
      cause ??= error;
    }
  }
  throw new WgpuStyleError('no-adapter', {
    what: 'found no GPU, no Mesa lavapipe and no SwiftShader that gives a device',
    where: 'requestDevice',
    fix: 'Install a graphics driver, or Mesa 23 or newer (mesa-vulkan-drivers and libvulkan1 on Debian and Ubuntu), or Chrome',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A device of the instance that worked last time, else of a new one. */
async function deviceFrom(dawn: Dawn, request: DeviceRequest): Promise<GPUDevice | undefined> {
  const gpu = working ?? dawn.create([]);
  instances.add(gpu);
  const { powerPreference = 'high-performance' } = request;
  const adapter = await gpu.requestAdapter({ powerPreference });
  // Dawn's null backend accepts every call and computes nothing: tests would pass without running.
  if (!adapter || adapterKind(adapter.info) === 'null') return undefined;
  const device = await requestDeviceFrom(adapter, request);
  working = gpu;
  return device;
}

/**
 * Runs `work` with these environment variables, then puts the old ones back so that child processes do not inherit
 * them. The Vulkan loader reads the environment anew for each Dawn instance.
 */
async function withEnvironment<T>(
  environment: Readonly<Record<string, string>> | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!environment) return work();
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function loadDawn(): Promise<Dawn> {
  let dawn: Dawn;
  try {
    dawn = (await import('webgpu')) as unknown as Dawn;
  } catch (cause) {
    throw new WgpuStyleError('no-webgpu', {
      what: 'Node has no WebGPU by itself and the package "webgpu" (Dawn) could not be loaded',
      where: 'requestDevice',
      fix: 'Run "npm install webgpu", on Linux, macOS or Windows with an x64 or arm64 processor',
      cause,
    });
  }
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis)) Reflect.set(globalThis, name, value);
  }
  installNap(dawn.globals);
  return dawn;
}

/** Makes WebGPU's names (`GPUBufferUsage`, …) global, without asking for a device. */
export async function loadNames(): Promise<void> {
  if (!('GPUBufferUsage' in globalThis)) await loadDawn();
}

function printOnce(message: string): void {
  if (hasPrinted) return;
  hasPrinted = true;
  process.stderr.write(`${message}\n`);
}
