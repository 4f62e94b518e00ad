// Limited-memory BFGS: the two-loop recursion of Nocedal 1980 (Nocedal and Wright, algorithm 7.4) wholly on the GPU,
// with the steps of torch.optim.LBFGS, with or without line search. Host side of lbfgs.wgsl; bindings in lbfgs-ring.ts.
//
// Words used below:
//   pair    s (a step) and y (the change of the gradient over it), with rho = 1 / (y·s)
//   ring    the slots of the pairs; update k (from 0) writes its pair into slot (k - 1) mod history
//   group   a workgroup, and the one partial sum that it writes

import type { Cost, Sequence } from '../gpu/dispatch.ts';
import { badOption } from '../gpu/errors.ts';
import { kernelTarget } from '../kernels/target.ts';
import { bandName, bindRing, scalarFloats, type Slot } from './lbfgs-ring.ts';
import {
  checkClamp,
  checkLearningRate,
  checkParameters,
  checkSteps,
  destroyed,
  failuresIn,
  State,
  vectorsIn,
  type Clamp,
  type Optimizer,
  type OptimizerCost,
  type Parameter,
  type StateBuffer,
} from './optimizer.ts';
import { checkOptimizerOptions, type LbfgsRules, type LineSearch } from './options.ts';

/** Settings of {@link Lbfgs}. */
export interface LbfgsSettings {
  /** Default 1. Multiplies the first step (see `rules`) and the direction of the others. */
  readonly learningRate?: number;
  /** Pairs kept, 1 to 1000; default 100. Memory: 2·history + 3 buffers of the parameter's size. */
  readonly history?: number;
  /** If it is known that no more updates will follow, no more slots than these can fill are allocated. */
  readonly maxIterations?: number;
  /** Box projection after the step; the pair then holds the step as it was really taken. */
  readonly clamp?: Clamp;
  /** The loss that the gradient is of, a scalar: looked at beside it for numbers that are not finite; a search needs it. */
  readonly loss?: GPUBuffer;
  /** Default `torch`. */
  readonly rules?: LbfgsRules;
  /** How wide the values spread, default 1: the first step of the rules `relative` goes by it. */
  readonly range?: number;
  /** Default `none`: each step is taken as it is. `strong-wolfe` searches along it, as torch does; see the class. */
  readonly lineSearch?: LineSearch;
  /** Workgroups of each kernel, 1 to 256, and of all parameters together no more; default by size and adapter. For benchmarks and tests. */
  readonly groups?: number;
}

/** Slots of the ring: n updates make n - 1 pairs. */
export function historySlots(history: number, maxIterations: number = Infinity): number {
  return Math.max(1, Math.min(history, maxIterations - 1));
}

/**
 * Workgroups of every kernel, so partial sums of every dot product: enough to fill the device, few enough that each
 * workgroup can sum its predecessor's by itself, and eight vec4s a thread before there is a second one. On a CPU
 * there are few cores to fill, and each group costs some 5 µs of barriers: at 256×256 with 20 pairs an update took
 * 11 ms with 8 groups, 35 with 64, 80 with 256 (lavapipe on two busy cores, 2026-11-24; 4 to 16 are alike).
 */
export function partialGroups(vectors: number, software: boolean): number {
  return Math.max(1, Math.min(Math.ceil(vectors / (128 * 8)), software ? 8 : 256));
}

/** Flops, bytes and dispatches of one update with `pairs` pairs in the history, of `vectors` vec4s in so many parameters. */
export function lbfgsCost(vectors: number, pairs: number, parameters = 1): Cost & { readonly dispatches: number } {
  // Per pair: two multiply-adds in each loop, and y, s, the direction read and written in each.
  const flops = 4 * vectors * (8 * pairs + 10);
  const bytes = 16 * vectors * (8 * pairs + 14);
  return { flops, bytes, dispatches: (2 * pairs + 1) * parameters + 1 };
}

/**
 * L-BFGS over one parameter, or over several as if they were one: dot products are sums over all. A pair that does not count is not used, as in torch; unlike there it takes its slot, so
 * that it also drops the oldest pair of a full history: the host that knows the ring never sees the product.
 * Tolerances that end a run early are the caller's business, as is the test of torch for an ascent direction. All else
 * is torch's: the scaling (y·s)/(y·y), and by default the first step and y·s > 1e-10. By the rules `relative` a direction
 * without any pair is scaled as the first step was.
 *
 * With a line search an update is one evaluation of it, as torch's `max_eval` counts: the GPU decides by itself whether
 * the last step ends the search and a new direction is computed, or where on the same line to look next. So nothing waits
 * for the host; an evaluation that goes on with a search costs the dispatches of an update, not its work, and takes a slot
 * of the ring. Where torch would step back to an earlier point of the search, that is evaluated once more. Losses are floats: steps that change
 * them by less than 1e-7 of their size are searched in the dark, and end after 25 evaluations.
 */
export class Lbfgs implements Optimizer {
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  readonly #device: GPUDevice;
  readonly #state: State;
  readonly #first: Sequence;
  readonly #slots: readonly Slot[];
  #steps = 0;
  #destroyed = false;

