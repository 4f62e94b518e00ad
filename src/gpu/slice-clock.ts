// What slices of work took on the GPU, told late and without waiting: by timestamps where the device has them, else by
// the time until the queue was empty, which counts the work of others in the same submit too.

import { createBuffer, destroyBuffer } from './buffers.ts';

/** The queries that a slice's passes are to write: where its first begins and where its last ends. */
export interface Stamps {
  readonly querySet: GPUQuerySet;
  readonly begin: number;
  readonly end: number;
}

/** Measures slices; `T` is what the owner knows a slice by. */
export interface SliceClock<T> {
  /** Before a slice is recorded; then call {@link stop} with the same encoder. */
  start(): Stamps | undefined;
  /** After its passes were recorded. */
  stop(encoder: GPUCommandEncoder, slice: T): void;
  destroy(): void;
}

/** Takes slices and the milliseconds that they took together. */
export type Measured<T> = (slices: readonly T[], milliseconds: number) => void;

/** The best clock that the device has. */
export function sliceClock<T>(device: GPUDevice, measured: Measured<T>): SliceClock<T> {
  return device.features.has('timestamp-query') ? new Timestamps(device, measured) : new Stopwatch(device, measured);
}

/** A clock for slices that are submitted by themselves and at once. */
export function queueClock<T>(device: GPUDevice, measured: Measured<T>): SliceClock<T> {
  return new Stopwatch(device, measured);
}

/** Slices that may be measured at once; others are not measured. */
const SLOTS = 4;

/** Read-backs after which a slice that was recorded has surely been thrown away. */
const PATIENCE = 32;

/** WebGPU resolves queries to multiples of this many bytes. */
const ALIGNMENT = 256;

interface Slot<T> {
  slice: T | undefined;
  /** The beginning of the slice before in this slot: a new one tells that the GPU has been there. */
  last: bigint;
  reads: number;
}

/** By timestamp queries. Owns its query set and buffers: 2 KiB. */
class Timestamps<T> implements SliceClock<T> {
  readonly #device: GPUDevice;
  readonly #measured: Measured<T>;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #slots: readonly Slot<T>[];
  #next: number | undefined;
  #isReading = false;
  #destroyed = false;

  constructor(device: GPUDevice, measured: Measured<T>) {
    this.#device = device;
    this.#measured = measured;
    this.#queries = device.createQuerySet({ label: 'wgpu-style/slices', type: 'timestamp', count: 2 * SLOTS });
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#resolved = createBuffer(device, 'slices', ALIGNMENT * SLOTS, QUERY_RESOLVE | COPY_SRC);
    this.#staging = createBuffer(device, 'slices/staging', ALIGNMENT * SLOTS, COPY_DST | MAP_READ);
    this.#slots = Array.from({ length: SLOTS }, () => ({ slice: undefined, last: 0n, reads: 0 }));
  }

  start(): Stamps | undefined {
    const free = this.#slots.findIndex(({ slice }) => slice === undefined);
    this.#next = free < 0 ? undefined : free;
    return free < 0 ? undefined : { querySet: this.#queries, begin: 2 * free, end: 2 * free + 1 };
  }

  stop(encoder: GPUCommandEncoder, slice: T): void {
    if (this.#next !== undefined) {
      encoder.resolveQuerySet(this.#queries, 2 * this.#next, 2, this.#resolved, ALIGNMENT * this.#next);
      Object.assign(this.#slots[this.#next]!, { slice, reads: 0 });
    }
    // The caller submits in between, mostly; what has not run yet is read the next time.
    queueMicrotask(() => this.#read());
  }

  destroy(): void {
    this.#destroyed = true;
    this.#queries.destroy();
    destroyBuffer(this.#resolved);
    destroyBuffer(this.#staging);
  }

  /** A submit of its own, since only the caller knows when his encoder is submitted, and nothing may be mapped till then. */
  #read(): void {
    if (this.#destroyed || this.#isReading) return;
    this.#isReading = true;
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/slices' });
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, ALIGNMENT * SLOTS);
    this.#device.queue.submit([encoder.finish()]);
    this.#staging.mapAsync(GPUMapMode.READ).then(
      () => this.#arrived(),
      () => undefined, // the session or its device is gone
    );
  }

  #arrived(): void {
    if (this.#destroyed) return;
    const stamps = new BigInt64Array(this.#staging.getMappedRange());
    this.#slots.forEach((slot, i) => {
      if (slot.slice === undefined) return;
      const [begin, end] = [stamps[(ALIGNMENT / 8) * i]!, stamps[(ALIGNMENT / 8) * i + 1]!];
      const { slice } = slot;
      if (begin !== slot.last) {
        // The specification allows clocks that are set back.
        if (end >= begin) this.#measured([slice], Number(end - begin) / 1e6);
        Object.assign(slot, { slice: undefined, last: begin });
      } else if (slot.reads++ > PATIENCE) slot.slice = undefined;
    });
    this.#staging.unmap();
    this.#isReading = false;
  }
}

/** By `onSubmittedWorkDone`. Owns nothing. */
class Stopwatch<T> implements SliceClock<T> {
  readonly #device: GPUDevice;
  readonly #measured: Measured<T>;
  #waiting: T[] = [];
  #started = 0;
  #isRunning = false;

  constructor(device: GPUDevice, measured: Measured<T>) {
    this.#device = device;
    this.#measured = measured;
  }

  start(): undefined {
    if (this.#waiting.length === 0) this.#started = performance.now();
  }

  stop(_: GPUCommandEncoder, slice: T): void {
    this.#waiting.push(slice);
    if (this.#waiting.length === 1) queueMicrotask(() => this.#watch());
  }

  destroy(): void {
    this.#waiting = [];
  }

  #watch(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isRunning = true;
    const slices = this.#waiting;
    const started = this.#started;
    this.#waiting = [];
    this.#device.queue.onSubmittedWorkDone().then(
      () => {
        this.#isRunning = false;
        this.#measured(slices, performance.now() - started);
        // Those that came meanwhile had to wait for these.
        this.#started = performance.now();
        this.#watch();
      },
      () => undefined, // the device is gone
    );
  }
}
