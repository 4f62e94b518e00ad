// How many milliseconds dispatches will take: a guess by their arithmetic and traffic, corrected by what slices of them
// took. Numbers in, numbers out; who measures is slice-clock.ts.

import type { Sequence } from './dispatch.ts';

/** Dispatches of one sequence: from `first` to before `end`. */
export interface Stretch {
  readonly sequence: Pick<Sequence, 'cost' | 'length'>;
  readonly first: number;
  readonly end: number;
}

/**
 * Where nothing was measured yet: two cores of a software adapter (20 GFLOP/s, 4 GB/s, 10 µs a dispatch). On a GPU the
 * first slice is then much too short, which nobody sees, and not too long, which everybody would.
 */
const FLOPS_PER_MILLISECOND = 2e7;
const BYTES_PER_MILLISECOND = 4e6;
const MILLISECONDS_PER_DISPATCH = 0.01;

/** Clocks of browsers tick in steps of 0.1 ms: shorter slices tell nothing when they were expected to be short. */
const RESOLUTION = 0.1;

/** One hiccup of the machine must not spoil the estimate: a correction is at most this factor, after the first. */
const LARGEST_CORRECTION = 8;

const estimates = new WeakMap<GPUDevice, Estimate>();

/** What is known of a device: whoever measures on it learns for all. */
export function estimateOf(device: GPUDevice): Estimate {
  let estimate = estimates.get(device);
  if (!estimate) estimates.set(device, (estimate = new Estimate()));
  return estimate;
}

/** Learns the milliseconds of each dispatch from those of slices. */
export class Estimate {
  /** Of each dispatch, what its guess has to be multiplied by; 0 where it was not measured yet. */
  readonly #factors = new WeakMap<Stretch['sequence'], Float64Array>();
  /** The same for all that were not measured. */
  #scale = 1;
  #hasMeasured = false;

  /** False while all is guesses. */
  get hasMeasured(): boolean {
    return this.#hasMeasured;
  }

  /** Milliseconds that dispatch `index` of a sequence will take. */
  of(sequence: Stretch['sequence'], index: number): number {
    return guess(sequence, index) * (this.#factorsOf(sequence)[index]! || this.#scale);
  }

  /**
   * Takes the milliseconds that dispatches took together: spread over them as was expected, and half way only, since
   * measurements scatter. The first measurement is taken as it is.
   */
  learn(stretches: readonly Stretch[], milliseconds: number): void {
    let [expected, guessed] = [0, 0];
    for (const { sequence, first, end } of stretches) {
      for (let i = first; i < end; i++) {
        expected += this.of(sequence, i);
        guessed += guess(sequence, i);
      }
    }
    if (expected === 0 || (milliseconds < RESOLUTION && expected < RESOLUTION)) return;
    const measured = Math.max(milliseconds, RESOLUTION / 10);
    const correction = this.#hasMeasured ? damped(measured / expected) : measured / expected;
    for (const { sequence, first, end } of stretches) {
      const factors = this.#factorsOf(sequence);
      for (let i = first; i < end; i++) factors[i] = (factors[i]! || this.#scale) * correction;
    }
    this.#scale *= this.#hasMeasured ? damped(measured / (guessed * this.#scale)) : correction;
    this.#hasMeasured = true;
  }

  #factorsOf(sequence: Stretch['sequence']): Float64Array {
    let factors = this.#factors.get(sequence);
    if (!factors) this.#factors.set(sequence, (factors = new Float64Array(sequence.length)));
    return factors;
  }
}

function guess(sequence: Stretch['sequence'], index: number): number {
  const { flops, bytes } = sequence.cost(index);
  return Math.max(flops / FLOPS_PER_MILLISECOND, bytes / BYTES_PER_MILLISECOND) + MILLISECONDS_PER_DISPATCH;
}

function damped(ratio: number): number {
  return Math.sqrt(Math.min(LARGEST_CORRECTION, Math.max(1 / LARGEST_CORRECTION, ratio)));
}
