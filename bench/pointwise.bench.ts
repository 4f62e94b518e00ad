// Elementwise kernels at the size of relu1_1: ReLU, its gradient, a sum of two. Limited by memory; a program fuses the
// first two into convolutions, so that these are what fusion saves.

import { binary, unaryBackward, unaryForward, type Dispatch } from 'wgpu-style/kernels';
import type { Bench, Check, Step } from './harness/compare.ts';
import { everything } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/pointwise_naive.wgsl';

export async function benchPointwise({ device, side, compare }: Bench): Promise<void> {
  const shape = [side, side, 64];
  const count = side * side * 64;
  const buffers = new Buffers(device);
  try {
    const data = { a: seeded(count, 1), b: seeded(count, 2) };
    const a = buffers.make(shape, data.a);
    const b = buffers.make(shape, data.b);
    const result = buffers.make(shape);
    const rungs = (entryPoint: string, value: (a: number, b: number) => number, ours: Dispatch<GPUBuffer>): Step[] => {
      const expected = everything(data.a.map((x, i) => value(x, data.b[i]!)));
      const check: Check = { output: result, expected, tolerance: 1e-6 };
      const { cost } = ours;
      const launch = { name: 'pointwise_naive', code, entryPoint, inputs: [a, b], outputs: [result], params: [count] };
      return [
        { variant: `${entryPoint}, naive`, dispatches: [workshop({ ...launch, threads: count, cost })], cost, check },
        { variant: `${entryPoint}, ours`, dispatches: [ours], cost, check },
      ];
    };
    const relu = { op: 'relu', shape } as const;
    const sum = { op: 'blend', shape, a: 'same', b: 'same' } as const;
    await compare({ family: 'pointwise', name: `${side}x${side}x64` }, [
      ...rungs('relu', (x) => Math.max(x, 0), unaryForward(relu, { x: a, y: result })),
      ...rungs('gate', (x, dY) => (x > 0 ? dY : 0), unaryBackward(relu, { saved: a, dY: b, dX: result }, false)),
      ...rungs('blend', (x, y) => Math.fround(x + y), binary(sum, { a, b, y: result })),
    ]);
  } finally {
    buffers.destroy();
  }
}
