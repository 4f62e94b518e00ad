// Work that may take longer than one submit should: in slices, each a submit of its own. Two are under way at most, so that
// the GPU has no gaps and whoever stops the work need not wait for all of it.

import { Slicer, type Meeting, type Work } from './slicer.ts';

/** Submits one piece of work after another for one owner, who lets nothing of his own come in between. */
export class Submits {
  readonly #device: GPUDevice;
  readonly #label: string;
  #slicer: Slicer | undefined;
  #underWay: Promise<void> | undefined;

  constructor(device: GPUDevice, label: string) {
    this.#device = device;
    this.#label = `wgpu-style/${label}`;
  }

  /** Settles when the work that is between two submits has come to its end; never rejects. Undefined where there is none. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  /**
   * `encode` records the next slice and says whether it was the last, or gives what has to be awaited before the one after it;
   * the first is submitted in the same turn. `last` is
   * called in the turn of the last submit, and what it gives is given. Resolves to undefined where `isOver`, asked
   * between two, says that no more is wanted.
   */
  async submit<T>(
    encode: (encoder: GPUCommandEncoder) => boolean | Meeting,
    last: () => T,
    isOver: () => boolean = () => false,
  ): Promise<Awaited<T> | undefined> {
    let before: Promise<unknown> | undefined;
    let end: (() => void) | undefined;
    try {
      for (;;) {
        const encoder = this.#device.createCommandEncoder({ label: this.#label });
        const state = encode(encoder);
        this.#device.queue.submit([encoder.finish()]);
        // Not awaited here: what is submitted meanwhile may be of the next work.
        if (state === true) return last() as Awaited<T>;
        this.#underWay ??= new Promise((resolve) => (end = resolve));
        // A device that is lost is told by the read-back of whoever wants the result.
        const done = this.#device.queue.onSubmittedWorkDone().catch(() => undefined);
        await before;
        before = done;
        if (state) await state.meet();
        if (isOver()) return undefined;
      }
    } finally {
      if (end) {
        this.#underWay = undefined;
        end();
      }
    }
  }

  /** Submits dispatches and what is between them in slices; the rest is as with {@link submit}. */
  submitWork<T>(work: readonly Work[], last: () => T, isOver?: () => boolean): Promise<Awaited<T> | undefined> {
    const slicer = (this.#slicer ??= new Slicer(this.#device, 'work'));
    slicer.begin(work);
    const encode = (encoder: GPUCommandEncoder): boolean => {
      slicer.encodeSubmit(encoder);
      return !slicer.isUnderWay;
    };
    return this.submit(encode, last, isOver);
  }
}
