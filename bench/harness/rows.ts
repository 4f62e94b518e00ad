// One line of the table, and what makes it: samples and the cost of one repetition.

import type { Cost } from 'wgpu-style/kernels';
import type { ClockName, Sampling } from './sampling.ts';
import { summarize } from './statistics.ts';

/** What a row is about. */
export interface RowName {
  readonly family: string;
  /** Which layer, shape or network. */
  readonly name: string;
  /** Which kernel or library, where there are several. */
  readonly variant: string;
  /** Side of the picture in pixels. */
  readonly side: number;
}

/** One line of the table, and one entry of the JSON. */
export interface Row extends RowName {
  /** Median of one repetition. */
  readonly milliseconds: number;
  /** Interquartile range in milliseconds. */
  readonly spread: number;
  readonly fastest: number;
  readonly samples: number;
  /** Samples that were not positive. */
  readonly dropped: number;
  readonly clock: ClockName;
  /** A multiply-add counts 2; only the arithmetic that the formula needs counts. */
  readonly gflops: number;
  /** Every input and output byte once. */
  readonly gigabytesPerSecond: number;
  /** Of the adapter's measured multiply-add peak, 0 to 1. */
  readonly ofPeak?: number;
  /** Of the adapter's measured copy, 0 to 1. */
  readonly ofCopy?: number;
  /** How many times as fast as the first of the rows that it is compared with. */
  readonly speedup?: number;
  /** Largest difference from the float64 oracle over the RMS of its values. */
  readonly error?: number;
  /** What else is known: dispatches, bytes, losses. */
  readonly facts?: Readonly<Record<string, number | string>>;
  /** Terms of the loss before the first update and after three: what makes contestants comparable. */
  readonly descent?: Descent;
}

/** Weighted terms of the loss. */
export interface Terms {
  readonly content: number;
  readonly style: number;
  readonly tv: number;
}

/** Where a contestant's loss began and where three updates took it. */
export interface Descent {
  readonly before: Terms;
  readonly after: Terms;
}

/** The adapter's own limits, as its probes measured them; zeros before. */
export interface Peak {
  readonly gflops: number;
  readonly gigabytesPerSecond: number;
}

/** A samplings' row. A limit that is not known yet, and arithmetic that there is not, give no share of it. */
export function rowOf(name: RowName, { flops, bytes }: Cost, sampling: Sampling, peak: Peak): Row {
  const { median, spread, fastest, samples } = summarize(sampling.values);
  if (samples === 0) {
    throw new Error(`${name.family} ${name.name} ${name.variant}: no sample of ${sampling.dropped} was above 0`);
  }
  const gflops = flops / median / 1e6;
  const gigabytesPerSecond = bytes / median / 1e6;
  return {
    ...name,
    milliseconds: median,
    spread,
    fastest,
    samples,
    dropped: sampling.dropped,
    clock: sampling.clock,
    gflops,
    gigabytesPerSecond,
    ...(peak.gflops > 0 && flops > 0 && { ofPeak: gflops / peak.gflops }),
    ...(peak.gigabytesPerSecond > 0 && bytes > 0 && { ofCopy: gigabytesPerSecond / peak.gigabytesPerSecond }),
  };
}

/** The best that the probes' shaders show; what the queue copies by itself is no measure for kernels. */
export function peakOf(rows: readonly Row[]): Peak {
  const probes = rows.filter(({ family }) => family === 'probe');
  const copies = probes.filter(({ gflops, variant }) => gflops === 0 && variant.startsWith('copy_'));
  return {
    gflops: Math.max(0, ...probes.map(({ gflops }) => gflops)),
    gigabytesPerSecond: Math.max(0, ...copies.map((row) => row.gigabytesPerSecond)),
  };
}
