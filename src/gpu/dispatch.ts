// A dispatch is plain data: which shader, which buffers, which sizes, how many workgroups. Kernels return dispatches;
// the tape looks at them to find lifetimes; a `Sequence` binds them to real buffers once and replays them.
//
// Words used everywhere below:
//   input     a buffer that the kernel only reads (binding 0 …)
//   output    a buffer that it writes (the bindings after the inputs); `updates` says that it reads it too
//   params    the kernel's sizes and scalars: one uniform block, the last binding

import { createBuffer, destroyBuffer, watchMemory } from './buffers.ts';
import { bindGroupLayout, pipelineAsync, pipelineNow, type PipelineKey, type Shader } from './pipelines.ts';
import type { StoredBindings } from './storage.ts';

/** Arithmetic and memory traffic of a dispatch, for budgets and benchmarks. A multiply-add counts 2. */
export interface Cost {
  readonly flops: number;
  /** Compulsory traffic: every input and output byte once. */
  readonly bytes: number;
}

/** The gradient of a ReLU, by gate words of an activation of `shape` [h, w, c]; 0 where the bit is 0. */
export interface GateWords<B> {
  readonly kind: 'gate words';
  readonly by: B;
  readonly shape: readonly [number, number, number];
}

/** An elementwise step that a kernel may do as it stores: max(·, 0), or 0 where `by` (of the same shape) is ≤ 0. */
export type Pointwise<B> =
  | { readonly kind: 'relu' }
  | { readonly kind: 'gate'; readonly by: B }
  | GateWords<B>;

/** Where a kernel's input is the gradient of a ReLU and 2x2 pooling: `of` is the pooled gradient. */
export interface Unpool<B> {
  readonly kind: 'max' | 'average';
  readonly of: B;
  readonly words: B;
}

/** One kernel launch over buffers of kind `B`: a GPUBuffer, a binding, or a tensor that has no memory yet. */
export interface Dispatch<B> {
  readonly label: string;
  readonly shader: Shader;
  readonly entryPoint?: string;
  readonly constants?: Readonly<Record<string, number>>;
  readonly inputs: readonly B[];
  readonly outputs: readonly B[];
  /** True when the outputs' old contents matter (accumulation, state). */
  readonly updates?: boolean;
  /** True when the kernel declares one more output, which it does not touch this time. */
  readonly hasSpareOutput?: boolean;
  readonly params: Params;
  readonly workgroups: Workgroups;
  readonly cost: Cost;
  /** Set where the dispatch is nothing but a pointwise step from `of` to its output. */
  readonly pointwise?: Pointwise<B> & { readonly of: B };
  /** The same dispatch, its result in `to` after the step; undefined where the kernel cannot do that. */
  absorb?(this: void, step: Pointwise<B>, to: B): Dispatch<B> | undefined;
  /** Set where buffers may be stored in less than f32. */
  readonly stored?: StoredBindings;
  /** Set where the output is a scalar [1], `factor` · Σ over the first `vectors` vec4s of `part` and their lanes. */
  readonly sum?: { readonly part: B; readonly vectors: number; readonly factor: number };
  /** Set where the output is weights[i] · terms[i] of scalars, one object for all dispatches that make it together. */
  readonly weighs?: { readonly terms: readonly B[]; readonly weights: B };
  /** Set where the dispatch is nothing but an unpooling to its output. */
  readonly unpool?: Unpool<B>;
  /** The same dispatch, unpooling `from` as it loads in place of reading `input`; undefined where it cannot. */
  absorbUnpool?(this: void, from: Unpool<B>, input: B): Dispatch<B> | undefined;
}

/** Counts of workgroups along x, y, z; each at most 65,535. */
export type Workgroups = readonly [number, number, number];

/** A uniform block, filled field by field in the order of the WGSL struct (32-bit scalars only). */
export class Params {
  readonly #words: number[] = [];

  u32(...values: readonly number[]): this {
    for (const value of values) this.#words.push(value >>> 0);
    return this;
  }

  i32(...values: readonly number[]): this {
    for (const value of values) this.#words.push(value >>> 0);
    return this;
  }

  f32(...values: readonly number[]): this {
    for (const value of values) this.#words.push(new Uint32Array(Float32Array.of(value).buffer)[0]!);
    return this;
  }

