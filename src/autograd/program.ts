// A compiled graph: its arena, its bound dispatches, and the way to run and read them. Replaying allocates nothing
// and makes no bind groups.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { rebind, Sequence, totalCost, type BufferRange, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { badOption, type WgpuStyleError } from '../gpu/errors.ts';
import { readBuffer } from '../gpu/readback.ts';
import { Submits } from '../gpu/submits.ts';
import { bytesOf, showShape, unpack } from '../kernels/shape.ts';
import { placeValues } from './arena.ts';
import { storedBytes, valueLifetimes, type PartsPlan } from './parts.ts';
import type { Tensor } from './tensor.ts';

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

/** The result of {@link Tape.compile} or {@link Tape.compileParts}. Owns its arena; destroy it to get the memory back. */
export class Program {
  /** Settles when every pipeline is compiled, arena, variables and constants allocated; rejects with a typed error otherwise. */
  readonly ready: Promise<void>;
  /** Dispatches, flops, bytes moved by one run (of every part once); bytes of memory. */
  readonly cost: ProgramCost;
  /** Work of each part. */
  readonly partCosts: readonly (Cost & { readonly dispatches: number })[];
  readonly #device: GPUDevice;
  readonly #plan: PartsPlan;
  readonly #slots: readonly GPUBuffer[];
  readonly #memory: ReadonlyMap<Tensor, GPUBufferBinding>;
  readonly #kept: ReadonlySet<Tensor>;
  /** Variables and constants that the dispatches read: they belong to the tape and may be released. */
  readonly #leaves: readonly Tensor[];
  readonly #once: Sequence;
  readonly #parts: readonly Sequence[];
  readonly #readElsewhere: ReadElsewhere;
  readonly #submits: Submits;
  #foldedVersion = -1;
  #destroyed = false;

  constructor(
    device: GPUDevice,
    plan: PartsPlan,
    allocated: Promise<void>,
    readElsewhere: ReadElsewhere,
  ) {
    this.#device = device;
    this.#submits = new Submits(device, 'program');
    this.#plan = plan;
    this.#readElsewhere = readElsewhere;
    this.#kept = new Set(plan.parts.flatMap(({ kept }) => [...kept]));
    this.#leaves = leavesOf(plan);
    const { tensors, lifetimes, foldedBytes } = valueLifetimes(plan);
    const { slotOf, offsetOf, slotBytes } = placeValues(lifetimes);
    const { result, settled } = watchMemory(device, 'tape.compile', () => allocate(device, slotBytes));
    this.#slots = result;
    const placed = (i: number, size: number): GPUBufferBinding => ({
      buffer: this.#slots[slotOf[i]!]!,
      offset: offsetOf[i]!,
      size,
    });
    this.#memory = new Map(tensors.map((t, i) => [t, placed(i, storedBytes(plan, t))]));
    const bind = (d: Dispatch<Tensor>): Dispatch<BufferRange> => rebind(d, (t) => this.#rangeOf(t));
    this.#once = new Sequence(device, 'program/once', plan.once.map(bind));
    this.#parts = plan.parts.map(({ dispatches }) => new Sequence(device, 'program', dispatches.map(bind)));
    this.partCosts = plan.parts.map(({ dispatches }) => totalCost(dispatches));
    this.cost = {
      ...totalCost(plan.parts.flatMap(({ dispatches }) => dispatches)),
      arenaBytes: slotBytes.reduce((sum, bytes) => sum + bytes, 0),
      foldedBytes,
    };
    // In the order of their making: what is bound to memory that is not there was refused for that reason.
    const bound = [this.#once, ...this.#parts].map(({ ready }) => ready);
    this.ready = allocated.then(() => settled).then(() => Promise.all(bound)).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it, or by run()
  }

  #rangeOf(tensor: Tensor): GPUBufferBinding {
    if (tensor.within) {
      const { buffer, offset = 0 } = this.#rangeOf(tensor.within.tensor);
      return { buffer, offset: offset + tensor.within.offset, size: bytesOf(tensor.shape) };
    }
    const range = tensor.buffer ? { buffer: tensor.buffer, offset: 0, size: bytesOf(tensor.shape) } : this.#memory.get(tensor);
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
    const sequences = this.next();
    const pass = encoder.beginComputePass({ label: 'wgpu-style/program', ...timestamps });
    for (const sequence of sequences) sequence.encode(pass);
    pass.end();
  }

  /**
   * The dispatches of one run, for a caller that records them piece by piece: all of them, in order, before the next run
   * is recorded by this or another way. The arena is theirs until then.
   */
  next(): readonly Sequence[] {
    return [...this.folds(), ...this.#parts];
  }

  /** What depends on constants alone, where it is to be recorded (again): before parts. */
  folds(): readonly Sequence[] {
    return this.#begin('program.next') ? [this.#once] : [];
  }

  /** The dispatches of one part; {@link folds} come before them. */
  part(part: number): Sequence {
    return this.#parts[part]!;
  }

  /** A run was not recorded to its end: what depends on constants is recorded again with the next one. */
  breakOff(): void {
    this.#foldedVersion = -1;
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

  /** Runs once and waits for the GPU. On a slow one that is several submits (gpu/slicer.ts says how long one may take). */
  async run(): Promise<void> {
    await this.ready;
    while (this.#submits.underWay) await this.#submits.underWay;
    const isOver = (): boolean => this.#destroyed;
    await this.#submits.submitWork(this.next(), () => this.#device.queue.onSubmittedWorkDone(), isOver);
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

  /** Where dL/dx lies at the end of `part` (padded layout). */
  gradientRange(x: Tensor, part: number): GPUBufferBinding {
    return this.#rangeOf(this.#gradientOf(x, part));
  }

  /** Where a variable, a constant or what a part keeps lies (padded layout). */
  range(tensor: Tensor): GPUBufferBinding {
    return this.#rangeOf(tensor);
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
    for (const part of this.#parts) part.destroy();
    for (const slot of this.#slots) destroyBuffer(slot);
  }

  #gradientOf(x: Tensor, part = 0): Tensor {
    const gradient = this.#plan.parts[part]?.gradients.get(x);
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
function leavesOf({ once, parts }: PartsPlan): Tensor[] {
  const all = [...once, ...parts.flatMap(({ dispatches }) => dispatches)];
  const bound = all.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  const leaves = [...new Set(bound.filter(({ kind }) => kind !== 'value'))];
  const gone = leaves.find(({ buffer }) => !buffer);
  if (gone) throw released('tape.compile', gone);
  return leaves;
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
