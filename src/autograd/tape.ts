// The tape: ops are recorded as they are called, `compile` turns them into a program with its reverse pass.
// Nothing runs while recording. Ops themselves live in ./ops, forward and derivative side by side.

import { createBuffer, destroyBuffer, watchMemory } from '../gpu/buffers.ts';
import { badOption } from '../gpu/errors.ts';
import type { PaddingMode } from '../kernels/conv2d.ts';
import { bytesOf, checkShape, elementsOf, pack, sameShape, showShape, type Shape } from '../kernels/shape.ts';
import type { VariationForm, VariationWindow } from '../kernels/total-variation.ts';
import { kernelTarget, type KernelTarget } from '../kernels/target.ts';
import { indexBy } from './fuse.ts';
import { buildPlan } from './graph.ts';
import { blend, maskGradient, multiply } from './ops/binary.ts';
import {
  conv2d,
  conv2dTranspose,
  type Conv2dOptions,
  type Conv2dTransposeOptions,
  type Pair,
} from './ops/conv2d.ts';
import { concat, reshape, slice } from './ops/copy.ts';
import { totalVariation, weigh } from './ops/loss.ts';
import { gram, matmul, type MatmulOptions } from './ops/matmul.ts';
import { instanceNorm, normalize, type InstanceNormOptions, type NormalizeOptions } from './ops/normalize.ts';
import { pad, type Pads } from './ops/pad.ts';
import { pool, type PoolOptions } from './ops/pool.ts';
import { mean, meanSquared, sum } from './ops/reduce.ts';
import { identity, meanStd, sqrtm } from './ops/statistics.ts';
import { unary } from './ops/unary.ts';
import { upsample, type UpsampleOptions } from './ops/upsample.ts';
import { planParts, wholePlan, type Part, type PartsPlan } from './parts.ts';
import { Program } from './program.ts';
import type { Recorder } from './recorder.ts';
import { storeHalves } from './store.ts';
import { Tensor, type OpDescription, type TensorKind } from './tensor.ts';

/** Options of a {@link Tape}. */
export interface TapeOptions {
  /**
   * How programs keep images [h, w, c] between dispatches. `f16` halves their memory: half floats (11 bits, up to ±65504) for
   * activations, bfloat16 (8 bits, the range of f32) for their gradients, wherever only convolutions, matrix products, sums
   * and copies touch them. Arithmetic, results, variables, constants and what is asked for stay f32; no feature of the device
   * is needed. Default `f32`.
   */
  readonly storage?: 'f32' | 'f16';
  /** @hidden Changes how programs go about it, before they get memory; recompute.ts has one. */
  readonly rewrite?: ((plan: PartsPlan, index: typeof indexBy) => PartsPlan) | undefined;
}

/**
 * Records operations on tensors and compiles them, with gradients, into a {@link Program}.
 *
 * ```ts
 * const tape = new Tape(device);
 * const x = tape.variable([h, w, 3], data);
 * const loss = tape.mean(tape.square(x));
 * const program = tape.compile(loss, [x]);
 * await program.run();
 * await program.gradient(x); // 2x / n
 * ```
 *
 * Owns the memory of its variables and constants until {@link destroy}.
 */
export class Tape implements Recorder {
  readonly device: GPUDevice;
  readonly target: KernelTarget;
  readonly #owned = new Set<Tensor>();
  /** Rejects when a variable or constant got no memory; every program of the tape waits for it. */
  #allocated: Promise<void> = Promise.resolve();
  #recorded = 0;
  readonly #storage: NonNullable<TapeOptions['storage']>;
  readonly #rewrite: TapeOptions['rewrite'];
  #seed: Tensor | undefined;

  constructor(device: GPUDevice, { storage = 'f32', rewrite }: TapeOptions = {}) {
    if (storage !== 'f32' && storage !== 'f16') throw badOption('Tape storage', `got ${String(storage)}`, "Give 'f32' or 'f16'");
    this.#rewrite = rewrite;
    this.device = device;
    this.target = kernelTarget(device);
    this.#storage = storage;
  }

  /**
   * A tensor that changes between runs: an image, trainable weights. Row-major values without padding; zeros when
   * absent. A GPUBuffer is borrowed, in the padded layout, and never destroyed here.
   */
  variable(shape: Shape, data?: ArrayLike<number> | GPUBuffer, label = 'variable'): Tensor {
    return this.#leaf('variable', shape, data, label);
  }

