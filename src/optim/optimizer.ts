// What every optimiser here is: built once over buffers that stay on the GPU, then recorded into a compute pass, one
// update each time. Nothing is allocated, bound or read back after construction; step counters, dot products and step
// sizes live in a small buffer of scalars. An optimiser knows gradients as buffers only: no tape, no pictures.
//
// No update is made from numbers that are not finite. Where the loss or a gradient is not, the step that led there is cut
// to a quarter, at the next failure in a row to a sixteenth of that, and so on, and what the rule remembers stays as it
// was; the learning rate is damped by as much and recovers by a tenth with every update. A single value that would leave
// the range of floats stays where it is. Other runs are not touched by any of this, not in the last bit.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import type { Cost, Params, Sequence } from '../gpu/dispatch.ts';
import { badOption } from '../gpu/errors.ts';

/**
 * What is optimised: a buffer of values and the buffer that holds dL/dvalue before each update, in the padded layout
 * (`floats` of them, rounded up to whole vec4s). Padding lanes hold gradient 0 and so never move. Both are borrowed.
 */
export interface Parameter {
  readonly value: GPUBuffer;
  readonly gradient: GPUBuffer;
  readonly floats: number;
}

/** A box that values are put back into after each update: limits for the four lanes of every vec4 (RGBA of an image). */
export interface Clamp {
  readonly min: readonly [number, number, number, number];
  readonly max: readonly [number, number, number, number];
}

/** Exponential decay: update t (from 0) uses learningRate · rate^(t / steps), continuously, as Keras does. */
export interface Decay {
  /** Above 0. */
  readonly rate: number;
  /** Updates after which the learning rate has been multiplied by `rate` once; above 0. */
  readonly steps: number;
}

/** Work of one update (with full history, where there is one) and memory of the state. */
export interface OptimizerCost extends Cost {
  readonly dispatches: number;
  readonly stateBytes: number;
}

/** A buffer of an optimiser's state, named for a checkpoint. */
export interface StateBuffer {
  readonly name: string;
  readonly buffer: GPUBuffer;
}

/** An update rule over fixed buffers. */
export interface Optimizer {
  /** Settles when pipelines are compiled and memory is there; rejects with a typed error otherwise. */
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  /** One float: 0 when the last update was made, else how many times in a row it was not, for want of finite numbers. */
  readonly failures: GPUBufferBinding;
  /** The average of the iterates, a buffer for each parameter in its layout, where one is kept. */
  readonly average?: readonly GPUBuffer[];
  /** Updates recorded since construction or {@link reset}. */
  readonly steps: number;
  /**
   * Records one update into `pass`: reads each gradient, moves each value. Every recorded update must be submitted,
   * in order, because the count of updates is kept here.
   */
  encode(pass: GPUComputePassEncoder): void;
  /** The dispatches of the next update, for a caller that records them piece by piece. Counts as an {@link encode}. */
  next(): readonly Sequence[];
  /** Takes effect for commands submitted after the call. Throws `bad-option` unless finite and above 0. */
  setLearningRate(value: number): void;
  /** Forgets moments, history and count: the next update is a first one. The learning rate stays as set. */
  reset(): void;
  /** The buffers to save, with {@link steps}, to go on later; all have COPY_SRC and COPY_DST. */
  state(): readonly StateBuffer[];
  /** Goes on from state buffers that the caller has filled with those of an optimiser after `steps` updates. */
  resume(steps: number): void;
  /** Gives the state's memory back; parameters belong to the caller. */
  destroy(): void;
}

/** The state of one optimiser: buffers with names, allocated together or not at all. */
export class State {
  /** Rejects with `out-of-memory` when the device could not provide the buffers. */
  readonly settled: Promise<void>;
  readonly bytes: number;
  readonly buffers: readonly StateBuffer[];
  /** For labels: the rule's own. */
  readonly name: string;

