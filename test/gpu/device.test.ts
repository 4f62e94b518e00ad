// Devices: limits negotiated upwards, refusals with a code, software adapters told apart.

import { afterEach, describe, expect, it } from 'vitest';
import { describeAdapter, isSoftwareAdapter, requestDevice, requestDeviceFrom } from '../../src/gpu/device.ts';
import { host } from '../../src/gpu/host.ts';
import { testDevice } from '../device.ts';

/** An adapter with the numbers of our choice, which remembers what it was asked for. */
function adapter(limits: Record<string, number>, features: string[] = [], refuses = false): GPUAdapter & { asked: GPUDeviceDescriptor[] } {
  const asked: GPUDeviceDescriptor[] = [];
  const answer = (descriptor: GPUDeviceDescriptor): Promise<GPUDevice> => {
    asked.push(descriptor);
    return refuses ? Promise.reject(new Error('consumed')) : Promise.resolve({} as GPUDevice);
  };
  return { limits, features: new Set(features), requestDevice: answer, asked } as unknown as GPUAdapter & { asked: GPUDeviceDescriptor[] };
}

describe('requestDeviceFrom', () => {
  it("asks for the adapter's own limits and the optional features that it has", async () => {
    const one = adapter({ maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 }, ['subgroups', 'depth-clip-control']);
    await requestDeviceFrom(one, { label: 'mine' });
    expect(one.asked[0]).toMatchObject({
      label: 'mine',
      requiredFeatures: ['subgroups'],
      requiredLimits: { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 31 },
    });
  });

  it('says which limit is out of reach before asking', async () => {
    const one = adapter({ maxBufferSize: 1024 });
    await expect(requestDeviceFrom(one, { requiredLimits: { maxBufferSize: 4096 } })).rejects.toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringContaining("the adapter's maxBufferSize is 1024, needed 4096"),
    });
    expect(one.asked).toHaveLength(0);
  });

  it('turns a refusal into `no-adapter` with the reason', async () => {
    await expect(requestDeviceFrom(adapter({}, [], true))).rejects.toMatchObject({
      code: 'no-adapter',
      message: expect.stringContaining('consumed'),
    });
  });
});

describe('requestDevice', () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const hosted = host.requestDevice;
  const setNavigator = (value: unknown): void => {
    Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true });
  };
  afterEach(() => {
    if (own) Object.defineProperty(globalThis, 'navigator', own);
    else Reflect.deleteProperty(globalThis, 'navigator');
    delete host.requestDevice;
    if (hosted) host.requestDevice = hosted;
  });

  it('rejects with `no-webgpu` where the platform has none', async () => {
    setNavigator({});
    delete host.requestDevice;
    await expect(requestDevice()).rejects.toMatchObject({ code: 'no-webgpu', fix: expect.stringContaining('wgpu-style/node') });
  });

  it('rejects with `no-adapter` where none answers', async () => {
    setNavigator({ gpu: { requestAdapter: () => Promise.resolve(null) } });
    await expect(requestDevice()).rejects.toMatchObject({ code: 'no-adapter' });
  });

  it('asks the host where there is no navigator.gpu', async () => {
    setNavigator(undefined);
    const device = {} as GPUDevice;
    const asked: unknown[] = [];
    host.requestDevice = (request) => {
      asked.push(request);
      return Promise.resolve(device);
    };
    expect(await requestDevice({ label: 'mine' })).toBe(device);
    expect(asked).toEqual([{ label: 'mine' }]);
  });
});

describe('adapters', () => {
  it('are described, and software ones recognised', async () => {
    const device = (vendor: string, architecture: string, description = ''): GPUDevice =>
      ({ adapterInfo: { vendor, architecture, description } }) as GPUDevice;
    expect(isSoftwareAdapter(device('google', 'swiftshader'))).toBe(true);
    expect(isSoftwareAdapter(device('mesa', '', 'llvmpipe (LLVM 15.0.6, 256 bits)'))).toBe(true);
    expect(isSoftwareAdapter(device('microsoft', 'warp'))).toBe(true);
    expect(isSoftwareAdapter(device('nvidia', 'hopper', 'NVIDIA H200'))).toBe(false);
    expect(isSoftwareAdapter(device('apple', 'metal-3'))).toBe(false);
    expect(describeAdapter({} as GPUDevice)).toEqual({ vendor: '', architecture: '', description: '' });
    expect(Object.keys(describeAdapter(await testDevice()))).toEqual(['vendor', 'architecture', 'description']);
  });
});
