// 2x2 pooling at the shapes of VGG-19's first and third pool. Limited by memory: read GB/s beside the copy's.

import { poolBackward, poolForward, pooledShape, type Dispatch, type PoolParams } from 'wgpu-style/kernels';
import { dispatchWork, filled, type Bench } from './harness.ts';

/** Layer, by how much its side is smaller than the picture's, channels. */
const LAYERS = [
  ['pool1', 1, 64],
  ['pool3', 4, 256],
] as const;

export async function benchPool({ device, side, measure }: Bench): Promise<void> {
  for (const [layer, shrink, c] of LAYERS) {
    const n = Math.max(2, Math.floor(side / shrink));
    for (const kind of ['max', 'average'] as const) {
      const window = { size: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] } as const;
      const params: PoolParams = { kind, shape: [n, n, c], ...window, countPadding: false };
      const x = filled(device, params.shape);
      const dX = filled(device, params.shape);
      const y = filled(device, pooledShape(params));
      const dY = filled(device, pooledShape(params));
      const run = async (variant: string, dispatch: Dispatch<GPUBuffer>): Promise<void> => {
        const work = await dispatchWork(device, [dispatch], dispatch.cost, []);
        await measure('pool', `${layer} ${n}x${n}x${c}`, `${kind} ${variant}`, work);
        work.destroy();
      };
      await run('forward', poolForward(params, { x, y }));
      await run('backward', poolBackward(params, { x, y, dY, dX }, false));
      for (const buffer of [x, dX, y, dY]) buffer.destroy();
    }
  }
}
