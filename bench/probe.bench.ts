// The adapter's own limits: multiply-adds in registers, and a copy. Measured first; the other rows refer to it.

import { kernelTarget, Params, type Cost, type Dispatch } from 'wgpu-style/kernels';
import { dispatchWork, filled, type Bench } from './harness.ts';
import code from './probe.wgsl';

export async function benchProbe({ device, measure }: Bench): Promise<void> {
  const { software } = kernelTarget(device);
  const probe = async (entryPoint: string, count: number, steps: number, cost: Cost): Promise<void> => {
    const x = filled(device, [count, 4]);
    const y = filled(device, [count, 4]);
    const dispatch: Dispatch<GPUBuffer> = {
      label: entryPoint,
      shader: { name: 'probe', code },
      entryPoint,
      inputs: [x],
      outputs: [y],
      params: new Params().u32(count, steps),
      workgroups: [Math.min(count / 64, 32768), Math.ceil(count / 64 / 32768), 1],
      cost,
    };
    const work = await dispatchWork(device, [dispatch], cost, [x, y]);
    await measure('probe', entryPoint, '', work);
    work.destroy();
  };
  const threads = software ? 4096 : 2 ** 18;
  const steps = software ? 512 : 2048;
  const moved = software ? 2 ** 19 : 2 ** 23;
  await probe('fma_chains', threads, steps, { flops: 64 * threads * steps, bytes: 32 * threads });
  await probe('copy_vectors', moved, 0, { flops: 0, bytes: 32 * moved });
}
