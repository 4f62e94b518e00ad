// The benchmarks on one device: what a page and the command line share. Prints a table as it goes and returns a report.

import { kernelTarget } from 'wgpu-style/kernels';
import { benchConv2d } from './conv2d.bench.ts';
import { benchGram } from './gram.bench.ts';
import { benchAt, type Bench } from './harness/compare.ts';
import { peakOf, type Row } from './harness/rows.ts';
import { clockStep } from './harness/statistics.ts';
import { GpuClock } from './harness/subjects.ts';
import { lineOf, TABLE_HEAD } from './harness/table.ts';
import { benchMatmul } from './matmul.bench.ts';
import { benchOptim } from './optim.bench.ts';
import { benchPeers } from './peers.bench.ts';
import type { Peer } from './peers/contestant.ts';
import { benchPointwise } from './pointwise.bench.ts';
import { benchPool } from './pool.bench.ts';
import { benchProbe } from './probe.bench.ts';
import { benchReduce } from './reduce.bench.ts';
import { adapterLine, type BenchReport } from './report/report.ts';
import { Budget, DEFAULT_REQUEST, sidesFor, type BenchRequest, type Family } from './request.ts';
import { benchForward, benchStep } from './step.bench.ts';
import { benchTotalVariation } from './total-variation.bench.ts';

/** What a caller may bring along. */
export interface BenchSurroundings {
  /** Gets each line of the table. */
  readonly print?: (line: string) => void;
  /** Other libraries, for the family `peers`; loaded by the caller, so that nothing here depends on them. */
  readonly peers?: readonly Peer[];
}

const KERNELS: Readonly<Partial<Record<Family, (bench: Bench) => Promise<void>>>> = {
  conv2d: benchConv2d,
  matmul: benchMatmul,
  gram: benchGram,
  pool: benchPool,
  reduce: benchReduce,
  variation: benchTotalVariation,
  pointwise: benchPointwise,
  optim: benchOptim,
};

/** Runs the benchmarks that `request` names; the device is the caller's. */
export async function runBench(
  device: GPUDevice,
  request: Partial<BenchRequest> = {},
  { print = console.log, peers = [] }: BenchSurroundings = {},
): Promise<BenchReport> {
  const { families, sides: wanted, seconds, minutes, pooling, slim } = { ...DEFAULT_REQUEST, ...request };
  const { software: isSoftware } = kernelTarget(device);
  const sides = [...(wanted.length > 0 ? wanted : sidesFor(isSoftware))].sort((a, b) => a - b);
  const clock = new GpuClock(device);
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    print(lineOf(row));
  };
  const budget = new Budget(minutes);
  const fail = (what: string, error: unknown): void => budget.fail(what, error);
  const recorder = { device, clock, seconds, peak: () => peakOf(rows), add, fail };
  const { vendor, architecture, device: name, description, subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const adapter = { vendor, architecture, device: name, description };
  const wallStep = clockStep(() => performance.now());
  print(adapterLine({ adapter, isSoftware }));
  const ofKernels = clock.hasTimestamps ? 'timestamps' : 'wall time';
  print(`Kernels by ${ofKernels}, iterations by wall time in steps of ${wallStep.toFixed(3)} ms.`);
  print(TABLE_HEAD);

  try {
    const largest = sides.at(-1)!;
    await budget.run('probe', largest, () => benchProbe(benchAt(largest, recorder)));
    for (const family of families) {
      const kernels = KERNELS[family];
      if (kernels) await budget.run(family, largest, () => kernels(benchAt(largest, recorder)));
    }
    for (const side of sides) {
      const bench = benchAt(side, recorder);
      if (families.includes('step')) await budget.run('step', side, () => benchStep(bench, pooling));
      if (families.includes('forward')) await budget.run('forward', side, () => benchForward(bench, pooling));
      if (families.includes('peers')) await budget.run('peers', side, () => benchPeers(bench, peers, { pooling, slim }));
    }
  } finally {
    clock.destroy();
  }
  for (const { what, why } of budget.skipped) print(`Skipped ${what}: ${why}.`);
  for (const { what, why } of budget.failed) print(`FAILED ${what}: ${why}`);
  const quantum = clock.quantum;
  if (quantum !== undefined) print(`Timestamps came in steps of ${quantum} ns.`);
  return {
    adapter,
    isSoftware,
    features: [...device.features].sort(),
    subgroups: subgroupMinSize === undefined ? undefined : [subgroupMinSize, subgroupMaxSize],
    clocks: {
      hasTimestamps: clock.hasTimestamps,
      quantum: quantum === undefined ? undefined : Number(quantum),
      wallStep,
    },
    peers: Object.fromEntries(peers.map(({ name, version }) => [name, version])),
    rows,
    skipped: budget.skipped,
    failed: budget.failed,
  };
}
