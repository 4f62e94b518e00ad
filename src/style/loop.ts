// Iterations one after another. Submits run ahead of what is read back, so that the GPU is never waited for while there
// is work: a ring of staging buffers brings each iteration's losses home a little late. On a slow adapter one iteration is
// several submits; then nothing runs ahead, since there is no hurry.

import { WgpuStyleError } from '../gpu/errors.ts';
import { ReadbackRing } from '../gpu/readback.ts';
import type { Meeting } from '../gpu/slicer.ts';
import type { Submits } from '../gpu/submits.ts';

/** Submits of one run that may be under way at once: one running, one waiting. */
const IN_FLIGHT = 2;

/** One more for a run that was left early and whose last read-back is still coming. */
const RING = IN_FLIGHT + 1;

/** What is iterated, and what is read after each iteration. */
export interface LoopParts {
  readonly device: GPUDevice;
  readonly submits: Submits;
  /** Throws when the session is gone. */
  readonly alive: (where: string) => void;
  /** Records an iteration, or as much of it as one submit should be: true where that was the last of it. */
  readonly encode: (encoder: GPUCommandEncoder) => boolean | Meeting;
  /** Drops the iteration that is recorded in part; false where it must be ended. */
  readonly abandon: () => boolean;
  /** Copied one behind the other after each iteration. */
  readonly read: readonly GPUBufferBinding[];
  /** What an iteration must wait for: a picture that is being read in pieces, work between two submits. */
  readonly idle?: () => Promise<unknown> | undefined;
}

/** Submits iterations and yields their losses. Owns its staging buffers. */
export class Loop {
  readonly #parts: LoopParts;
  readonly #ring: ReadbackRing;
  /** Read-backs that have not arrived, of all runs; these promises never reject. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    const byteLength = parts.read.reduce((sum, { size }) => sum + size!, 0);
    this.#ring = new ReadbackRing(parts.device, 'losses', byteLength, RING);
  }

  /**
   * Runs `iterations`, or until `ends` says so, which is told how many are under way. Yields what was read after each, in
   * order, all that was begun; but one that is between two submits when the signal fires is dropped, where it can be.
   */
  async *run(
    iterations: number,
    ends: (underWay: number) => boolean,
    signal?: AbortSignal,
  ): AsyncGenerator<Float32Array, void> {
    const pending: Promise<Float32Array>[] = [];
    for (let i = 0; i < iterations && !ends(pending.length); i++) {
      for (let waiting = this.#obstacle(); waiting; waiting = this.#obstacle()) await waiting;
      const submitted = await this.#submit(() => signal?.aborted === true && this.#parts.abandon());
      if (!submitted) break;
      pending.push(submitted.values);
      const ahead = submitted.isWhole ? IN_FLIGHT - 1 : 0;
      while (pending.length > ahead) yield await this.#arrival(pending.shift()!);
    }
    while (pending.length > 0) yield await this.#arrival(pending.shift()!);
  }

  destroy(): void {
    this.#ring.destroy();
  }

  /** Runs that overlap share the ring. */
  #obstacle(): Promise<unknown> | undefined {
    return this.#parts.idle?.() ?? (this.#underWay.size >= RING ? Promise.race(this.#underWay) : undefined);
  }

  /** Undefined when it was dropped. `isWhole` tells of an iteration in one submit. */
  async #submit(isOver: () => boolean): Promise<{ readonly values: Promise<Float32Array>; readonly isWhole: boolean } | undefined> {
    const { submits, encode } = this.#parts;
    let count = 0;
    let read: ReturnType<ReadbackRing['encode']>;
    const encodeNext = (encoder: GPUCommandEncoder): boolean | Meeting => {
      this.#parts.alive('session.run');
      count++;
      const state = encode(encoder);
      if (state !== true) return state;
      read = this.#ring.encode(encoder, ...this.#parts.read);
      if (read) return true;
      throw new WgpuStyleError('device-lost', {
        what: 'earlier read-backs failed',
        where: 'session.run',
        fix: 'Request a new device',
      });
    };
    return submits.submit(
      encodeNext,
      () => ({ values: this.#follow(read!()), isWhole: count === 1 }),
      isOver,
    );
  }

  /** Also keeps a failure that nobody waits for any more (a run left early) from being an unhandled rejection. */
  #follow(values: Promise<Float32Array>): Promise<Float32Array> {
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
      this.#parts.alive('session.run'); // a read-back fails also when the session ends under it
      throw error;
    }
  }
}
