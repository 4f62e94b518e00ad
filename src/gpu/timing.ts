// GPU time of a pass by timestamp queries; an object that does nothing where the device lacks them, so that no
// caller has to ask.

import { createBuffer, destroyBuffer } from './buffers.ts';
import { readBuffer } from './readback.ts';

/** Times compute passes: put {@link writes} into the pass descriptor, {@link resolve} after it, then {@link read}. */
export class PassTimer {
  /** False where the device has no `timestamp-query`: every method is then a no-op. */
  readonly available: boolean;
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet | undefined;
  readonly #buffer: GPUBuffer | undefined;

  constructor(device: GPUDevice, label = 'timer') {
    this.#device = device;
    this.available = device.features.has('timestamp-query');
    if (!this.available) return;
    this.#queries = device.createQuerySet({
      label: `wgpu-style/${label}`,
      type: 'timestamp',
      count: 2,
    });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    this.#buffer = createBuffer(device, label, 16, usage);
  }

  /** Spread into a compute pass descriptor. */
  get writes(): Pick<GPUComputePassDescriptor, 'timestampWrites'> {
    if (!this.#queries) return {};
    return {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    };
  }

  /** Records the resolve after the pass has ended. */
  resolve(encoder: GPUCommandEncoder): void {
    if (this.#queries && this.#buffer) encoder.resolveQuerySet(this.#queries, 0, 2, this.#buffer, 0);
  }

  /** Milliseconds of the last timed pass; undefined without timestamps or when the delta is negative (spec allows). */
  async read(): Promise<number | undefined> {
    if (!this.#buffer) return undefined;
    const [begin, end] = new BigInt64Array(await readBuffer(this.#device, this.#buffer, 0, 16));
    const delta = Number(end! - begin!) / 1e6;
    return delta >= 0 ? delta : undefined;
  }

  destroy(): void {
    this.#queries?.destroy();
    if (this.#buffer) destroyBuffer(this.#buffer);
  }
}
