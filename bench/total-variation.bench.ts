// Total variation of the picture and its gradient. Limited by memory, and small beside the convolutions.

import { totalVariationBackward, totalVariationCost, totalVariationForward } from 'wgpu-style/kernels';
import { totalVariation, totalVariationBackward as oracleBackward } from '../test/oracle/total-variation.ts';
import type { Bench, Check } from './harness/compare.ts';
import { everything } from './harness/oracle.ts';
import { Buffers, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import code from './workshop/variation_naive.wgsl';

/** f32 sums of squares in any order. */
const TOLERANCE = 1e-4;

export async function benchTotalVariation({ device, side, compare }: Bench): Promise<void> {
  const shape = [side, side, 4] as const;
  const params = { shape, form: 'squared' } as const;
  const buffers = new Buffers(device);
  try {
    const picture = seeded(4 * side * side, 1);
    const x = buffers.make(shape, picture);
    const dY = buffers.make([4], Float32Array.of(0.5, 0, 0, 0));
    const y = buffers.make([4]);
    const dX = buffers.make(shape);
    const part = buffers.make([4 * Math.ceil(side / 4)]);
    const expected = everything([totalVariation(shape, 'squared', picture)]);
    const forward: Check = { output: y, expected, tolerance: TOLERANCE };
    const gradient = everything(oracleBackward(shape, 'squared', 0.5, picture));
    const backward: Check = { output: dX, expected: gradient, tolerance: TOLERANCE };
    const cost = totalVariationCost(params);
    const back = totalVariationBackward(params, { x, dY, dX }, false);
    const rung = (entryPoint: string, from: GPUBuffer, to: GPUBuffer, threads: number) => {
      const launch = { name: 'variation_naive', code, entryPoint, params: [side, side], threads };
      const { cost: costOf } = entryPoint === 'backward' ? back : { cost };
      return workshop({ ...launch, inputs: [from, dY], outputs: [to], cost: costOf });
    };
    const naive = [rung('partial', x, part, side), rung('finish', part, y, 1)];
    const naiveBack = rung('backward', x, dX, 4 * side * side);
    const ours = totalVariationForward(params, { x, y }, buffers.scratch);
    await compare({ family: 'variation', name: `${side}x${side}x4 squared` }, [
      { variant: 'forward, naive', dispatches: naive, cost, check: forward },
      { variant: 'forward, ours', dispatches: ours, cost, check: forward },
      { variant: 'backward, naive', dispatches: [naiveBack], cost: back.cost, check: backward },
      { variant: 'backward, ours', dispatches: [back], cost: back.cost, check: backward },
    ]);
  } finally {
    buffers.destroy();
  }
}
