// Work in slices: as many dispatches as fit a budget of milliseconds go into the caller's encoder, the rest follows with
// later calls. The dispatches and their order are those of the whole, so the bytes are too.

import type { Sequence } from './dispatch.ts';
import { Estimate, type Stretch } from './estimate.ts';
import { sliceClock, type SliceClock } from './slice-clock.ts';

interface Taken extends Stretch {
  readonly sequence: Sequence;
}

/** Records sequences slice by slice. Owns the clock that measures them, made with the first budget. */
export class Slicer {
  readonly #device: GPUDevice;
  readonly #label: string;
  readonly #estimate = new Estimate();
  #clock: SliceClock<readonly Stretch[]> | undefined;
  /** What is being recorded, and how far it is. */
  #sequences: readonly Sequence[] = [];
  #sequence = 0;
  #dispatch = 0;

  constructor(device: GPUDevice, label: string) {
    this.#device = device;
    this.#label = `wgpu-style/${label}`;
  }

  /** True while some of the sequences are still to be recorded. */
  get isUnderWay(): boolean {
    return this.#sequence < this.#sequences.length;
  }

  /** Takes up new work. The last must have been recorded to its end. */
  begin(sequences: readonly Sequence[]): void {
    this.#sequences = sequences;
    this.#sequence = this.#dispatch = 0;
    this.#skipEnds();
  }

  /** Records the next slice: what is expected to take `budget` milliseconds at most, but at least one dispatch. */
  encode(encoder: GPUCommandEncoder, budget: number): void {
    if (Number.isFinite(budget)) this.#clock ??= sliceClock(this.#device, (slices, ms) => this.#estimate.learn(slices.flat(), ms));
    const slice = this.#take(budget);
    const pass = encoder.beginComputePass({ label: this.#label, ...this.#clock?.start() });
    for (const { sequence, first, end } of slice) sequence.encode(pass, first, end);
    pass.end();
    this.#clock?.stop(encoder, slice);
  }

  destroy(): void {
    this.#clock?.destroy();
  }

  /** The next dispatches, as far as the budget goes, and one more where that is none. */
  #take(budget: number): readonly Taken[] {
    const slice: Taken[] = [];
    let left = budget;
    while (this.isUnderWay) {
      const sequence = this.#sequences[this.#sequence]!;
      const first = this.#dispatch;
      for (let hasOne = slice.length > 0; this.#dispatch < sequence.length; hasOne = true) {
        left -= this.#estimate.of(sequence, this.#dispatch);
        if (left < 0 && hasOne) break;
        this.#dispatch++;
      }
      if (this.#dispatch > first) slice.push({ sequence, first, end: this.#dispatch });
      if (left < 0) break;
      this.#skipEnds();
    }
    this.#skipEnds();
    return slice;
  }

  /** To the first dispatch that is not recorded yet; sequences may be empty. */
  #skipEnds(): void {
    while (this.isUnderWay && this.#dispatch >= this.#sequences[this.#sequence]!.length) {
      this.#sequence++;
      this.#dispatch = 0;
    }
  }
}
