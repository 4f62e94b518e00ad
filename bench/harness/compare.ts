// Steps of a ladder side by side: each is first run once and its output held against float64 values, then all are timed
// in turns. A step that computes something else never gets a row.

import type { Cost, Dispatch } from 'wgpu-style/kernels';
import { largestError, type Samples } from './oracle.ts';
import { rowOf, type Descent, type Peak, type Row, type RowName } from './rows.ts';
import { sampleInTurns, type Subject } from './sampling.ts';
import type { GpuClock, GpuSubject } from './subjects.ts';
import { readFloats } from './values.ts';

/** What a step must compute. Steps with the same check are rungs of one ladder. */
export interface Check {
  readonly output: GPUBuffer;
  readonly expected: Samples;
  /** Largest difference over the RMS of the expected values. */
  readonly tolerance: number;
}

/** One way to compute something. */
export interface Step {
  readonly variant: string;
  readonly dispatches: readonly Dispatch<GPUBuffer>[];
  readonly cost: Cost;
  readonly check: Check;
}

/** Something to time, as a row. */
export interface Entry extends Omit<RowName, 'side'> {
  readonly subject: Subject;
  readonly cost: Cost;
  readonly error?: number;
  readonly facts?: NonNullable<Row['facts']>;
  readonly descent?: Descent;
}

/** What a family of benchmarks gets. */
export interface Bench {
  readonly device: GPUDevice;
  readonly clock: GpuClock;
  /** Side of the picture in pixels; a family derives its shapes from it. */
  readonly side: number;
  /** Notes that something went wrong; the run goes on without it. */
  readonly fail: (what: string, error: unknown) => void;
  /** Checks the steps, then times them in turns. */
  readonly compare: (name: Omit<RowName, 'variant' | 'side'>, steps: readonly Step[]) => Promise<void>;
  /** Times entries in turns, and adds their rows as `finish` leaves them. */
  readonly measure: (entries: readonly Entry[], finish?: (rows: readonly Row[]) => readonly Row[]) => Promise<void>;
}

/** How rows are made and where they go. */
export interface Recorder {
  readonly device: GPUDevice;
  readonly clock: GpuClock;
  /** Seconds of sampling for one row; 0 checks without timing. */
  readonly seconds: number;
  readonly peak: () => Peak;
  readonly add: (row: Row) => void;
  readonly fail: Bench['fail'];
}

/** The bench of one side. */
export function benchAt(side: number, { device, clock, seconds, peak, add, fail }: Recorder): Bench {
  const measure: Bench['measure'] = async (entries, finish = (rows) => rows) => {
    if (seconds === 0) return;
    const samplings = await sampleInTurns(entries.map(({ subject }) => subject), { seconds });
    const rows = entries.map(({ family, name, variant, cost, subject: _, ...known }, i): Row => {
      return { ...rowOf({ family, name, variant, side }, cost, samplings[i]!, peak()), ...known };
    });
    finish(rows).forEach(add);
  };
  const compare: Bench['compare'] = async (name, steps) => {
    const prepared: Prepared[] = [];
    try {
      for (const step of steps) prepared.push(await prepare({ device, clock }, `${name.family} ${name.name}`, step));
      const entries = prepared.map(({ subject, error }, i) => {
        const { variant, cost } = steps[i]!;
        return { ...name, variant, cost, subject, error };
      });
      await measure(entries, (rows) =>
        rows.map((row, i) => {
          const first = steps.findIndex(({ check }) => check === steps[i]!.check);
          return first === i ? row : { ...row, speedup: rows[first]!.milliseconds / row.milliseconds };
        }),
      );
    } finally {
      for (const { subject } of prepared) subject.destroy();
    }
  };
  return { device, clock, side, fail, measure, compare };
}

interface Prepared {
  readonly subject: GpuSubject;
  readonly error: number;
}

async function prepare(
  { device, clock }: Pick<Recorder, 'device' | 'clock'>,
  what: string,
  { variant, dispatches, check: { output, expected, tolerance } }: Step,
): Promise<Prepared> {
  const subject = await clock.dispatches(dispatches);
  // Nothing that another step left there may pass for this one's result.
  device.queue.writeBuffer(output, 0, new Float32Array(output.size / 4).fill(NaN));
  await subject.time(1);
  const error = largestError(await readFloats(device, output), expected);
  if (error <= tolerance) return { subject, error };
  subject.destroy();
  throw new Error(`${what}, ${variant}: off by ${error} of the RMS, at most ${tolerance} is right`);
}
