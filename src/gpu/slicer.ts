// Work in slices: as many dispatches as fit a budget of milliseconds go into one encoder, the rest follows with later
// calls. The dispatches and their order are those of the whole, so the bytes are too.

import type { Sequence } from './dispatch.ts';
import { estimateOf, type Estimate, type Stretch } from './estimate.ts';
import { queueClock, type SliceClock, type Stamps } from './slice-clock.ts';

/** What is done between passes: clears and copies, which take next to no time. */
type Move = (encoder: GPUCommandEncoder) => void;

/** Where what is recorded so far is submitted, and the host does something before work goes on. */
export interface Meeting {
  readonly meet: () => Promise<unknown>;
}

/** What is recorded in order. */
export type Work = Sequence | Move | Meeting;

/**
 * What a submit is expected to take, at most. Systems reset a GPU that is busy with one for some seconds (Windows after
 * two, Chrome's GPU process after ten), and whoever shares it waits for as long.
 */
export const SUBMIT_MILLISECONDS = 500;

/** The part of it that is trusted to guesses, until something was measured on the device. */
const CAUTION = 0.2;

interface Taken extends Stretch {
  readonly sequence: Sequence;
}

/** What one pass records, or what is done between two. */
type Piece = readonly Taken[] | Move;

/** Records work slice by slice. Owns the clocks that measure the slices, made when there is a budget. */
export class Slicer {
  readonly #device: GPUDevice;
  readonly #label: string;
  readonly #estimate: Estimate;
  #queueClock: SliceClock<readonly Stretch[]> | undefined;
  /** By timestamps; undefined where the device has none, and until they are loaded. */
  #clock: SliceClock<readonly Stretch[]> | undefined;
  #wantsClock = true;
  #isDestroyed = false;
  /** What is being recorded, and how far it is. */
  #work: readonly Work[] = [];
  #item = 0;
  #dispatch = 0;
  #then: (() => readonly Work[]) | undefined;

  constructor(device: GPUDevice, label: string, estimate: Estimate = estimateOf(device)) {
    this.#device = device;
    this.#label = `wgpu-style/${label}`;
    this.#estimate = estimate;
  }

  /** True while some of the work is still to be recorded. */
  get isUnderWay(): boolean {
    return this.#item < this.#work.length || this.#then !== undefined;
  }

  /** Takes up new work: `work`, and what `then` gives when that is recorded. The last must have been recorded to its end. */
  begin(work: readonly Work[], then?: () => readonly Work[]): void {
    this.#work = work;
    this.#item = this.#dispatch = 0;
    this.#then = then;
  }

  /** Drops what is still to be recorded. False, and nothing is dropped, where `then` has been asked or there was none. */
  abandon(): boolean {
    if (!this.#then) return false;
    this.begin([]);
    return true;
  }

  /** The meeting that comes next, where one does: the caller submits, awaits it, and goes on. */
  takeMeeting(): Meeting | undefined {
    const item = this.#work[this.#item];
    if (!item || !('meet' in item)) return undefined;
    this.#item++;
    return item;
  }

  /** Records the next slice: what is expected to take `budget` milliseconds at most, but at least one dispatch. */
  encode(encoder: GPUCommandEncoder, budget: number): void {
    if (Number.isFinite(budget)) {
      this.#queueClock ??= queueClock(this.#device, this.#learn);
      if (this.#wantsClock) void this.#loadClock();
    }
    this.#record(encoder, budget, this.#clock ?? this.#queueClock);
  }

  /**
   * Records what makes one submit: a slice of `most` milliseconds, of fewer where nothing was measured yet. The caller
   * submits it by itself and at once, so that the queue tells what it took; there is nothing to allocate.
   */
  encodeSubmit(encoder: GPUCommandEncoder, most: number = SUBMIT_MILLISECONDS): void {
    if (Number.isFinite(most)) this.#queueClock ??= queueClock(this.#device, this.#learn);
    this.#record(encoder, this.#estimate.hasMeasured ? most : CAUTION * most, this.#queueClock);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#clock?.destroy();
    this.#queueClock?.destroy();
  }

  /** Slices are measured by the queue meanwhile, and where the chunk does not come. */
  async #loadClock(): Promise<void> {
    this.#wantsClock = false;
    if (!this.#device.features.has('timestamp-query')) return;
    const { Timestamps } = await import('./timestamps.ts').catch(() => ({ Timestamps: undefined }));
    if (Timestamps && !this.#isDestroyed) this.#clock = new Timestamps(this.#device, this.#learn);
  }

  readonly #learn = (slices: readonly (readonly Stretch[])[], milliseconds: number): void =>
    this.#estimate.learn(slices.flat(), milliseconds);

  #record(encoder: GPUCommandEncoder, budget: number, clock: SliceClock<readonly Stretch[]> | undefined): void {
    const slice = this.#take(budget);
    const passes = slice.filter((piece) => typeof piece !== 'function');
    const stamps = passes.length > 0 ? clock?.start() : undefined;
    for (const piece of slice) {
      if (typeof piece === 'function') {
        piece(encoder);
        continue;
      }
      const timestamps = writesOf(stamps, piece === passes[0], piece === passes.at(-1));
      const pass = encoder.beginComputePass({ label: this.#label, ...timestamps });
      for (const { sequence, first, end } of piece) sequence.encode(pass, first, end);
      pass.end();
    }
    if (passes.length > 0) clock?.stop(encoder, passes.flat());
  }

  /** What comes next, as far as the budget goes, and one dispatch more where that is none. */
  #take(budget: number): readonly Piece[] {
    const slice: (Taken[] | Move)[] = [];
    let left = budget;
    let hasOne = false;
    for (; this.#hasNext(left >= 0 || !hasOne); this.#item++, this.#dispatch = 0) {
      const item = this.#work[this.#item]!;
      if (typeof item === 'function') {
        slice.push(item);
        continue;
      }
      if ('meet' in item) break;
      const first = this.#dispatch;
      for (; this.#dispatch < item.length; this.#dispatch++) {
        left -= this.#estimate.of(item, this.#dispatch);
        if (left < 0 && hasOne) break;
        hasOne = true;
      }
      if (this.#dispatch > first) passAt(slice).push({ sequence: item, first, end: this.#dispatch });
      if (this.#dispatch < item.length) break;
    }
    return slice;
  }

  /** Whether there is an item at hand; `then` is asked for more only where some of it may fit. */
  #hasNext(mayAsk: boolean): boolean {
    if (this.#item < this.#work.length) return true;
    if (!this.#then || !mayAsk) return false;
    this.begin(this.#then());
    return this.#work.length > 0;
  }
}

/** The pass that the slice ends with, a new one where it does not. */
function passAt(slice: (Taken[] | Move)[]): Taken[] {
  const last = slice.at(-1);
  if (typeof last === 'object') return last;
  const pass: Taken[] = [];
  slice.push(pass);
  return pass;
}

/** The stamps that a pass writes: the first of a slice its begin, the last its end. */
function writesOf(stamps: Stamps | undefined, isFirst: boolean, isLast: boolean): Pick<GPUComputePassDescriptor, 'timestampWrites'> {
  if (!stamps || !(isFirst || isLast)) return {};
  const { querySet, begin, end } = stamps;
  return {
    timestampWrites: {
      querySet,
      ...(isFirst && { beginningOfPassWriteIndex: begin }),
      ...(isLast && { endOfPassWriteIndex: end }),
    },
  };
}
