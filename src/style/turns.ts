// How a session's iterations and evaluations get to the GPU: whole or in slices, one after another. What changes between
// them, the weights of the terms, waits for the end of what is recorded in part.

import { badOption } from '../gpu/errors.ts';
import type { Meeting, Slicer } from '../gpu/slicer.ts';
import { Submits } from '../gpu/submits.ts';
import type { Preview } from '../image/index.ts';
import type { Optimizer } from '../optim/index.ts';
import type { Evaluation } from './evaluation.ts';
import { termWeights } from './losses.ts';
import type { TermWeights } from './options.ts';

/** What turns are taken at. */
export interface Turned {
  readonly evaluation: Evaluation;
  readonly optimizer: Optimizer;
  /** Records both in slices, where that is wanted. */
  readonly slicer: Slicer;
  readonly painters: readonly Preview[];
}

/** Takes turns at the work of one iteration, until it is destroyed. Owns nothing. */
export class Turns {
  readonly submits: Submits;
  readonly #iteration: Turned;
  readonly #submitMilliseconds: number | undefined;
  #destroyed = false;
  #newFactors: TermWeights | undefined;

  constructor(device: GPUDevice, iteration: Turned, submitMilliseconds: number | undefined) {
    this.submits = new Submits(device, 'iteration');
    this.#iteration = iteration;
    this.#submitMilliseconds = submitMilliseconds;
  }

  /** Whether an iteration or evaluation is recorded in part. */
  get isBusy(): boolean {
    return this.#iteration.slicer.isUnderWay;
  }

  /** Ends what is recorded in part. When it resolves, more may have begun: ask {@link isBusy} again. */
  end(): Promise<unknown> {
    return this.submits.underWay ?? this.submits.submit((encoder) => this.encodeSubmit(encoder), () => undefined);
  }

  /** Records a slice of `budget` milliseconds into a caller's encoder; true at the end of the iteration. */
  encode(encoder: GPUCommandEncoder, budget: number): boolean {
    if (this.submits.underWay) {
      throw badOption('session.encode', 'work is between two submits', 'Await it first');
    }
    if (this.#iteration.evaluation.isSpread) {
      throw badOption('session.encode', 'it works on several devices', 'Use step');
    }
    return this.#encode(encoder, () => this.#iteration.slicer.encode(encoder, budget));
  }

  /** Records as much of an iteration as one submit should be; true at its end, or what comes before the next submit. */
  encodeSubmit(encoder: GPUCommandEncoder): boolean | Meeting {
    this.alive('session.encode');
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
      this.alive(where);
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

  /** What is between two submits ends with an error. */
  destroy(): void {
    this.#destroyed = true;
  }

  /** Throws `bad-option` when the session is gone. */
  alive(where: string): void {
    if (this.#destroyed) throw badOption(where, 'the session was destroyed', 'Create another one');
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
