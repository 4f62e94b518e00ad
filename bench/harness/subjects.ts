// Work of ours as subjects: dispatches in one pass, timed by the timestamps at its ends where the device has them, or
// anything that can be recorded, timed by the wall until the queue is done.

import type { Dispatch } from 'wgpu-style/kernels';
import { Sequence } from 'wgpu-style/kernels';
import type { Subject } from './sampling.ts';
import { quantumOf } from './statistics.ts';

/** A subject of ours; it holds GPU memory. */
export interface GpuSubject extends Subject {
  destroy(): void;
}

/** Times work on one device. */
export class GpuClock {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;
  readonly #readings: bigint[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
    if (!device.features.has('timestamp-query')) return;
    this.#queries = device.createQuerySet({ label: 'bench', type: 'timestamp', count: 2 });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#resolved = device.createBuffer({ label: 'bench', size: 16, usage });
  }

  /** Whether dispatches are timed by the GPU. */
  get hasTimestamps(): boolean {
    return this.#queries !== undefined;
  }

  /** The steps of the timestamps in nanoseconds, as seen so far. */
  get quantum(): bigint | undefined {
    return quantumOf(this.#readings);
  }

  /** Dispatches one after another. */
  async dispatches(dispatches: readonly Dispatch<GPUBuffer>[]): Promise<GpuSubject> {
    const sequence = new Sequence(this.#device, 'bench', dispatches);
    await sequence.ready;
    return { ...this.inPass((pass) => sequence.encode(pass)), destroy: () => sequence.destroy() };
  }

  /** Whatever `encode` puts into a compute pass; all repetitions go into one. */
  inPass(encode: (pass: GPUComputePassEncoder) => void): Subject {
    const record = (encoder: GPUCommandEncoder, count: number, writes?: GPUComputePassTimestampWrites): void => {
      const pass = encoder.beginComputePass(writes ? { timestampWrites: writes } : {});
      for (let i = 0; i < count; i++) encode(pass);
      pass.end();
    };
    if (!this.#queries) return this.recorded(record);
    return { isStamped: true, time: (count) => this.#stamped(record, count) };
  }

  /** Whatever `record` puts into an encoder: several passes, copies. */
  recorded(record: (encoder: GPUCommandEncoder, count: number) => void): Subject {
    return {
      isStamped: false,
      time: async (count) => {
        const encoder = this.#device.createCommandEncoder({ label: 'bench' });
        record(encoder, count);
        const commands = encoder.finish();
        const started = performance.now();
        this.#device.queue.submit([commands]);
        await this.#device.queue.onSubmittedWorkDone();
        return performance.now() - started;
      },
    };
  }

  destroy(): void {
    this.#queries?.destroy();
    this.#resolved?.destroy();
  }

  async #stamped(
    record: (encoder: GPUCommandEncoder, count: number, writes: GPUComputePassTimestampWrites) => void,
    count: number,
  ): Promise<number> {
    const querySet = this.#queries!;
    const encoder = this.#device.createCommandEncoder({ label: 'bench' });
    record(encoder, count, { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 });
    encoder.resolveQuerySet(querySet, 0, 2, this.#resolved!, 0);
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#device.createBuffer({ label: 'bench', size: 16, usage });
    encoder.copyBufferToBuffer(this.#resolved!, 0, staging, 0, 16);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [begin, end] = new BigInt64Array(staging.getMappedRange());
    staging.destroy();
    this.#readings.push(begin!, end!);
    return Number(end! - begin!) / 1e6;
  }
}
