// A compiled graph: its arena, its bound dispatches, and the way to run and read them. Replaying allocates nothing
// and makes no bind groups.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { rebind, Sequence, totalCost, type BufferRange, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { badOption, type WgpuStyleError } from '../gpu/errors.ts';
import { readBuffer } from '../gpu/readback.ts';
import { bytesOf, showShape, unpack } from '../kernels/shape.ts';
import { placeValues, type Lifetime } from './arena.ts';
import type { Plan } from './graph.ts';
import { placeOf, type Tensor } from './tensor.ts';

/** Work of one run and memory of the program, all known before it runs. */
export interface ProgramCost extends Cost {
  readonly dispatches: number;
  /** Bytes of the arena: activations, gates, gradients, scratch and folded constants. */
  readonly arenaBytes: number;
  /** How many of these are constants that were computed from constants, such as rotated weights: kept from run to run. */
  readonly foldedBytes: number;
}

/** Computes what a program was not asked to keep: a way back to the tape, without a circle of imports. */
export type ReadElsewhere = (tensor: Tensor) => Promise<Float32Array<ArrayBuffer>>;

/** The result of {@link Tape.compile}. Owns its arena; destroy it to get the memory back. */
export class Program {
  /** Settles when every pipeline is compiled, arena, variables and constants allocated; rejects with a typed error otherwise. */
  readonly ready: Promise<void>;
  /** Dispatches, flops, bytes moved by one run; bytes of memory. */
  readonly cost: ProgramCost;
  readonly #device: GPUDevice;
  readonly #plan: Plan;
  readonly #slots: readonly GPUBuffer[];
  readonly #memory: ReadonlyMap<Tensor, GPUBufferBinding>;
  readonly #kept: ReadonlySet<Tensor>;
  /** Variables and constants that the dispatches read: they belong to the tape and may be released. */
  readonly #leaves: readonly Tensor[];
  readonly #once: Sequence;
  readonly #always: Sequence;
  readonly #readElsewhere: ReadElsewhere;
  #foldedVersion = -1;
  #destroyed = false;

