// Iterations one after another. Submits run ahead of what is read back, so that the GPU is never waited for while there
// is work: a ring of staging buffers brings each iteration's losses home a little late.

import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import { ReadbackRing } from '../gpu/readback.ts';

/** Submits of one run that may be under way at once: one running, one waiting. */
const IN_FLIGHT = 2;

/** One more for a run that was left early and whose last read-back is still coming. */
const RING = IN_FLIGHT + 1;

/** What is iterated, and what is read after each iteration. */
export interface LoopParts {
  readonly device: GPUDevice;
  /** Records one iteration. */
  readonly encode: (encoder: GPUCommandEncoder) => void;
  /** Copied one behind the other after each iteration. */
  readonly read: readonly GPUBufferBinding[];
  /** What an iteration must wait for: a picture that is being read in pieces. */
  readonly idle?: () => Promise<unknown> | undefined;
}

/** Submits iterations and yields their losses. Owns its staging buffers. */
export class Loop {
  readonly #parts: LoopParts;
  readonly #ring: ReadbackRing;
  /** Read-backs that have not arrived, of all runs; these promises never reject. */
  readonly #underWay = new Set<Promise<void>>();
  #destroyed = false;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    const byteLength = parts.read.reduce((sum, { size }) => sum + size!, 0);
    this.#ring = new ReadbackRing(parts.device, 'losses', byteLength, RING);
  }

  /**
   * Runs `iterations`, or until `ends` says so, which is told how many are under way. Yields what was read after each, in
   * order, all that was begun.
   */
  async *run(iterations: number, ends: (underWay: number) => boolean): AsyncGenerator<Float32Array, void> {
    const pending: Promise<Float32Array>[] = [];
    for (let i = 0; i < iterations && !ends(pending.length); i++) {
      const reading = this.#parts.idle?.();
      if (reading) await reading;
      // Runs that overlap share the ring.
      while (this.#underWay.size >= RING) await Promise.race(this.#underWay);
      pending.push(this.#submit());
      if (pending.length >= IN_FLIGHT) yield await this.#arrival(pending.shift()!);
    }
    while (pending.length > 0) yield await this.#arrival(pending.shift()!);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#ring.destroy();
  }

  #submit(): Promise<Float32Array> {
    this.#alive();
    const { device, encode } = this.#parts;
    const encoder = device.createCommandEncoder({ label: 'wgpu-style/iteration' });
    encode(encoder);
    const read = this.#ring.encode(encoder, ...this.#parts.read);
    if (!read) {
      throw new WgpuStyleError('device-lost', {
        what: 'earlier read-backs failed',
        where: 'session.run',
        fix: 'Request a new device and create the session again',
      });
    }
    device.queue.submit([encoder.finish()]);
    const values = read();
    // Also keeps a failure that nobody waits for any more (a run left early) from being an unhandled rejection.
    const settled: Promise<void> = values.then(
      () => void this.#underWay.delete(settled),
      () => void this.#underWay.delete(settled),
    );
    this.#underWay.add(settled);
    return values;
  }

  async #arrival(values: Promise<Float32Array>): Promise<Float32Array> {
    try {
      return await values;
    } catch (error) {
      this.#alive(); // a read-back fails also when the session ends under it
      throw error;
    }
  }

  #alive(): void {
    if (this.#destroyed) throw badOption('session.run', 'the session was destroyed', 'Create another one');
  }
}
