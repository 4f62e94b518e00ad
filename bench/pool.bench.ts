// 2x2 pooling at the shapes of VGG-19's first and third pool, forward and backward. Limited by memory: read GB/s beside
// the copy's.

import { poolBackward, poolForward, pooledShape, type Dispatch, type PoolParams } from 'wgpu-style/kernels';
import type { Bench, Check } from './harness/compare.ts';
import { pooling } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/pool_naive.wgsl';

/** Layer, by how much its side is smaller than the picture's, channels. */
const LAYERS = [
  ['pool1', 1, 64],
  ['pool3', 4, 256],
] as const;

/** Three additions in f32. */
const TOLERANCE = 1e-6;

export async function benchPool({ device, side, compare }: Bench): Promise<void> {
  for (const [layer, shrink, c] of LAYERS) {
    const n = Math.max(2, 2 * Math.floor(side / shrink / 2));
    for (const kind of ['max', 'average'] as const) {
      const window = { size: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] } as const;
      const params: PoolParams = { kind, shape: [n, n, c], ...window, countPadding: false };
      const buffers = new Buffers(device);
      try {
        const image = { side: n, c, data: seeded(n * n * c, 1) };
        const gradient = seeded((n * n * c) / 4, 2);
        const x = buffers.make(params.shape, image.data);
        const dY = buffers.make(pooledShape(params), gradient);
        const y = buffers.make(pooledShape(params));
        const dX = buffers.make(params.shape);
        const forward: Check = { output: y, expected: pooling(kind, image), tolerance: TOLERANCE };
        const backward: Check = { output: dX, expected: pooling(kind, image, gradient), tolerance: TOLERANCE };
        const onward = poolForward(params, { x, y });
        // The maximum's gradient reads y too: it has to be there.
        const back = poolBackward(params, { x, y, dY, dX }, false);
        const launch = { name: 'pool_naive', code, params: [n, n, c, kind === 'average' ? 1 : 0] };
        const rung = (entryPoint: string, output: GPUBuffer, threads: number, { cost }: Dispatch<GPUBuffer>) =>
          workshop({ ...launch, entryPoint, inputs: [x, dY], outputs: [output], threads, cost });
        const naive = rung('forward', y, (n * n * c) / 4, onward);
        const naiveBack = rung('backward', dX, n * n * c, back);
        await compare({ family: 'pool', name: `${layer} ${n}x${n}x${c} ${kind}` }, [
          { variant: 'forward, naive', dispatches: [naive], cost: onward.cost, check: forward },
          { variant: 'forward, ours', dispatches: [onward], cost: onward.cost, check: forward },
          { variant: 'backward, naive', dispatches: [naiveBack], cost: back.cost, check: backward },
          { variant: 'backward, ours', dispatches: [back], cost: back.cost, check: backward },
        ]);
      } finally {
        buffers.destroy();
      }
    }
  }
}
