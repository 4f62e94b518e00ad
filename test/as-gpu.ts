// What a real GPU would run, run here: tests have a software adapter, which chooses other forms of the kernels.

import { testDevice } from './device.ts';

let made: GPUDevice | undefined;

/** The shared device, saying that it is a GPU without subgroups. */
export async function asGpu(): Promise<GPUDevice> {
  const device = await testDevice();
  const adapterInfo = { vendor: 'acme', architecture: 'gpu', device: '', description: 'a GPU' };
  made ??= new Proxy(device, {
    get(target, key): unknown {
      if (key === 'adapterInfo') return adapterInfo;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return made;
}
