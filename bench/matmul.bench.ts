// Matrix products: a square one, and the shape of a 1x1 convolution (many rows, few columns).

import { kernelTarget, matmul, matmulCost, matmulVariant, type MatmulVariant } from 'wgpu-style/kernels';
import type { Bench, Check } from './harness/compare.ts';
import { product } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/matmul_naive.wgsl';

/** f32 sums of up to 1,024 products in any order. */
const TOLERANCE = 1e-4;

export async function benchMatmul({ device, side, compare }: Bench): Promise<void> {
  const target = kernelTarget(device);
  const square = Math.min(1024, 4 * side);
  const shapes = [
    { m: square, n: square, k: square },
    { m: side * side, n: 64, k: 64 },
  ];
  for (const { m, n, k } of shapes) {
    const buffers = new Buffers(device);
    try {
      const data = { a: seeded(m * k, 1), b: seeded(k * n, 2) };
      const a = buffers.make([m, k], data.a);
      const b = buffers.make([k, n], data.b);
      const c = buffers.make([m, n]);
      const check: Check = { output: c, expected: product(m, n, k, data.a, data.b), tolerance: TOLERANCE };
      const cost = matmulCost({ m, n, k });
      const first = { name: 'matmul_naive', code, inputs: [a, b], outputs: [c], params: [m, n, k], cost };
      const rung = (variant: string, threads: number | readonly [number, number, number]) => ({
        variant,
        dispatches: [workshop({ ...first, entryPoint: variant, threads })],
        cost,
        check,
      });
      const chosen = matmulVariant({ m, n, k }, target);
      const others = (['tiled', 'registers'] as const).filter((variant) => variant !== chosen);
      const by = (variant: MatmulVariant) => matmul({ m, n, k }, { a, b, c }, target, false, buffers.scratch, variant);
      await compare({ family: 'matmul', name: `${m}x${k} * ${k}x${n}` }, [
        rung('naive', m * n),
        rung('tiled', [Math.ceil(n / 16), Math.ceil(m / 16), 1]),
        ...others.map((variant) => ({ variant: `not: ${variant}`, dispatches: by(variant), cost, check })),
        { variant: `ours: ${chosen}`, dispatches: by(chosen), cost, check },
      ]);
    } finally {
      buffers.destroy();
    }
  }
}
