// Every family on one device: bundled by run.mjs for a page or for Node.

import { kernelTarget } from 'wgpu-style/kernels';
import { benchConv2d } from './conv2d.bench.ts';
import { benchGram } from './gram.bench.ts';
import { Clock, rowOf, type Bench, type Row } from './harness.ts';
import { benchPool } from './pool.bench.ts';
import { benchProbe } from './probe.bench.ts';
import { benchStep } from './step.bench.ts';

const FAMILIES: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  conv2d: benchConv2d,
  gram: benchGram,
  pool: benchPool,
  step: benchStep,
};

/** What to measure. */
export interface BenchRequest {
  /** Names of families; all when empty. */
  readonly families: readonly string[];
  /** Side of the picture; 0 takes 512 on a GPU and 32 on the CPU. */
  readonly side: number;
  /** Measure software adapters too. */
  readonly software: boolean;
  /** Sampling of one row stops after this many seconds. */
  readonly secondsPerRow: number;
  /** Gets each line of the table. */
  readonly print: (line: string) => void;
}

/** What was measured, on what. */
export interface BenchReport {
  readonly adapter: { readonly vendor: string; readonly architecture: string; readonly description: string };
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly side: number;
  readonly rows: readonly Row[];
}

/** Runs the benchmarks; rejects on a software adapter unless asked for it, before anything is measured. */
export async function runBench(
  device: GPUDevice,
  { families, side: wanted, software, secondsPerRow, print }: BenchRequest,
): Promise<BenchReport> {
  const unknown = families.find((family) => !(family in FAMILIES));
  if (unknown !== undefined) throw new Error(`there is no family ${unknown}: ${Object.keys(FAMILIES).join(', ')}`);
  const { vendor, architecture, description } = device.adapterInfo;
  const { software: isSoftware } = kernelTarget(device);
  const named = [vendor, architecture, description].filter(Boolean).join(', ');
  if (isSoftware && !software) {
    const fix = 'its figures say nothing of a GPU. Give --software to see them';
    throw new Error(`the adapter is software on the CPU (${named}); ${fix}`);
  }
  const side = wanted || (isSoftware ? 32 : 512);
  print(`${isSoftware ? 'SOFTWARE ADAPTER, on the CPU' : 'Adapter'}: ${named}; pictures of ${side}x${side}`);
  const clockName = device.features.has('timestamp-query') ? 'timestamps' : 'wall time';
  print(`Kernels are timed by ${clockName}, iterations by wall time.`);
  print(HEADER);
  const rows: Row[] = [];
  const clock = new Clock(device, secondsPerRow);
  const bench: Bench = {
    device,
    side,
    measure: async (family, name, variant, work) => {
      const peak = rows.find((row) => row.name === 'fma_chains')?.gflops;
      const row = rowOf({ family, name, variant }, work.cost, await clock.samples(work), peak);
      rows.push(row);
      print(lineOf(row));
      return row;
    },
  };
  await benchProbe(bench);
  for (const family of families.length > 0 ? families : Object.keys(FAMILIES)) await FAMILIES[family]!(bench);
  const features = [...device.features].sort();
  clock.destroy();
  return { adapter: { vendor, architecture, description }, isSoftware, features, side, rows };
}

const HEADER: string = [
  'family'.padEnd(8),
  'what'.padEnd(26),
  'variant'.padEnd(24),
  ...['ms', '± iqr', 'GFLOP/s', 'GB/s', '% peak'].map((title) => title.padStart(10)),
].join(' ');

function lineOf(row: Row): string {
  const { milliseconds, spread, gflops, gigabytesPerSecond, ofPeak } = row;
  const numbers = [
    milliseconds.toFixed(3),
    spread.toFixed(3),
    gflops > 0 ? gflops.toFixed(2) : '-',
    gigabytesPerSecond.toFixed(2),
    ofPeak === undefined ? '-' : (100 * ofPeak).toFixed(1),
  ];
  const words = [row.family.padEnd(8), row.name.padEnd(26), row.variant.padEnd(24)];
  return [...words, ...numbers.map((number) => number.padStart(10))].join(' ');
}
