// What slices of work took on the GPU, by timestamp queries. A chunk of its own, for callers who record slices.

import { createBuffer, destroyBuffer } from './buffers.ts';
import type { Measured, SliceClock, Stamps } from './slice-clock.ts';

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
export class Timestamps<T> implements SliceClock<T> {
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
