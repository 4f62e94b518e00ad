// Sums to a scalar: the mean squared difference of two feature maps, as in the content loss. Limited by memory.

import { reduceBackward, reduceCost, reduceForward } from 'wgpu-style/kernels';
import { meanSquared, meanSquaredBackward } from '../test/oracle/reduce.ts';
import type { Bench, Check } from './harness/compare.ts';
import { everything } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/reduce_naive.wgsl';

/** f32 sums of up to 16,384 squares by one thread. */
const TOLERANCE = 1e-3;

export async function benchReduce({ device, side, compare }: Bench): Promise<void> {
  const n = Math.max(1, Math.floor(side / 4));
  const shape = [n, n, 256];
  const count = n * n * 256;
  const buffers = new Buffers(device);
  try {
    const data = { a: seeded(count, 1), b: seeded(count, 2) };
    const a = buffers.make(shape, data.a);
    const b = buffers.make(shape, data.b);
    const y = buffers.make([1]);
    const dY = buffers.make([4], Float32Array.of(1, 0, 0, 0));
    const dA = buffers.make(shape);
    const factor = 1 / count;
    const params = { op: 'squared differences', shape, factor } as const;
    const forward: Check = { output: y, expected: everything([meanSquared(data.a, data.b)]), tolerance: TOLERANCE };
    const gradient = everything(meanSquaredBackward(1, data.a, data.b));
    const backward: Check = { output: dA, expected: gradient, tolerance: 1e-5 };
    const cost = reduceCost(params);
    const launch = { name: 'reduce_naive', code, inputs: [a, b], outputs: [y], params: [count], floats: [factor], cost };
    const naive = workshop({ ...launch, threads: [1, 1, 1] });
    const ours = reduceForward(params, { a, b, y }, buffers.scratch);
    const back = reduceBackward(params, { a, b, dY, dA }, false);
    await compare({ family: 'reduce', name: `mean squared ${n}x${n}x256` }, [
      { variant: 'forward, one workgroup', dispatches: [naive], cost, check: forward },
      { variant: 'forward, ours', dispatches: ours, cost, check: forward },
      { variant: 'backward, ours', dispatches: [back], cost: back.cost, check: backward },
    ]);
  } finally {
    buffers.destroy();
  }
}