  /** The block, padded to a multiple of 16 bytes. */
  get words(): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(Math.max(4, Math.ceil(this.#words.length / 4) * 4));
    words.set(this.#words);
    return words;
  }
}

/**
 * Workgroups for `count` threads in groups of `size`, folded into two dimensions because one dimension ends at
 * 65,535. The shader's index is `id.x + id.y * groups.x * size`.
 */
export function linearWorkgroups(count: number, size: number): Workgroups {
  const groups = Math.max(1, Math.ceil(count / size));
  if (groups <= 65535) return [groups, 1, 1];
  const y = Math.ceil(groups / 65535);
  return [Math.ceil(groups / y), y, 1];
}

/** The same dispatch over other buffers; what it could be fused with is decided before and does not come along. */
export function rebind<A, B>(dispatch: Dispatch<A>, place: (buffer: A) => B): Dispatch<B> {
  const { label, shader, entryPoint, constants, updates, hasSpareOutput, params, workgroups, cost } = dispatch;
  return {
    label,
    shader,
    ...(entryPoint !== undefined && { entryPoint }),
    ...(constants && { constants }),
    inputs: dispatch.inputs.map(place),
    outputs: dispatch.outputs.map(place),
    ...(updates && { updates }),
    ...(hasSpareOutput && { hasSpareOutput }),
    params,
    workgroups,
    cost,
  };
}

function keyOf<B>(dispatch: Dispatch<B>): PipelineKey {
  return {
    shader: dispatch.shader,
    entryPoint: dispatch.entryPoint ?? 'main',
    constants: dispatch.constants ?? {},
    inputs: dispatch.inputs.length,
    outputs: outputBindings(dispatch),
  };
}

function outputBindings<B>({ outputs, hasSpareOutput }: Dispatch<B>): number {
  return outputs.length + (hasSpareOutput ? 1 : 0);
}

/** Sums the costs of dispatches. */
export function totalCost<B>(dispatches: readonly Dispatch<B>[]): Cost & { dispatches: number } {
  let flops = 0;
  let bytes = 0;
  for (const { cost } of dispatches) {
    flops += cost.flops;
    bytes += cost.bytes;
  }
  return { dispatches: dispatches.length, flops, bytes };
}

/** A real place in GPU memory: a whole buffer or a range of one. */
export type BufferRange = GPUBuffer | GPUBufferBinding;

function asBinding(range: BufferRange): GPUBufferBinding {
  return 'buffer' in range ? range : { buffer: range };
}

interface Bound {
  readonly dispatch: Dispatch<BufferRange>;
  readonly key: PipelineKey;
  readonly group: GPUBindGroup;
  pipeline?: GPUComputePipeline;
}

/**
 * Dispatches bound to real buffers: bind groups and uniforms are made once here, and {@link encode} only replays.
 * Owns its uniform buffer, nothing else.
 */
export class Sequence {
  /** Settles when memory is there, every shader loaded, every pipeline compiled; rejects with the typed error otherwise. */
  readonly ready: Promise<void>;
  readonly #device: GPUDevice;
  #bound!: readonly Bound[];
  #uniforms!: GPUBuffer;
  readonly #stride: number;
  /** Bound where a kernel declares an output that it does not touch. */
  #spare: GPUBuffer | undefined;

  constructor(device: GPUDevice, label: string, dispatches: readonly Dispatch<BufferRange>[]) {
    this.#device = device;
    this.#stride = Math.max(256, device.limits.minUniformBufferOffsetAlignment);
    const size = dispatches.length * this.#stride;
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const { settled } = watchMemory(device, label, () => {
      this.#uniforms = createBuffer(device, `${label}/params`, size, usage);
      if (dispatches.some(({ hasSpareOutput }) => hasSpareOutput)) this.#spare = createBuffer(device, `${label}/spare`, 16);
      const contents = new Uint32Array(size / 4);
      this.#bound = dispatches.map((dispatch, i) => {
        const { words } = dispatch.params;
        contents.set(words, (i * this.#stride) / 4);
        const uniform = { buffer: this.#uniforms, offset: i * this.#stride, size: words.byteLength };
        return { dispatch, key: keyOf(dispatch), group: this.#bind(dispatch, uniform) };
      });
      device.queue.writeBuffer(this.#uniforms, 0, contents);
    });
    this.ready = Promise.all([settled, ...this.#bound.map(({ key }) => pipelineAsync(device, key))]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  #bind(dispatch: Dispatch<BufferRange>, uniform: GPUBufferBinding): GPUBindGroup {
    const { inputs, outputs, label } = dispatch;
    const spare = dispatch.hasSpareOutput ? [{ buffer: this.#spare! }] : [];
    const ranges = [...inputs.map(asBinding), ...outputs.map(asBinding), ...spare, uniform];
    return this.#device.createBindGroup({
      label: `wgpu-style/${label}`,
      layout: bindGroupLayout(this.#device, inputs.length, outputBindings(dispatch)),
      entries: ranges.map((resource, binding) => ({ binding, resource })),
    });
  }

  /** Number of dispatches. */
  get length(): number {
    return this.#bound.length;
  }

  /** What dispatch `index` costs. */
  cost(index: number): Cost {
    return this.#bound[index]!.dispatch.cost;
  }

  /**
   * Records every dispatch into `pass`, in order, or those from `first` to before `end`; never submits. Throws
   * `bad-option` before {@link ready}.
   */
  encode(pass: GPUComputePassEncoder, first = 0, end: number = this.#bound.length): void {
    for (let i = first; i < end; i++) {
      const bound = this.#bound[i]!;
      const { dispatch, key, group } = bound;
      bound.pipeline ??= pipelineNow(this.#device, key);
      pass.pushDebugGroup(dispatch.label);
      pass.setPipeline(bound.pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...dispatch.workgroups);
      pass.popDebugGroup();
    }
  }

  /** Replaces the uniform block of dispatch `index`, e.g. a step size that changes between iterations. */
  setParams(index: number, params: Params): void {
    this.#device.queue.writeBuffer(this.#uniforms, index * this.#stride, params.words);
  }

  destroy(): void {
    destroyBuffer(this.#uniforms);
    if (this.#spare) destroyBuffer(this.#spare);
  }
}
