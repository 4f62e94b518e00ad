// Every rung of every ladder computes what the float64 loops say, on this adapter; nothing is timed.

import { describe, expect, test } from 'vitest';
import { runBench } from '../../bench/bench.ts';
import { benchAt, type Check } from '../../bench/harness/compare.ts';
import { GpuClock } from '../../bench/harness/subjects.ts';
import { Buffers } from '../../bench/harness/values.ts';
import { workshop } from '../../bench/harness/workshop.ts';
import { FAMILIES } from '../../bench/request.ts';
import code from '../../bench/workshop/pointwise_naive.wgsl';
import { testDevice } from '../device.ts';

const KERNELS = FAMILIES.filter((family) => family !== 'step' && family !== 'forward');

describe('ladders', () => {
  // 20 is a multiple of nothing that kernels like, and odd after two halvings.
  test.each([16, 20])('all rungs agree with the oracle at %i px', async (side) => {
    const lines: string[] = [];
    const request = { families: KERNELS, sides: [side], seconds: 0 };
    const { rows, failed } = await runBench(await testDevice(), request, { print: (line) => lines.push(line) });
    expect(failed).toEqual([]);
    expect(rows).toEqual([]);
    expect(lines[0]).toMatch(/llvmpipe|swiftshader|adapter/i);
  });

  test('a rung that computes something else, or nothing, is refused', async () => {
    const device = await testDevice();
    const clock = new GpuClock(device);
    const buffers = new Buffers(device);
    const a = buffers.make([4], Float32Array.of(1, -2, 3, -4));
    const output = buffers.make([4]);
    const rung = (entryPoint: string, count: number) => {
      const cost = { flops: 0, bytes: 32 };
      const launch = { name: 'pointwise_naive', code, entryPoint, inputs: [a, a], outputs: [output], params: [count] };
      const check: Check = { output, expected: { indices: [0, 1, 2, 3], values: [1, 0, 3, 0] }, tolerance: 1e-6 };
      return { variant: entryPoint, dispatches: [workshop({ ...launch, threads: 4, cost })], cost, check };
    };
    const peak = { gflops: 0, gigabytesPerSecond: 0 };
    const { compare } = benchAt(16, { device, clock, seconds: 0, peak: () => peak, add: () => undefined, fail: () => undefined });
    const name = { family: 'pointwise', name: 'four' };
    await compare(name, [rung('relu', 4)]);
    await expect(compare(name, [rung('relu', 4), rung('blend', 4)])).rejects.toThrow(/pointwise four, blend: off by/);
    await expect(compare(name, [rung('relu', 3)])).rejects.toThrow('off by Infinity of the RMS');
    buffers.destroy();
    clock.destroy();
  });
});
