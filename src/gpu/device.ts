// Getting a device, and asking for as much of it as there is. A caller's own device is never touched here.

import { WgpuStyleError } from './errors.ts';
import { host, type DeviceRequest } from './host.ts';

export type { DeviceRequest } from './host.ts';

/** Features that speed things up where they exist; nothing depends on them. */
const OPTIONAL_FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/** Limits that are worth having higher than the default: they decide which sizes fit. */
const RAISED_LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxStorageBuffersPerShaderStage',
  'maxTextureDimension2D',
] as const;

/**
 * Requests a device with the adapter's own limits and the optional features it has.
 *
 * @throws `no-webgpu` where the platform has none, `no-adapter` where no adapter answers or a limit is out of reach.
 */
export async function requestDevice(request: DeviceRequest = {}): Promise<GPUDevice> {
  const gpu = typeof navigator === 'undefined' ? undefined : navigator.gpu;
  if (!gpu) {
    if (host.requestDevice) return host.requestDevice(request);
    throw new WgpuStyleError('no-webgpu', {
      what: 'this platform has no WebGPU',
      where: 'requestDevice',
      fix: 'Use Chrome 113, Safari 26 or Firefox 141 or newer over https or localhost, or import wgpu-style/node in Node',
    });
  }
  const adapter = await gpu.requestAdapter({
    powerPreference: request.powerPreference ?? 'high-performance',
  });
  if (!adapter) {
    throw new WgpuStyleError('no-adapter', {
      what: 'WebGPU is present but no adapter answered',
      where: 'requestDevice',
      fix: 'Enable hardware acceleration, update the graphics driver, or start Chrome with --enable-unsafe-webgpu',
    });
  }
  return requestDeviceFrom(adapter, request);
}

/**
 * Requests a device from `adapter`, limits negotiated upwards: each of {@link RAISED_LIMITS} at the adapter's maximum.
 *
 * @throws `limit-exceeded` when `requiredLimits` asks for more than the adapter has, `no-adapter` when it refuses.
 */
export async function requestDeviceFrom(
  adapter: GPUAdapter,
  request: DeviceRequest = {},
): Promise<GPUDevice> {
  const limits: Record<string, number> = {};
  for (const name of RAISED_LIMITS) limits[name] = adapter.limits[name];
  for (const [name, needed] of Object.entries(request.requiredLimits ?? {})) {
    const had = (adapter.limits as unknown as Record<string, number | undefined>)[name];
    if (had === undefined || had < needed) {
      throw new WgpuStyleError('limit-exceeded', {
        what: `the adapter's ${name} is ${had ?? 'unknown'}, needed ${needed}`,
        where: 'requestDevice',
        fix: 'Ask for a smaller size, or use another adapter',
      });
    }
    limits[name] = Math.max(needed, limits[name] ?? 0);
  }
  try {
    return await adapter.requestDevice({
      label: request.label ?? 'wgpu-style',
      requiredFeatures: [...new Set([...requiredFeatures(adapter), ...(request.requiredFeatures ?? [])])],
      requiredLimits: limits,
    });
  } catch (cause) {
    throw new WgpuStyleError('no-adapter', {
      what: `the adapter refused a device: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: 'requestDevice',
      fix: 'Leave out the features that it lacks, or take a fresh adapter',
      cause,
    });
  }
}

/**
 * The features to ask of `adapter` for a device of one's own: those it has of the ones that make runs faster or better measured.
 * None is needed: without an adapter the answer is an empty list.
 */
export function requiredFeatures(adapter?: Pick<GPUAdapter, 'features'>): GPUFeatureName[] {
  return OPTIONAL_FEATURES.filter((feature) => adapter?.features.has(feature));
}

/** Vendor, architecture and description of the device's adapter, as far as the platform tells. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
}

/** Which adapter a device came from. */
export function describeAdapter(device: GPUDevice): AdapterDescription {
  const { vendor = '', architecture = '', description = '' } = device.adapterInfo ?? {};
  return { vendor, architecture, description };
}

/**
 * True for adapters that run shaders on the CPU (Mesa lavapipe, SwiftShader, WARP). They want other kernels: no
 * workgroup memory, no barriers, long runs of registers.
 */
export function isSoftwareAdapter(device: GPUDevice): boolean {
  const { vendor, architecture, description } = describeAdapter(device);
  return /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(
    `${vendor} ${architecture} ${description}`,
  );
}

/** Whether the device is lost, now or within a moment: what fails on it may fail before the loss is told. */
export async function isLost(device: GPUDevice): Promise<boolean> {
  const aMoment = new Promise<false>((resolve) => setTimeout(() => resolve(false), 50));
  return Promise.race([device.lost.then(() => true), aMoment]);
}
