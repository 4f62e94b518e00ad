// How a session's iterations and evaluations get to the GPU: whole or in slices, one after another. What changes between
// them, the weights of the terms, waits for the end of what is recorded in part.

import { badOption } from '../gpu/errors.ts';
import type { Meeting } from '../gpu/slicer.ts';
import { Submits } from '../gpu/submits.ts';
import { termWeights } from './losses.ts';
import type { TermWeights } from './options.ts';
import type { Iteration } from './session-parts.ts';

/** Takes turns at the work of one iteration. Owns nothing. */
export class Turns {
  readonly submits: Submits;
  readonly #iteration: Iteration;
  readonly #submitMilliseconds: number | undefined;
  readonly #alive: (where: string) => void;
  #newFactors: TermWeights | undefined;

  /** `alive` throws when the session is gone. */
  constructor(
    device: GPUDevice,
    iteration: Iteration,
    submitMilliseconds: number | undefined,
    alive: (where: string) => void,
  ) {
    this.submits = new Submits(device, 'iteration');
    this.#iteration = iteration;
    this.#submitMilliseconds = submitMilliseconds;
    this.#alive = alive;
  }

  /** Whether an iteration or evaluation is recorded in part. */
  get isBusy(): boolean {
    return this.#iteration.slicer.isUnderWay;
  }

  /** Ends what is recorded in part. When it resolves, more may have begun: ask {@link isBusy} again. */
  end(): Promise<unknown> {
    const encode = (encoder: GPUCommandEncoder): boolean | Meeting => {
      this.#alive('session.encode');
      return this.encodeSubmit(encoder);
    };
    return this.submits.underWay ?? this.submits.submit(encode, () => undefined);
  }

  /** Records a slice of `budget` milliseconds into a caller's encoder; true at the end of the iteration. */
  encode(encoder: GPUCommandEncoder, budget: number): boolean {
    if (this.submits.underWay) {
      throw badOption('session.encode', 'work of this session is between two submits', 'Await step, run or evaluate first');
    }
    if (this.#iteration.evaluation.isSpread) {
      throw badOption('session.encode', 'the session works on several devices', 'Use step or run, or give one device');
    }
    return this.#encode(encoder, () => this.#iteration.slicer.encode(encoder, budget));
  }

  /** Records as much of an iteration as one submit should be; true at its end, or what comes before the next submit. */
  encodeSubmit(encoder: GPUCommandEncoder): boolean | Meeting {
    const { slicer } = this.#iteration;
    return this.#encode(encoder, () => slicer.encodeSubmit(encoder, this.#submitMilliseconds)) || (slicer.takeMeeting() ?? false);
  }

  /** Drops the iteration that is recorded in part; false where the picture is being changed already. */
  abandon(): boolean {
    if (!this.#iteration.slicer.abandon()) return false;
    this.#iteration.evaluation.breakOff();
    return true;
  }

  /** Evaluates loss and gradient, and gives what `read` reads in the turn of the last submit. */
  async evaluated<T>(where: string, read: () => Promise<T>): Promise<T> {
    const { slicer, evaluation } = this.#iteration;
    while (this.isBusy) await this.end();
    this.#writeWeights();
    slicer.begin(evaluation.next());
    const encode = (encoder: GPUCommandEncoder): boolean | Meeting => {
      this.#alive(where);
      slicer.encodeSubmit(encoder, this.#submitMilliseconds);
      return !slicer.isUnderWay || (slicer.takeMeeting() ?? false);
    };
    return (await this.submits.submit(encode, read))!;
  }

  /** Weighs the terms anew; never in the middle of an iteration: loss and gradient would not fit. */
  setFactors(factors: TermWeights): void {
    this.#newFactors = factors;
    if (!this.isBusy) this.#writeWeights();
  }

  #encode(encoder: GPUCommandEncoder, record: () => void): boolean {
    const { evaluation, optimizer, slicer, painters } = this.#iteration;
    if (!slicer.isUnderWay) {
      this.#writeWeights();
      slicer.begin(evaluation.next(), () => optimizer.next());
    }
    record();
    if (slicer.isUnderWay) return false;
    for (const painter of painters) painter.encode(encoder);
    return true;
  }

  #writeWeights(): void {
    if (!this.#newFactors) return;
    const { evaluation } = this.#iteration;
    evaluation.setWeights(termWeights(evaluation.terms, this.#newFactors));
    this.#newFactors = undefined;
  }
}