  /** A tensor that rarely changes: frozen weights, targets. What depends on constants alone is computed once. */
  constant(shape: Shape, data: ArrayLike<number> | GPUBuffer, label = 'constant'): Tensor {
    return this.#leaf('constant', shape, data, label);
  }

  #leaf(
    kind: TensorKind,
    shape: Shape,
    data: ArrayLike<number> | GPUBuffer | undefined,
    label: string,
  ): Tensor {
    checkShape(shape, `tape.${kind}`);
    const tensor = new Tensor(kind, [...shape], label);
    if (data && 'usage' in data) {
      if (data.size < bytesOf(shape)) {
        const what = `the buffer has ${data.size} bytes, ${showShape(shape)} needs ${bytesOf(shape)}`;
        throw badOption(`tape.${kind}`, what, 'Rows are padded to whole vec4s: see the layout in wgpu-style/kernels');
      }
      tensor.buffer = data;
      return tensor;
    }
    if (data) checkLength(shape, data, `tape.${kind}`);
    const { settled } = watchMemory(this.device, `tape.${kind} ${label}`, () => {
      tensor.buffer = createBuffer(this.device, label, bytesOf(shape));
      if (data) this.device.queue.writeBuffer(tensor.buffer, 0, pack(shape, data));
    });
    (this.#allocated = Promise.all([this.#allocated, settled]).then(() => undefined)).catch(() => undefined); // reported by programs
    this.#owned.add(tensor);
    return tensor;
  }

  /** Overwrites a variable or constant; programs fold constants anew at their next run. */
  write(tensor: Tensor, data: ArrayLike<number>): void {
    if (!tensor.buffer) {
      throw badOption('tape.write', `${tensor.label} is computed`, 'Write variables and constants only');
    }
    checkLength(tensor.shape, data, 'tape.write');
    this.device.queue.writeBuffer(tensor.buffer, 0, pack(tensor.shape, data));
    tensor.version++;
  }

  /** Frees one variable or constant before the tape ends; programs that use it must be done. */
  release(tensor: Tensor): void {
    if (!this.#owned.delete(tensor) || !tensor.buffer) return;
    destroyBuffer(tensor.buffer);
    tensor.buffer = undefined;
  }

  record(op: OpDescription): Tensor {
    const label = `${op.name}#${this.#recorded}`;
    const output = new Tensor('value', op.shape, label);
    output.op = { ...op, output, index: this.#recorded++ };
    return output;
  }

  /**
   * Compiles a program that computes `outputs` and, for the first of them (a scalar loss), the gradients with respect
   * to `wrt`: variables, constants or intermediate results. Returns at once; pipelines compile in the background and
   * `program.run()` waits for them.
   *
   * @throws `bad-option` when the loss is no scalar or does not depend on a tensor in `wrt`, `limit-exceeded` when a
   *   tensor is larger than the device's largest binding.
   */
  compile(outputs: Tensor | readonly Tensor[], wrt: readonly Tensor[] = []): Program {
    const list = outputs instanceof Tensor ? [outputs] : outputs;
    const loss = list[0];
    if (wrt.length > 0 && loss && !sameShape(loss.shape, [1])) {
      throw badOption(
        'tape.compile',
        `gradients need a scalar loss, got shape ${showShape(loss.shape)}`,
        'Reduce it first, with tape.sum or tape.mean',
      );
    }
    const cotangents = new Map(wrt.length > 0 && loss ? [[loss, this.one()]] : []);
    return this.#program(wholePlan(buildPlan({ outputs: list, cotangents, wrt }), list));
  }

  /**
   * Compiles a program of several parts that share one arena and are recorded one by one, in any order and as often as
   * wanted: `program.folds`, then `program.part`. A part computes its outputs and results, and, from given cotangents,
   * gradients; nothing that only the tensors with cotangents themselves would want is computed.
   */
  compileParts(parts: readonly Part[]): Program {
    return this.#program(planParts(parts));
  }

  /** dL/dL: the cotangent of a loss. */
  one(): Tensor {
    return (this.#seed ??= this.constant([1], [1], 'seed'));
  }

  #program(made: PartsPlan): Program {
    const plan = this.#rewrite?.(made, indexBy) ?? made;
    return new Program(this.device, this.#storage === 'f16' ? storeHalves(plan) : plan, this.#allocated, async (tensor) => {
      const program = this.compile(tensor);
      try {
        await program.run();
        return await program.read(tensor);
      } finally {
        program.destroy();
      }
    });
  }

  /** Frees every variable and constant that the tape made. */
  destroy(): void {
    for (const tensor of [...this.#owned]) this.release(tensor);
  }

  /** max(x, 0). Any shape. */
  relu(x: Tensor): Tensor {
    return unary(this, 'relu', x);
  }

  /** Hyperbolic tangent. Any shape. */
  tanh(x: Tensor): Tensor {
    return unary(this, 'tanh', x);
  }

  /** 1 / (1 + exp(−x)). Any shape. */
  sigmoid(x: Tensor): Tensor {
    return unary(this, 'sigmoid', x);
  }

  /** x². Any shape. */
  square(x: Tensor): Tensor {
    return unary(this, 'square', x);
  }

  /** |x|; the derivative at 0 is 0. Any shape. */
  abs(x: Tensor): Tensor {
    return unary(this, 'abs', x);
  }

  /** x · factor, a number fixed at recording; `mul` by a scalar tensor where it should change. */
  scale(x: Tensor, factor: number): Tensor {
    return unary(this, 'scale', x, factor);
  }

  /**
   * An image [h, w, c] with `pads` rows and columns around it: zeros, its border repeated (`replicate`), mirrored
   * without repeating the border (`reflect`; margins smaller than the image) or its opposite side (`wrap`).
   */
  pad(x: Tensor, pads: Pads, mode: PaddingMode = 'zero'): Tensor {
    return pad(this, x, pads, mode);
  }

  /**
   * The largest value of each window, [h, w, c] → [⌊(h + pads − size) / stride⌋ + 1, …, c]; 2x2 windows by default.
   * Of equal values the first in scan order gets the gradient, as in PyTorch.
   */
  maxPool(x: Tensor, options: PoolOptions = {}): Tensor {
    return pool(this, 'max', x, options);
  }

  /** The mean of each window; shapes as in {@link maxPool}. */
  avgPool(x: Tensor, options: PoolOptions = {}): Tensor {
    return pool(this, 'average', x, options);
  }

  /**
   * An image [h, w, c] enlarged by a whole factor, or [vertical, horizontal] factors. Bilinear with half-pixel
   * centres: PyTorch's align_corners = false.
   */
  upsample(x: Tensor, factor: Pair, options: UpsampleOptions = {}): Tensor {
    return upsample(this, x, factor, options);
  }

  /** The same elements in row-major order in another shape with as many elements. */
  reshape(x: Tensor, shape: Shape): Tensor {
    return reshape(this, x, shape);
  }

  /** Tensors one after another along `axis`, counted from the end where negative; other sizes must agree. */
  concat(tensors: readonly Tensor[], axis = -1): Tensor {
    return concat(this, tensors, axis);
  }

  /** The box of `size` elements at `begin`, one number per axis. */
  slice(x: Tensor, begin: readonly number[], size: Shape): Tensor {
    return slice(this, x, begin, size);
  }

  /** a + b: one shape, or one of them [c] (a value per channel), [h, w, 1] (a value per pixel) or [1] (a scalar). */
  add(a: Tensor, b: Tensor): Tensor {
    return blend(this, 'add', a, b);
  }

  /** a − b, shapes as in {@link add}. */
  sub(a: Tensor, b: Tensor): Tensor {
    return blend(this, 'sub', a, b);
  }

  /** a · b, element by element, shapes as in {@link add}. */
  mul(a: Tensor, b: Tensor): Tensor {
    return multiply(this, a, b);
  }

  /** x itself, whose gradient is multiplied by `mask` (shapes as in {@link add}) on its way back: 0 keeps what is there. */
  maskGradient(x: Tensor, mask: Tensor): Tensor {
    return maskGradient(this, x, mask);
  }

  /** Σ x over all elements: [1]. */
  sum(x: Tensor): Tensor {
    return sum(this, x);
  }

  /** Σ x / n: [1]. */
  mean(x: Tensor): Tensor {
    return mean(this, x);
  }

  /** Σ (x − target)² / n, or Σ x² / n without a target: [1]. */
  meanSquared(x: Tensor, target?: Tensor): Tensor {
    return meanSquared(this, x, target);
  }

  /** Matrix product [.., k]·[k, n] → [.., n]; `transposeA`, `transposeB` take the transposed operand. */
  matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
    return matmul(this, a, b, options);
  }

  /**
   * Gram matrix of features [h, w, c] → [c, c]: G_ij = factor · Σ_p F_pi·F_pj (Gatys et al. 2016, eq. 3, A·Aᵀ with
   * A = channels x pixels); not normalised unless `factor` does it.
   */
  gram(x: Tensor, factor = 1): Tensor {
    return gram(this, x, factor);
  }

  /**
   * Convolution (cross-correlation) of x [h, w, cin] with k [kh, kw, cin, cout] → [h', w', cout]. By default stride 1
   * and the size of the input; h' = ⌊(h + pads − dilation·(kh − 1) − 1) / stride⌋ + 1.
   */
  conv2d(x: Tensor, k: Tensor, options: Conv2dOptions = {}): Tensor {
    return conv2d(this, x, k, options);
  }

  /**
   * Transposed convolution of x [h, w, cin] with k [kh, kw, cin, cout]: y[p·stride + t·dilation − pad] += x[p]·k[t].
   * By default the result is stride times as large as x.
   */
  conv2dTranspose(x: Tensor, k: Tensor, options: Conv2dTransposeOptions = {}): Tensor {
    return conv2dTranspose(this, x, k, options);
  }

  /** (x − mean) / std per channel; `mean` and `std` are numbers or tensors [c]. */
  normalize(x: Tensor, options: NormalizeOptions): Tensor {
    return normalize(this, x, options);
  }

  /** Instance normalisation over height and width: scale · (x − μ) / √(σ² + ε) + bias (Ulyanov et al. 2016). */
  instanceNorm(x: Tensor, options: InstanceNormOptions = {}): Tensor {
    return instanceNorm(this, x, options);
  }

  /**
   * Σ over neighbours of (x_ij − x_i,j+1)² + (x_ij − x_i+1,j)², or another {@link VariationForm}: [1]. With `wraps` opposite
   * borders are neighbours too. With a `window`, the share of its pixels: the shares of an image's parts add up to the whole,
   * where each part is seen with one pixel more on every side that has one.
   */
  totalVariation(
    x: Tensor,
    {
      form = 'squared',
      wraps = false,
      window,
    }: { readonly form?: VariationForm; readonly wraps?: boolean; readonly window?: VariationWindow } = {},
  ): Tensor {
    return totalVariation(this, x, form, wraps, window);
  }

  /** √x; the derivative at 0 is infinite. Any shape. */
  sqrt(x: Tensor): Tensor {
    return multiply(this, x, unary(this, 'rsqrt', x, 0));
  }

  /** Mean and standard deviation of each channel: [.., c] → [2, c], y[0] = μ and y[1] = √(σ² + ε), σ² biased. */
  meanStd(x: Tensor, { epsilon = 1e-8 }: { readonly epsilon?: number } = {}): Tensor {
    return meanStd(this, x, epsilon);
  }

  /**
   * The square root of a symmetric positive definite matrix [n, n] by Newton–Schulz steps; roots of eigenvalues below
   * 2.25^−steps of ‖a‖ come out too small. The gradient is that of the exact root, by as many steps. With `commutes`,
   * for what is made of the root's trace alone, it comes with the root, for one product more.
   */
  sqrtm(a: Tensor, { steps = 12, commutes = false }: { readonly steps?: number; readonly commutes?: boolean } = {}): Tensor {
    return sqrtm(this, a, steps, commutes);
  }

  /** The identity matrix [n, n], a constant: one for each size. */
  identity(n: number): Tensor {
    return identity(this, n);
  }

  /** Scalars as one weighted vector: y[i] = weights[i]·terms[i], [n]; its sum is a loss of many terms. */
  weigh(terms: readonly Tensor[], weights: Tensor): Tensor {
    return weigh(this, terms, weights);
  }
}

function checkLength(shape: Shape, data: ArrayLike<number>, where: string): void {
  if (data.length === elementsOf(shape)) return;
  throw badOption(
    where,
    `got ${data.length} values for shape ${showShape(shape)}, need ${elementsOf(shape)}`,
    'Give one value per element, row-major, without padding',
  );
}
