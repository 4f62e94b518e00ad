// A session: one picture being painted at one size on one device. It owns its tape, program, optimiser and texture,
// and gives them all back on destroy(). A run that goes from coarse to fine is several sessions (transfer.ts).

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { requestDevice } from '../gpu/device.ts';
import { badOption, throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { ReadbackRing, readBuffer } from '../gpu/readback.ts';
import { canvasPainter, fitSize, Painter, pixelsFromPlanar, type PaintSource, type Pixels } from '../image/index.ts';
import { createOptimizer, type Optimizer } from '../optim/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import type { Vgg } from '../vgg/index.ts';
import { summarize, type Losses } from './losses.ts';
import {
  resolveOptions,
  resolveWeights,
  type ResolvedOptions,
  type StyleTransferOptions,
  type TermWeights,
} from './options.ts';
import { loadNetwork, loadPictures, scalePictures, startPicture, type ScaledPictures } from './prepare.ts';
import { boxOf, planarFromSpace, planarToSpace, toSpace } from './space.ts';
import { contentTargets, styleTargets } from './targets.ts';
import { activeLayers, buildTerms, termWeights, type Term } from './terms.ts';

/** Work and memory of a session, known before it runs. */
export interface SessionPlan {
  /** Dispatches of one iteration: loss, gradient, update. */
  readonly dispatches: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /** GPU memory by purpose. */
  readonly bytes: { readonly arena: number; readonly optimizer: number };
}

/** One step of `session.run`. */
export interface SessionProgress {
  readonly iteration: number;
  readonly iterations: number;
  /** Losses before the update of this iteration. */
  readonly losses: Losses;
  readonly millisecondsPerIteration: number;
  readonly secondsLeft: number;
}

/** Everything that a session is built from, decoded and sized. */
export interface SessionParts {
  readonly device: GPUDevice;
  readonly vgg: Vgg;
  readonly options: ResolvedOptions;
  readonly pictures: ScaledPictures;
  readonly start: Pixels;
  readonly preview: StyleTransferOptions['preview'];
}

/** Submits that may be under way at once: one running, one waiting. */
const IN_FLIGHT = 2;

/** Style transfer at one size, step by step. Make one with {@link StyleSession.create}. */
export class StyleSession {
  readonly device: GPUDevice;
  readonly width: number;
  readonly height: number;
  /** The picture, kept up to date by every iteration: rgba8unorm, sRGB-encoded values. */
  readonly texture: GPUTexture;
  readonly plan: SessionPlan;
  readonly #options: ResolvedOptions;
  readonly #tape: Tape;
  readonly #image: Tensor;
  readonly #weights: Tensor;
  readonly #weighed: Tensor;
  readonly #terms: readonly Term[];
  readonly #program: Program;
  readonly #optimizer: Optimizer;
  readonly #painters: readonly Painter[];
  readonly #ring: ReadbackRing;
  readonly #held: readonly GPUBuffer[];
  #factors: TermWeights;
  #ownsDevice = false;
  #destroyed = false;

  private constructor(
    { device, options, pictures, preview }: SessionParts,
    tape: Tape,
    image: Tensor,
    terms: readonly Term[],
    held: readonly GPUBuffer[],
  ) {
    this.device = device;
    this.#options = options;
    this.#tape = tape;
    this.#image = image;
    this.#terms = terms;
    this.#held = held;
    this.#factors = options.weights;
    this.width = pictures.content.width;
    this.height = pictures.content.height;
    this.#weights = tape.constant([terms.length], termWeights(terms, this.#factors), 'term weights');
    this.#weighed = tape.weigh(
      terms.map(({ value }) => value),
      this.#weights,
    );
    const total = tape.sum(this.#weighed);
    this.#program = tape.compile([total, this.#weighed], [image]);
    const { recipe, optimizer, iterations } = options;
    const parameter = {
      value: image.buffer!,
      gradient: this.#program.gradientBuffer(image),
      floats: bytesOf(image.shape) / 4,
    };
    this.#optimizer = createOptimizer(device, [parameter], optimizer, {
      range: recipe.space.scale,
      ...(recipe.clamp && { clamp: boxOf(recipe.space) }),
      ...(iterations > 0 && { maxIterations: iterations }),
    });
    this.texture = device.createTexture({
      label: 'wgpu-style/picture',
      size: [this.width, this.height],
      format: 'rgba8unorm',
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC,
    });
    this.#painters = makePainters(device, this.#paintSource(), this.texture, preview);
    this.#ring = new ReadbackRing(device, 'losses', bytesOf(this.#weighed.shape), IN_FLIGHT + 1);
    this.plan = {
      dispatches: this.#program.cost.dispatches + this.#optimizer.cost.dispatches,
      flops: this.#program.cost.flops + this.#optimizer.cost.flops,
      bytesMoved: this.#program.cost.bytes + this.#optimizer.cost.bytes,
      bytes: { arena: this.#program.cost.arenaBytes, optimizer: this.#optimizer.cost.stateBytes },
    };
  }

  /**
   * Loads pictures and network, computes the targets and compiles the iteration. The options are those of
   * `styleTransfer`; `scales`, `onProgress` and `color: 'luminance'` belong to whole runs and are ignored here.
   *
   * @throws a `WgpuStyleError`: `bad-option`, `bad-image`, `bad-model`, `limit-exceeded`, `out-of-memory`, …
   */
  static async create(options: StyleTransferOptions): Promise<StyleSession> {
    const resolved = resolveOptions(options);
    throwIfAborted(options.signal, 'StyleSession.create');
    const device = options.device ?? (await requestDevice());
    try {
      const vgg = await loadNetwork(options);
      const loaded = await loadPictures(options, resolved, device);
      const size = fitSize(loaded.content.width, loaded.content.height, resolved.size);
      const pictures = scalePictures(loaded, size, 'own', resolved.color);
      const start = startPicture(resolved, pictures, loaded.init);
      const session = await StyleSession.from({
        device,
        vgg,
        options: resolved,
        pictures,
        start,
        preview: options.preview,
      });
      session.#ownsDevice = options.device === undefined;
      return session;
    } catch (error) {
      if (!options.device) device.destroy();
      throw error;
    }
  }

  /** Builds a session from parts that are loaded and sized already. */
  static async from(parts: SessionParts): Promise<StyleSession> {
    const { device, vgg, options, pictures, start } = parts;
    const { recipe, pooling } = options;
    const tape = new Tape(device);
    const held: GPUBuffer[] = [];
    let session: StyleSession | undefined;
    try {
      const request = { vgg, pooling, space: recipe.space };
      const { weights } = options;
      // A term that is switched off at the start is not built: its layers need not exist, its work is not done.
      const contentLayers = weights.contentWeight > 0 && recipe.content.weight > 0 ? activeLayers(options.contentLayers) : [];
      const styleLayers = weights.styleWeight > 0 && recipe.style.weight > 0 ? activeLayers(options.styleLayers) : [];
      const targets = {
        content: await contentTargets(tape, device, pictures.content, contentLayers, request, held),
        style: await styleTargets(tape, pictures.styles, styleLayers, recipe.style.normalize, request),
      };
      const shape = [start.height, start.width, 3];
      const image = tape.variable(shape, toSpace(start, recipe.space), 'image');
      const layers = { content: options.contentLayers, style: options.styleLayers };
      const terms = buildTerms(tape, image, recipe, layers, targets, request);
      if (terms.length === 0) {
        throw badOption('styleTransfer', 'every term of the loss is switched off', 'Give some layer a weight above 0');
      }
      session = new StyleSession(parts, tape, image, terms, held);
      await Promise.all([session.#program.ready, session.#optimizer.ready]);
      session.#paint();
      return session;
    } catch (error) {
      if (session) session.destroy();
      tape.destroy();
      held.forEach(destroyBuffer);
      throw error;
    }
  }

  /**
   * Records exactly one iteration (loss, gradient, update, texture) into the caller's encoder; never submits. The
   * losses of such iterations can be had from {@link evaluate}.
   */
  encode(encoder: GPUCommandEncoder): void {
    this.#alive('session.encode');
    this.#program.encode(encoder);
    const pass = encoder.beginComputePass({ label: 'wgpu-style/update' });
    this.#optimizer.encode(pass);
    pass.end();
    for (const painter of this.#painters) painter.encode(encoder);
  }

  /** Losses at the current image. Changes nothing. */
  async evaluate(): Promise<Losses> {
    this.#alive('session.evaluate');
    await this.#program.run();
    return summarize(this.#terms, await this.#program.read(this.#weighed));
  }

  /** d total / d image at the current image: planar RGB, 3·height·width, the image in [0, 1]. Changes nothing. */
  async gradient(): Promise<Float32Array<ArrayBuffer>> {
    this.#alive('session.gradient');
    await this.#program.run();
    const interleaved = await this.#program.gradient(this.#image);
    const count = this.width * this.height;
    const { scale } = this.#options.recipe.space; // v = scale · x − mean, so dL/dx = scale · dL/dv
    const planar = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) planar[c * count + i] = interleaved[i * 3 + c]! * scale;
    }
    return planar;
  }

  /** The current image: planar RGB in [0, 1] (values outside are possible between steps without clamping). */
  async readImage(): Promise<Float32Array<ArrayBuffer>> {
    this.#alive('session.readImage');
    const packed = new Float32Array(await readBuffer(this.device, this.#image.buffer!));
    return planarFromSpace(packed, this.width * this.height, this.#options.recipe.space);
  }

  /** The current image with the alpha of `alpha`, as pixels. */
  async readPixels(alpha?: Pixels): Promise<Pixels> {
    return pixelsFromPlanar(this.width, this.height, await this.readImage(), alpha ? { alpha } : {});
  }

  /** Replaces the image: planar RGB in [0, 1], 3·height·width values. The optimiser starts afresh. */
  async writeImage(planarRgb: ArrayLike<number>): Promise<void> {
    this.#alive('session.writeImage');
    const count = elementsOf(this.#image.shape);
    if (planarRgb.length !== count) {
      throw badOption('session.writeImage', `got ${planarRgb.length} values, need ${count}`, 'Give planar RGB');
    }
    this.#tape.write(this.#image, planarToSpace(planarRgb, this.#options.recipe.space));
    this.#optimizer.reset();
    this.#paint();
  }

  /** Runs n iterations; resolves to the losses before the last update. */
  async step(n = 1): Promise<Losses> {
    if (!Number.isInteger(n) || n < 1) throw badOption('session.step', `got ${n}`, 'Give a whole number from 1');
    let last: Losses | undefined;
    for await (const { losses } of this.run({ iterations: n })) last = losses;
    return last!;
  }

  /**
   * Runs iterations and yields after each, a little late: the GPU is never waited for while there is work to submit.
   * An aborted signal ends the iteration between submits without an error.
   *
   * @throws `non-finite` when the loss is no number, `device-lost`.
   */
  async *run({
    iterations = this.#options.iterations,
    signal,
  }: { readonly iterations?: number; readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<SessionProgress, void> {
    const pending: Promise<Float32Array>[] = [];
    const started = performance.now();
    let reported = 0;
    const report = async (): Promise<SessionProgress> => {
      const losses = summarize(this.#terms, await pending.shift()!);
      reported++;
      this.#checkFinite(losses, reported);
      const millisecondsPerIteration = (performance.now() - started) / reported;
      const secondsLeft = ((iterations - reported) * millisecondsPerIteration) / 1000;
      return { iteration: reported, iterations, losses, millisecondsPerIteration, secondsLeft };
    };
    try {
      for (let i = 0; i < iterations && !signal?.aborted; i++) {
        this.#alive('session.run');
        pending.push(this.#submit());
        if (pending.length >= IN_FLIGHT) yield await report();
      }
      while (pending.length > 0) yield await report();
    } finally {
      // A consumer that stops early leaves read-backs under way: they end by themselves and nobody listens.
      for (const rest of pending) rest.catch(() => undefined);
    }
  }

  /** Changes the factors of the three terms while it runs; a term that was 0 at the start stays off. */
  set(weights: Partial<TermWeights>): void {
    this.#alive('session.set');
    for (const name of Object.keys(weights)) {
      if (name in this.#factors) continue;
      throw badOption('session.set', `${name} cannot be changed`, `Give ${Object.keys(this.#factors).join(', ')}`);
    }
    this.#factors = resolveWeights({ ...this.#factors, ...weights });
    this.#tape.write(this.#weights, termWeights(this.#terms, this.#factors));
  }

  /** Gives back every byte on the GPU; a device of the caller's stays. Harmless when done twice. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#ring.destroy();
    for (const painter of this.#painters) painter.destroy();
    this.texture.destroy();
    this.#optimizer.destroy();
    this.#program.destroy();
    this.#tape.destroy();
    this.#held.forEach(destroyBuffer);
    if (this.#ownsDevice) this.device.destroy();
  }

  #submit(): Promise<Float32Array> {
    const encoder = this.device.createCommandEncoder({ label: 'wgpu-style/iteration' });
    this.encode(encoder);
    const read = this.#ring.encode(encoder, this.#program.buffer(this.#weighed));
    this.device.queue.submit([encoder.finish()]);
    if (!read) throw new Error('the read-back ring is smaller than the number of iterations in flight');
    const values = read();
    values.catch(() => undefined); // reported when its turn comes
    return values;
  }

  #paintSource(): PaintSource {
    const { width, height } = this;
    return { buffer: this.#image.buffer!, width, height, ...this.#options.recipe.space };
  }

  #paint(): void {
    const encoder = this.device.createCommandEncoder({ label: 'wgpu-style/paint' });
    for (const painter of this.#painters) painter.encode(encoder);
    this.device.queue.submit([encoder.finish()]);
  }

  #checkFinite({ total }: Losses, iteration: number): void {
    if (Number.isFinite(total)) return;
    throw new WgpuStyleError('non-finite', {
      what: `the loss became ${total} in iteration ${iteration}`,
      where: 'session.run',
      fix: 'Lower the learning rate, or give pictures and weights in the expected ranges',
    });
  }

  #alive(where: string): void {
    if (this.#destroyed) throw badOption(where, 'the session was destroyed', 'Create another one');
  }
}

function makePainters(
  device: GPUDevice,
  source: PaintSource,
  texture: GPUTexture,
  preview: StyleTransferOptions['preview'],
): Painter[] {
  const painters = [new Painter(device, source, texture)];
  if (!preview) return painters;
  const isCanvas = 'getContext' in preview;
  painters.push(isCanvas ? canvasPainter(device, source, preview) : new Painter(device, source, preview));
  return painters;
}
