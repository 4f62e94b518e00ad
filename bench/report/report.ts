// What a run has to say: the JSON in bench/results.

import type { Row } from '../harness/rows.ts';
import type { Missing } from '../request.ts';

/** What was measured, on which adapter. */
export interface BenchReport {
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
  };
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly subgroups: readonly [number, number] | undefined;
  readonly clocks: {
    /** Whether kernels are timed by the GPU's timestamps. */
    readonly hasTimestamps: boolean;
    /** Steps of the timestamps in nanoseconds, as seen. */
    readonly quantum: number | undefined;
    /** Smallest step of the wall clock in milliseconds. */
    readonly wallStep: number;
  };
  /** Versions of the libraries beside ours. */
  readonly peers: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  /** What there was no time for. */
  readonly skipped: readonly Missing[];
  /** What went wrong: kernels or peers that compute something else, or nothing. */
  readonly failed: readonly Missing[];
}

/** What the host knows of the machine. */
export interface Machine {
  readonly version: string;
  readonly date: string;
  /** Browser or Node, with its version. */
  readonly host: string;
  readonly command: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Mean number of running processes over 1, 5 and 15 minutes, when the run ended. */
  readonly load: readonly number[];
  readonly note: string;
}

/** A file of bench/results. */
export type ResultFile = Machine & BenchReport;

/** `mesa-llvmpipe`: the adapter in words that a file name can have. */
export function adapterWords({ vendor, architecture, description }: BenchReport['adapter']): string {
  // Mesa calls lavapipe's architecture "software"; its description begins with a better word.
  const model = architecture && architecture !== 'software' ? architecture : description.split(/[:(,]/)[0]!;
  return `${vendor} ${model}`.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'unknown';
}

/** `2026-11-24-mesa-llvmpipe-node-peers`: date, adapter, where it ran, what was asked for. */
export function resultName(
  { date, adapter }: Pick<ResultFile, 'date' | 'adapter'>,
  isNode: boolean,
  families: readonly string[],
): string {
  return [date.slice(0, 10), adapterWords(adapter), ...(isNode ? ['node'] : []), ...families].join('-');
}

/** What a reader of a software adapter's figures must know. */
export const SOFTWARE_WARNING = 'SOFTWARE ADAPTER, on the CPU: says nothing of a GPU';

/** The adapter's own words for itself. */
export function adapterName({ vendor, architecture, device, description }: BenchReport['adapter']): string {
  return [vendor, architecture, description || device].filter(Boolean).join(', ') || 'unnamed';
}

/** The adapter in one line; a software adapter cannot be overlooked. */
export function adapterLine({ adapter, isSoftware }: Pick<BenchReport, 'adapter' | 'isSoftware'>): string {
  return `${isSoftware ? SOFTWARE_WARNING : 'Adapter'}: ${adapterName(adapter)}`;
}
