// The lifetime of an update rule that is the same dispatches every time (Adam, gradient descent): what it records, counts
// and gives back. Its scalars are those of schedule.wgsl.

import { Sequence, totalCost, type Dispatch } from '../gpu/dispatch.ts';
import {
  checkLearningRate,
  checkSteps,
  destroyed,
  failuresIn,
  type Optimizer,
  type OptimizerCost,
  type State,
  type StateBuffer,
} from './optimizer.ts';

/** What a rule is made of. */
export interface ReplayedParts {
  /** The class, for messages. */
  readonly where: string;
  readonly device: GPUDevice;
  /** Owned from here on; has a buffer `scalars`. */
  readonly state: State;
  readonly learningRate: number;
  readonly dispatches: readonly Dispatch<GPUBuffer>[];
}

/** An optimiser that replays one sequence. */
export class Replayed implements Optimizer {
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  readonly #where: string;
  readonly #device: GPUDevice;
  readonly #state: State;
  readonly #sequences: readonly [Sequence];
  #steps = 0;
  #destroyed = false;

  protected constructor({ where, device, state, learningRate, dispatches }: ReplayedParts) {
    this.#where = where;
    this.#device = device;
    this.#state = state;
    device.queue.writeBuffer(state.get('scalars'), 0, Float32Array.of(learningRate, 1, 0, 0));
    const sequence = new Sequence(device, state.name, dispatches);
    this.#sequences = [sequence];
    this.cost = { ...totalCost(dispatches), stateBytes: state.bytes };
    this.ready = Promise.all([sequence.ready, state.settled]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  get failures(): GPUBufferBinding {
    return failuresIn(this.#state.get('scalars'));
  }

  get steps(): number {
    return this.#steps;
  }

  encode(pass: GPUComputePassEncoder): void {
    for (const sequence of this.next()) sequence.encode(pass);
  }

  next(): readonly Sequence[] {
    if (this.#destroyed) throw destroyed(`${this.#where}.encode`);
    this.#steps++;
    return this.#sequences;
  }

  setLearningRate(value: number): void {
    checkLearningRate(value, `${this.#where}.setLearningRate`);
    this.#device.queue.writeBuffer(this.#state.get('scalars'), 0, Float32Array.of(value));
  }

  reset(): void {
    // damping, failures, t
    this.#device.queue.writeBuffer(this.#state.get('scalars'), 4, Float32Array.of(1, 0, 0));
    this.#steps = 0;
  }

  resume(steps: number): void {
    checkSteps(steps, `${this.#where}.resume`);
    this.#steps = steps;
  }

  state(): readonly StateBuffer[] {
    return this.#state.buffers;
  }

  destroy(): void {
    this.#destroyed = true;
    this.#sequences[0].destroy();
    this.#state.destroy();
  }
}