  /** @throws `limit-exceeded` when one of the buffers is larger than the device allows. */
  constructor(device: GPUDevice, where: string, sizes: readonly (readonly [name: string, floats: number])[]) {
    const buffers: StateBuffer[] = [];
    const { settled } = watchMemory(device, where, () => {
      try {
        for (const [name, floats] of sizes) {
          buffers.push({ name, buffer: createBuffer(device, `${where}/${name}`, floats * 4) });
        }
      } catch (error) {
        for (const { buffer } of buffers) destroyBuffer(buffer);
        throw error;
      }
    });
    this.settled = settled;
    this.name = where;
    this.buffers = buffers;
    this.bytes = buffers.reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  get(name: string): GPUBuffer {
    return this.buffers.find((entry) => entry.name === name)!.buffer;
  }

  destroy(): void {
    for (const { buffer } of this.buffers) destroyBuffer(buffer);
  }
}

/** Where every rule's scalars have the number of failures: after the learning rate and its damping. */
export function failuresIn(scalars: GPUBuffer): GPUBufferBinding {
  return { buffer: scalars, offset: 8, size: 4 };
}

/** Whole vec4s of a parameter. */
export function vectorsIn({ floats }: Parameter): number {
  return Math.ceil(floats / 4);
}

/** Throws `bad-option` where a buffer is too small for its count, or value and gradient are the same buffer. */
export function checkParameters(parameters: readonly Parameter[], where: string): void {
  if (parameters.length === 0) {
    throw badOption(where, 'got no parameters', 'Give at least one { value, gradient, floats }');
  }
  parameters.forEach((parameter, i) => {
    const { value, gradient, floats } = parameter;
    if (!Number.isInteger(floats) || floats < 1) {
      throw badOption(where, `parameter ${i} has ${floats} floats`, 'Give a whole number from 1');
    }
    if (value === gradient) {
      throw badOption(where, `parameter ${i} has one buffer as value and gradient`, 'Give two buffers');
    }
    const bytes = vectorsIn(parameter) * 16;
    const size = Math.min(value.size, gradient.size);
    if (size >= bytes) return;
    throw badOption(
      where,
      `parameter ${i} has a buffer of ${size} bytes, ${floats} floats need ${bytes}`,
      'Pad buffers to a multiple of 16 bytes, or give the right count',
    );
  });
}

/** Throws `bad-option` unless every lane has min ≤ max (infinite limits are allowed: they do nothing). */
export function checkClamp(clamp: Clamp | undefined, where: string): void {
  if (!clamp) return;
  const { min, max } = clamp;
  const sound = min.length === 4 && max.length === 4 && min.every((low, lane) => low <= max[lane]!);
  if (sound) return;
  throw badOption(
    where,
    `clamp goes from [${min.join(', ')}] to [${max.join(', ')}]`,
    'Give four numbers each, every minimum at most its maximum',
  );
}

const LARGEST = 3.4028234663852886e38;

/** Appends the box as two vec4f (WGSL has no infinities to rely on: they become the largest float). */
export function appendBox(params: Params, clamp: Clamp | undefined): Params {
  const finite = (limit: number): number => Math.min(LARGEST, Math.max(-LARGEST, limit));
  const { min, max } = clamp ?? { min: [0, 0, 0, 0], max: [0, 0, 0, 0] };
  return params.f32(...min.map(finite), ...max.map(finite));
}

/** log2(rate) / steps: the exponent of 2 that one update adds to the learning rate; 0 for none. */
export function decayPerStep(decay: Decay | undefined): number {
  return decay ? Math.log2(decay.rate) / decay.steps : 0;
}

/** Throws `bad-option` unless `value` is finite and above 0. */
export function checkLearningRate(value: number, where: string): void {
  if (Number.isFinite(value) && value > 0) return;
  throw badOption(where, `learningRate is ${String(value)}`, 'Give a number above 0');
}

/** Throws `bad-option` unless `steps` is a whole number from 0. */
export function checkSteps(steps: number, where: string): void {
  if (Number.isInteger(steps) && steps >= 0) return;
  throw badOption(where, `got ${steps} steps`, 'Give a whole number from 0');
}

/** The error of using an optimiser after its end. */
export function destroyed(where: string): Error {
  return badOption(where, 'the optimiser was destroyed', 'Make a new one');
}