  constructor(
    device: GPUDevice,
    plan: Plan,
    outputs: readonly Tensor[],
    allocated: Promise<void>,
    readElsewhere: ReadElsewhere,
  ) {
    this.#device = device;
    this.#plan = plan;
    this.#readElsewhere = readElsewhere;
    this.#kept = new Set([...outputs, ...plan.gradients.values()]);
    this.#leaves = leavesOf(plan);
    const { tensors, lifetimes, foldedBytes } = valueLifetimes(plan, this.#kept);
    const { slotOf, offsetOf, slotBytes } = placeValues(lifetimes);
    const { result, settled } = watchMemory(device, 'tape.compile', () => allocate(device, slotBytes));
    this.#slots = result;
    const placed = (i: number, size: number): GPUBufferBinding => ({
      buffer: this.#slots[slotOf[i]!]!,
      offset: offsetOf[i]!,
      size,
    });
    this.#memory = new Map(tensors.map((t, i) => [t, placed(i, bytesOf(t.shape))]));
    const bind = (d: Dispatch<Tensor>): Dispatch<BufferRange> => rebind(d, (t) => this.#rangeOf(t));
    this.#once = new Sequence(device, 'program/once', plan.once.map(bind));
    this.#always = new Sequence(device, 'program', plan.always.map(bind));
    this.cost = {
      ...totalCost(plan.always),
      arenaBytes: slotBytes.reduce((sum, bytes) => sum + bytes, 0),
      foldedBytes,
    };
    this.ready = Promise.all([this.#once.ready, this.#always.ready, allocated, settled]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it, or by run()
  }

  #rangeOf(tensor: Tensor): GPUBufferBinding {
    if (tensor.within) {
      const { buffer, offset = 0 } = this.#rangeOf(tensor.within.tensor);
      return { buffer, offset: offset + tensor.within.offset, size: bytesOf(tensor.shape) };
    }
    const range = tensor.buffer ? { buffer: tensor.buffer } : this.#memory.get(tensor);
    if (!range) throw released('program', tensor);
    return range;
  }

  /** Variables, constants and results lie at the start of their buffers. */
  #bufferOf(tensor: Tensor): GPUBuffer {
    return this.#rangeOf(tensor).buffer;
  }

  /**
   * Records one run (forward, then backward) into the caller's encoder; never submits. Every encoder must be submitted,
   * in order: what depends on constants alone is recorded once, and again after a constant was rewritten.
   */
  encode(encoder: GPUCommandEncoder, timestamps?: Pick<GPUComputePassDescriptor, 'timestampWrites'>): void {
    if (this.#begin('program.encode')) {
      const pass = encoder.beginComputePass({ label: 'wgpu-style/fold constants' });
      this.#once.encode(pass);
      pass.end();
    }
    const pass = encoder.beginComputePass({ label: 'wgpu-style/program', ...timestamps });
    this.#always.encode(pass);
    pass.end();
  }

  /**
   * The dispatches of one run, for a caller that records them piece by piece: all of them, in order, before the next run
   * is recorded by this or another way. The arena is theirs until then.
   */
  next(): readonly Sequence[] {
    return this.#begin('program.next') ? [this.#once, this.#always] : [this.#always];
  }

  /** True when what depends on constants alone has to be recorded (again) with this run. */
  #begin(where: string): boolean {
    this.#alive(where);
    const gone = this.#leaves.find(({ buffer }) => !buffer);
    if (gone) throw released(where, gone);
    const version = this.#plan.foldedFrom.reduce((sum, constant) => sum + constant.version, 0);
    if (version === this.#foldedVersion) return false;
    this.#foldedVersion = version;
    return true;
  }

  /** Submits one run without waiting: what is read in the same turn is of this run. Needs {@link ready} settled. */
  submit(): void {
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/program' });
    this.encode(encoder);
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Runs once and waits for the GPU. */
  async run(): Promise<void> {
    await this.ready;
    this.submit();
    await this.#device.queue.onSubmittedWorkDone();
  }

  /**
   * The values of a tensor after the last run: row-major, without padding. Loss, outputs, variables and constants are
   * at hand; another tensor of the same tape is computed anew from the variables as they stand (slow: for looking).
   */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    this.#alive('program.read');
    if (!tensor.buffer && !this.#kept.has(tensor)) return this.#readElsewhere(tensor);
    const bytes = await readBuffer(this.#device, this.#bufferOf(tensor), 0, bytesOf(tensor.shape));
    return unpack(tensor.shape, new Float32Array(bytes));
  }

  /** dL/dx after the last run, in x's shape. Throws `bad-option` for an x that compile was not asked for. */
  async gradient(x: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return this.read(this.#gradientOf(x));
  }

  /** The buffer that holds dL/dx after each run (padded layout): for optimisers that stay on the GPU. */
  gradientBuffer(x: Tensor): GPUBuffer {
    return this.#bufferOf(this.#gradientOf(x));
  }

  /** The buffer of a variable, constant or output (padded layout). */
  buffer(tensor: Tensor): GPUBuffer {
    if (!tensor.buffer && !this.#kept.has(tensor)) {
      throw badOption(
        'program.buffer',
        `${tensor.label} ${showShape(tensor.shape)} is not kept by this program`,
        'Name it in the outputs of tape.compile',
      );
    }
    return this.#bufferOf(tensor);
  }

  /** Gives the arena back. Variables and constants belong to the tape. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#once.destroy();
    this.#always.destroy();
    for (const slot of this.#slots) destroyBuffer(slot);
  }

  #gradientOf(x: Tensor): Tensor {
    const gradient = this.#plan.gradients.get(x);
    if (gradient) return gradient;
    throw badOption(
      'program.gradient',
      `no gradient of ${x.label} was compiled`,
      'Name the tensor in the second argument of tape.compile',
    );
  }

  #alive(where: string): void {
    if (this.#destroyed) throw badOption(where, 'the program was destroyed', 'Compile it again');
  }
}

function released(where: string, tensor: Tensor): WgpuStyleError {
  return badOption(where, `${tensor.label} was released`, 'Keep variables and constants until the program is done');
}

/** Variables and constants of a plan, all of which must be there. */
function leavesOf({ once, always }: Plan): Tensor[] {
  const bound = [...once, ...always].flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const leaves = [...new Set(bound.filter(({ kind }) => kind !== 'value'))];
  const gone = leaves.find(({ buffer }) => !buffer);
  if (gone) throw released('tape.compile', gone);
  return leaves;
}

interface Span {
  first: number;
  last: number;
  readonly reads: Set<number>;
  readonly writes: Set<number>;
}

/** Lifetimes over `once` followed by `always`. What must survive between runs lives to the end. */
function valueLifetimes(
  { once, always }: Plan,
  kept: ReadonlySet<Tensor>,
): { tensors: Tensor[]; lifetimes: Lifetime[]; foldedBytes: number } {
  const all = [...once, ...always];
  const spans = new Map<Tensor, Span>();
  const spanOf = (part: Tensor, at: number): Span => {
    const tensor = placeOf(part);
    const span = spans.get(tensor) ?? { first: at, last: at, reads: new Set(), writes: new Set() };
    spans.set(tensor, span);
    span.last = at;
    return span;
  };
  all.forEach(({ inputs, outputs }, at) => {
    for (const tensor of inputs) if (!tensor.buffer) spanOf(tensor, at).reads.add(at);
    for (const tensor of outputs) if (!tensor.buffer) spanOf(tensor, at).writes.add(at);
  });
  let foldedBytes = 0;
  for (const [tensor, span] of spans) {
    // A folded constant that a run reads must outlive every run; results are read after the run. Before their first
    // dispatch both may share memory: whatever writes there is always followed by their own dispatches.
    const folded = span.first < once.length && span.last >= once.length;
    if (kept.has(tensor) || folded) span.last = all.length;
    if (folded) foldedBytes += bytesOf(tensor.shape);
  }
  const tensors = [...spans.keys()];
  return {
    tensors,
    foldedBytes,
    lifetimes: tensors.map((t) => ({
      bytes: bytesOf(t.shape),
      isResult: kept.has(t),
      ...spans.get(t)!,
    })),
  };
}

function allocate(device: GPUDevice, slotBytes: readonly number[]): GPUBuffer[] {
  const made: GPUBuffer[] = [];
  try {
    slotBytes.forEach((bytes, i) => made.push(createBuffer(device, `arena/${i}`, bytes)));
  } catch (error) {
    made.forEach(destroyBuffer);
    throw error;
  }
  return made;
}