  /** @throws `bad-option` for settings out of range or buffers too small; `limit-exceeded`. */
  constructor(device: GPUDevice, given: Parameter | readonly Parameter[], settings: LbfgsSettings = {}) {
    const parameters = 'value' in given ? [given] : given;
    const { learningRate = 1, history = 100, maxIterations, clamp, loss, rules = 'torch', range = 1, lineSearch = 'none' } = settings;
    if (maxIterations !== undefined) checkSteps(maxIterations, 'Lbfgs, maxIterations');
    checkOptimizerOptions({ name: 'lbfgs', learningRate, history, rules, lineSearch });
    const searches = lineSearch !== 'none';
    if (searches && !loss) throw badOption('Lbfgs', 'a line search needs the loss', 'Give `loss`, a scalar on the GPU');
    if (searches && clamp) throw badOption('optimizer lbfgs', 'a line search cannot keep to a box', 'Give clamp: false, or leave out lineSearch');
    checkParameters(parameters, 'Lbfgs');
    checkClamp(clamp, 'Lbfgs');
    this.#device = device;
    const pairs = historySlots(history, maxIterations);
    const groups = groupsOf(parameters, settings.groups, kernelTarget(device).software);
    const roles = ['direction', 'previousGradient', 'before'];
    for (let i = 0; i < pairs; i++) roles.push(`s${i}`, `y${i}`);
    this.#state = new State(device, 'lbfgs', [
      ['scalars', scalarFloats(pairs, groups.reduce((sum, count) => sum + count, 0))],
      ...roles.flatMap((role) =>
        parameters.map((parameter, b) => [bandName(role, b, parameters.length), vectorsIn(parameter) * 4] as const),
      ),
    ]);
    device.queue.writeBuffer(this.#state.get('scalars'), 0, Float32Array.of(learningRate));
    const values = parameters.reduce((sum, { floats }) => sum + floats, 0);
    const scale = rules === 'torch' ? { length: 0, share: 0 } : { length: FIRST_STEP * range * values, share: SHARE };
    const { first, slots } = bindRing(device, this.#state, { parameters, pairs, groups, clamp, loss, searches, ...scale });
    this.#first = first;
    this.#slots = slots;
    const vectors = parameters.reduce((sum, parameter) => sum + vectorsIn(parameter), 0);
    this.cost = { ...lbfgsCost(vectors, pairs, parameters.length), stateBytes: this.#state.bytes };
    const sequences = [first, ...slots.flatMap((slot) => Object.values(slot) as Sequence[])];
    this.ready = Promise.all([this.#state.settled, ...sequences.map(({ ready }) => ready)]).then(() => undefined);
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
    if (this.#destroyed) throw destroyed('Lbfgs.encode');
    const made = this.#steps++;
    if (made === 0) return [this.#first];
    const size = this.#slots.length;
    const count = Math.min(made, size);
    const newest = made - 1;
    const slot = (k: number): Slot => this.#slots[k % size]!;
    const sequences = [slot(newest).pair];
    for (let k = newest; k > newest - count + 1; k--) sequences.push(slot(k).firstLoop);
    sequences.push(slot(newest - count + 1).turn);
    for (let k = newest - count + 1; k < newest; k++) sequences.push(slot(k).secondLoop);
    sequences.push(slot(newest).finish);
    return sequences;
  }

  setLearningRate(value: number): void {
    checkLearningRate(value, 'Lbfgs.setLearningRate');
    this.#device.queue.writeBuffer(this.#state.get('scalars'), 0, Float32Array.of(value));
  }

  reset(): void {
    this.#steps = 0;
  }

  resume(steps: number): void {
    checkSteps(steps, 'Lbfgs.resume');
    this.#steps = steps;
  }

  state(): readonly StateBuffer[] {
    return this.#state.buffers;
  }

  destroy(): void {
    this.#destroyed = true;
    this.#first.destroy();
    for (const slot of this.#slots) {
      for (const sequence of Object.values(slot) as Sequence[]) sequence.destroy();
    }
    this.#state.destroy();
  }
}

/**
 * By the rules `relative`: the mean change of a float of the parameters in the first step, of its range. Seen by gradients, and
 * harmless anywhere. Padding counts and does not move: an image's colours, three floats of four, change by a third more.
 */
const FIRST_STEP = 1e-3;

/** … and the part of the slope along a step that has to be gone at its end: above what rounding of the gradient makes. */
const SHARE = 1e-6;

/** A workgroup of 128 threads sums at most two partials a thread. */
const MOST_GROUPS = 256;

/** Workgroups of every parameter's kernels: as many as there are for one, split where there are several. */
function groupsOf(parameters: readonly Parameter[], wanted: number | undefined, software: boolean): number[] {
  const share = Math.floor(MOST_GROUPS / parameters.length);
  const groups = parameters.map((parameter) => wanted ?? Math.min(share, partialGroups(vectorsIn(parameter), software)));
  if (groups.every((count) => Number.isInteger(count) && count >= 1 && count <= share)) return groups;
  throw badOption('Lbfgs', `groups is ${wanted} for ${groups.length} parameters`, 'Give 1 to 256 in all');
}
