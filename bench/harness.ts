// How everything here is measured. The words:
//   work      something that can be recorded `count` times in a row: dispatches in one pass, or whole iterations
//   sample    milliseconds of one repetition, from a submit long enough (SHORTEST) to be told from noise
//   row       the median of a work's samples with its interquartile range, and what that makes in GFLOP/s and GB/s
//
// Timestamps at the ends of the pass where the device has them; else wall time until the queue is done, of 2N
// repetitions less that of N, which takes the fixed cost of a submit out. Order A, B, B, A, because clocks drift.

import { Sequence, bytesOf, type Cost, type Dispatch, type Shape } from 'wgpu-style/kernels';

/** A submit lasts at least this many milliseconds. */
const SHORTEST = 10;

/** Something to measure. */
export interface Work {
  readonly cost: Cost;
  /** Records `count` repetitions; `writes` are timestamps for a single pass, which only some works can take. */
  record(encoder: GPUCommandEncoder, count: number, writes?: GPUComputePassTimestampWrites): void;
  readonly takesTimestamps: boolean;
  destroy(): void;
}

/** One line of the table. */
export interface Row {
  readonly family: string;
  readonly name: string;
  /** Which kernel, where there are several. */
  readonly variant: string;
  readonly milliseconds: number;
  /** Interquartile range in milliseconds. */
  readonly spread: number;
  readonly samples: number;
  readonly clock: 'timestamps' | 'wall';
  readonly gflops: number;
  readonly gigabytesPerSecond: number;
  /** Of the measured multiply-add peak, 0 to 1. */
  readonly ofPeak?: number;
}

/** What a family of benchmarks gets. */
export interface Bench {
  readonly device: GPUDevice;
  /** Side of the picture in pixels; a family derives its shapes from it. */
  readonly side: number;
  /** Measures and prints a row. */
  readonly measure: (family: string, name: string, variant: string, work: Work) => Promise<Row>;
}

/** A buffer of seeded values in [-0.5, 0.5), zeros in no lane: benches use multiples of 4 where that matters. */
export function filled(device: GPUDevice, shape: Shape): GPUBuffer {
  const size = bytesOf(shape);
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ label: 'bench', size, usage, mappedAtCreation: true });
  const values = new Float32Array(buffer.getMappedRange());
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32 - 0.5;
  }
  buffer.unmap();
  return buffer;
}

/** The floats of a buffer, to compare what two kernels made. */
export async function readFloats(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: 'bench', size: buffer.size, usage });
  const encoder = device.createCommandEncoder({ label: 'bench' });
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const floats = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return floats;
}

/** Dispatches in one pass as a work. It owns `buffers`. */
export async function dispatchWork(
  device: GPUDevice,
  dispatches: readonly Dispatch<GPUBuffer>[],
  cost: Cost,
  buffers: readonly GPUBuffer[],
): Promise<Work> {
  const sequence = new Sequence(device, 'bench', dispatches);
  await sequence.ready;
  return {
    cost,
    takesTimestamps: true,
    record(encoder, count, timestampWrites) {
      const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
      for (let i = 0; i < count; i++) sequence.encode(pass);
      pass.end();
    },
    destroy() {
      sequence.destroy();
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

/** Times works on one device. */
export class Clock {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;
  readonly #secondsPerRow: number;

  /** Sampling of one row stops after `secondsPerRow`, but never before three samples. */
  constructor(device: GPUDevice, secondsPerRow: number) {
    this.#device = device;
    this.#secondsPerRow = secondsPerRow;
    if (!device.features.has('timestamp-query')) return;
    this.#queries = device.createQuerySet({ label: 'bench', type: 'timestamp', count: 2 });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#resolved = device.createBuffer({ label: 'bench', size: 16, usage });
  }

  /** Milliseconds of one repetition: at most 15 samples after a warm-up. */
  async samples(work: Work): Promise<{ readonly values: readonly number[]; readonly clock: Row['clock'] }> {
    const stamped = this.#queries !== undefined && work.takesTimestamps;
    await this.#wall(work, 1);
    const pilot = await this.#wall(work, 1);
    const count = Math.max(1, Math.ceil(SHORTEST / Math.max(pilot, 0.05)));
    const values: number[] = [];
    const started = performance.now();
    for (let tries = 0; tries < 20 && values.length < 15; tries++) {
      if (values.length >= 3 && performance.now() - started > 1000 * this.#secondsPerRow) break;
      if (stamped) values.push((await this.#stamped(work, count)) / count);
      else values.push(...(await this.#differences(work, count)));
    }
    // A negative difference is the machine's doing; timestamps may go backwards by the specification.
    return { values: values.filter((value) => value > 0), clock: stamped ? 'timestamps' : 'wall' };
  }

  destroy(): void {
    this.#queries?.destroy();
    this.#resolved?.destroy();
  }

  async #differences(work: Work, count: number): Promise<number[]> {
    const a = await this.#wall(work, count);
    const b = await this.#wall(work, 2 * count);
    const bAgain = await this.#wall(work, 2 * count);
    const aAgain = await this.#wall(work, count);
    return [(b - a) / count, (bAgain - aAgain) / count];
  }

  async #wall(work: Work, count: number): Promise<number> {
    const encoder = this.#device.createCommandEncoder({ label: 'bench' });
    work.record(encoder, count);
    const commands = encoder.finish();
    const started = performance.now();
    this.#device.queue.submit([commands]);
    await this.#device.queue.onSubmittedWorkDone();
    return performance.now() - started;
  }

  async #stamped(work: Work, count: number): Promise<number> {
    const querySet = this.#queries!;
    const encoder = this.#device.createCommandEncoder({ label: 'bench' });
    work.record(encoder, count, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    encoder.resolveQuerySet(querySet, 0, 2, this.#resolved!, 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#device.createBuffer({ label: 'bench', size: 16, usage });
    encoder.copyBufferToBuffer(this.#resolved!, 0, staging, 0, 16);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigInt64Array(staging.getMappedRange());
    const milliseconds = Number(end! - begin!) / 1e6;
    staging.destroy();
    return milliseconds;
  }
}

/** The value below which a share of the sorted values lies, between neighbours by interpolation. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

/** Samples → a row. */
export function rowOf(
  name: Pick<Row, 'family' | 'name' | 'variant'>,
  { flops, bytes }: Cost,
  { values, clock }: { readonly values: readonly number[]; readonly clock: Row['clock'] },
  peak?: number,
): Row {
  const milliseconds = quantile(values, 0.5);
  const gflops = flops / milliseconds / 1e6;
  return {
    ...name,
    milliseconds,
    spread: quantile(values, 0.75) - quantile(values, 0.25),
    samples: values.length,
    clock,
    gflops,
    gigabytesPerSecond: bytes / milliseconds / 1e6,
    ...(peak !== undefined && flops > 0 && { ofPeak: gflops / peak }),
  };
}
