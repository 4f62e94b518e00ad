// A session: one picture being painted at one size on one device. It owns its tape, program, optimiser and texture,
// and gives them all back on destroy(). A run that goes from coarse to fine is several sessions (transfer.ts).

import { watchMemory } from '../gpu/buffers.ts';
import { loadChunk } from '../gpu/chunk.ts';
import { requestDevice } from '../gpu/device.ts';
import { badOption, throwIfAborted, type WgpuStyleError } from '../gpu/errors.ts';
import { readBuffer, readFloats, readStretch } from '../gpu/readback.ts';
import { checkAlpha, type Pixels } from '../image/pixels.ts';
import { fitSize } from '../image/fit-size.ts';
import type { StateBuffer } from '../optim/index.ts';
import { Belongings } from './belongings.ts';
import type { Moments } from './carry.ts';
import type { Checkpoint, NamedBytes } from './checkpoint.ts';
import type { RunState } from './checkpoint-header.ts';
import type { Iteration, SessionParts } from './session-parts.ts';
import { Loop } from './loop.ts';
import { checkRetries, summarize, type Losses, type SessionProgress } from './losses.ts';
import { Plateau } from './plateau.ts';
import {
  resolveOptions,
  resolveWeights,
  type ResolvedOptions,
  type StyleTransferOptions,
  type TermWeights,
} from './options.ts';
import { loadNetwork, loadPictures, scalePictures, startPicture, styleFit } from './prepare.ts';
import { resampleOn } from './resampling.ts';
import type { SessionPlan } from './session-plan.ts';
import { planarFromSpace, planarGradient, planarToSpace, rgbaFromSpace } from './space.ts';

/** How much of an iteration {@link StyleSession.encode} records. */
export interface EncodeOptions {
  /** Milliseconds on the GPU, above 0. Default: all that is left of the iteration. */
  readonly budgetMilliseconds?: number;
}

function checkBudget(milliseconds: number | undefined): void {
  if (milliseconds === undefined || (typeof milliseconds === 'number' && milliseconds > 0)) return;
  throw badOption('session.encode', `budgetMilliseconds is ${String(milliseconds)}`, 'Give a number above 0, or leave it out');
}

/** Style transfer at one size, step by step. Make one with {@link StyleSession.create}. */
export class StyleSession {
  readonly device: GPUDevice;
  readonly width: number;
  readonly height: number;
  /** The picture, kept up to date by every iteration: rgba8unorm, sRGB-encoded values. */
  readonly texture: GPUTexture;
  readonly plan: SessionPlan;
  readonly #options: ResolvedOptions;
  readonly #iteration: Iteration;
  readonly #loop: Loop;
  readonly #belongings: Belongings;
  readonly #plateau: Plateau;
  readonly #turns: Iteration['turns'];
  #factors: TermWeights;
  #reading: Promise<unknown> | undefined;
  #ownsDevice = false;
  #destroyed = false;

  private constructor(parts: SessionParts, iteration: Iteration, belongings: Belongings) {
    const { device, options, pictures } = parts;
    this.device = device;
    this.#options = options;
    this.#iteration = iteration;
    this.#belongings = belongings;
    this.#factors = options.weights;
    this.#plateau = new Plateau(options.tolerance);
    this.width = pictures.content.width;
    this.height = pictures.content.height;
    const { evaluation, optimizer, texture, plan, turns } = iteration;
    this.#turns = turns;
    this.texture = texture;
    this.plan = plan;
    this.#loop = belongings.keep(
      new Loop({
        device,
        submits: turns.submits,
        alive: (where) => turns.alive(where),
        encode: (encoder) => turns.encodeSubmit(encoder),
        abandon: () => turns.abandon(),
        read: [evaluation.weighed, optimizer.failures],
        idle: () => this.#reading ?? (turns.isBusy ? turns.end() : undefined),
      }),
    );
  }

  /**
   * Loads pictures and network, computes the targets and compiles the iteration. The options are those of
   * `styleTransfer`; `scales`, `onProgress` and what `color` does after a run belong to whole runs and are ignored here.
   * Where the device runs out of memory it is planned again to take less, with a warning.
   *
   * @param history For {@link restore}: pairs that L-BFGS keeps whatever the memory, those of a checkpoint.
   * @throws a `WgpuStyleError`: `bad-option`, `bad-image`, `bad-model`, `limit-exceeded`, `out-of-memory`, …
   */
  static async create(options: StyleTransferOptions, history?: number): Promise<StyleSession> {
    const resolved = resolveOptions(options);
    throwIfAborted(options.signal, 'StyleSession.create');
    const { devices = [] } = options;
    const borrowed = options.device ?? devices[0];
    const device = borrowed ?? (await requestDevice());
    try {
      const vgg = await loadNetwork(options);
      const loaded = await loadPictures(options, resolved, device);
      const size = fitSize(loaded.content.width, loaded.content.height, resolved.size);
      const resample = resampleOn(device, resolved, options.signal);
      const pictures = await scalePictures(loaded, size, styleFit(resolved.recipe, false), resolved, resample);
      const start = await startPicture(resolved, pictures, loaded.init, resample);
      const session = await StyleSession.from({
        device,
        helpers: devices.slice(1),
        vgg,
        options: resolved,
        pictures,
        start,
        preview: options.preview,
        signal: options.signal,
        history,
        onWarning: options.onWarning,
      });
      session.#ownsDevice = borrowed === undefined;
      return session;
    } catch (error) {
      if (!borrowed) device.destroy();
      throw error;
    }
  }

  /** Builds a session from parts at their sizes; where memory is short, one that takes less. Throws `aborted` when the signal fires. */
  static async from(parts: SessionParts): Promise<StyleSession> {
    return StyleSession.#from(parts).catch(async (error: Partial<WgpuStyleError>) => {
      if (parts.fit || error.code !== 'out-of-memory') throw error;
      const { replanned } = await import('./replan.ts').catch(() => Promise.reject(error as Error));
      return replanned(parts, error as WgpuStyleError, (smaller) => StyleSession.#from(smaller));
    });
  }

  static async #from(parts: SessionParts): Promise<StyleSession> {
    // A chunk of its own, with autograd, kernels and optimisers: a page loads it when there is work for it.
    const { buildIteration } = await loadChunk('StyleSession.create', import('./iteration.ts'));
    const belongings = new Belongings();
    try {
      const iteration = await buildIteration(parts, belongings);
      const { result: session, settled } = watchMemory(parts.device, 'StyleSession.create', () => new StyleSession(parts, iteration, belongings));
      await settled;
      session.#paint();
      return session;
    } catch (error) {
      belongings.destroy();
      throw error;
    }
  }

  /**
   * Records exactly one iteration (loss, gradient, update, texture) into the caller's encoder; never submits. The
   * losses of such iterations can be had from {@link evaluate}. Every encoder must be submitted, in order: the
   * optimiser counts its updates when they are recorded.
   *
   * With `budgetMilliseconds` it records a slice: as many of the iteration's dispatches as should take that long on the GPU,
   * at least one. The next call goes on where this one stopped; one without a budget records the rest. Whole or in slices,
   * the bytes are the same, and so in tiles. What dispatches take is learnt from former slices, so the first are short;
   * where the device has no `timestamp-query`, the work of others in the same submit counts too. Submit the encoder before
   * the next call. `evaluate`, `gradient`, `step`, `run`, `writeImage` and `checkpoint` first end and submit an iteration
   * that is under way.
   *
   * @returns True when an iteration has been recorded to its end: the texture then shows it.
   * @throws `bad-option` for a budget that is no number above 0, after `destroy`, or while one of the methods above, not
   *   awaited, is in the middle of an iteration (on slow adapters these make several submits of one).
   */
  encode(encoder: GPUCommandEncoder, { budgetMilliseconds }: EncodeOptions = {}): boolean {
    this.#turns.alive('session.encode');
    checkBudget(budgetMilliseconds);
    return this.#turns.encode(encoder, budgetMilliseconds ?? Infinity);
  }

  /** Losses at the current image (with `averaging` the last iterate, not the average). Changes nothing. */
  async evaluate(): Promise<Losses> {
    this.#turns.alive('session.evaluate');
    const { terms, weighed } = this.#iteration.evaluation;
    const { buffer, offset, size } = weighed;
    const values = await this.#turns.evaluated('session.evaluate', () => readBuffer(this.device, buffer, offset, size));
    return summarize(terms, new Float32Array(values));
  }

  /** d total / d image at the same image: planar RGB, 3·height·width, the image in [0, 1]. Changes nothing. */
  async gradient(): Promise<Float32Array<ArrayBuffer>> {
    this.#turns.alive('session.gradient');
    const buffers = this.#iteration.evaluation.bands.map(({ gradient }) => gradient);
    const packed = await this.#turns.evaluated('session.gradient', () => readFloats(this.device, buffers, 4 * this.#pixels));
    return planarGradient(packed, this.#pixels, this.#options.recipe.space);
  }

  /** The picture: planar RGB in [0, 1] (values outside are possible between steps without clamping). */
  async readImage(): Promise<Float32Array<ArrayBuffer>> {
    return planarFromSpace(await this.#readShown(), this.#pixels, this.#options.recipe.space);
  }

  /** The current image with the alpha of `alpha`, as pixels. */
  async readPixels(alpha?: Pixels): Promise<Pixels> {
    const { width, height } = this;
    if (alpha) checkAlpha(alpha, width, height);
    return { width, height, data: rgbaFromSpace(await this.#readShown(), this.#options.recipe.space, alpha) };
  }

  /** `count` rows of the current image from row `first` on, opaque: for who does not want it on the host as a whole. Throws `bad-option`. */
  async readRows(first: number, count: number): Promise<Pixels> {
    const { width, height } = this;
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 1 || first + count > height) {
      throw badOption('session.readRows', `got ${count} rows from ${first} on, of ${height}`, 'Give rows that there are');
    }
    const shown = await this.#readShown(4 * width * first, 4 * width * count);
    return { width, height: count, data: rgbaFromSpace(shown, this.#options.recipe.space, undefined) };
  }

  /** What is shown, in the optimiser's space, four floats a pixel: all, or a stretch. No iteration begins before all is read. */
  async #readShown(begin?: number, floats: number = 4 * this.#pixels): Promise<Float32Array<ArrayBuffer>> {
    this.#turns.alive('session.readImage');
    while (this.#turns.submits.underWay) await this.#turns.submits.underWay;
    const source = [this.device, this.#iteration.shown] as const;
    const read = begin === undefined ? readFloats(...source, floats) : readStretch(...source, begin, floats);
    const all = (this.#reading = Promise.allSettled([this.#reading, read]));
    void all.then(() => this.#reading === all && (this.#reading = undefined));
    return read;
  }

  /** Replaces the image: planar RGB in [0, 1], 3·height·width values. The optimiser starts afresh. */
  async writeImage(planarRgb: ArrayLike<number>): Promise<void> {
    this.#turns.alive('session.writeImage');
    const count = 3 * this.#pixels;
    if (planarRgb.length !== count) {
      throw badOption('session.writeImage', `got ${planarRgb.length} values, need ${count}`, 'Give planar RGB');
    }
    const wrong = Array.prototype.findIndex.call(planarRgb, (value: unknown) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw badOption('session.writeImage', `value ${wrong} is ${planarRgb[wrong]}`, 'Give finite numbers, 0 to 1');
    }
    while (this.#turns.isBusy) await this.#turns.end();
    const { tape, bands } = this.#iteration.evaluation;
    const values = planarToSpace(planarRgb, this.#options.recipe.space);
    for (const { first, rows, value } of bands) {
      tape.write(value, values.subarray(3 * this.width * first, 3 * this.width * (first + rows)));
    }
    this.#iteration.optimizer.reset();
    this.#plateau.reset();
    this.#paint();
  }

  /** Runs n iterations, whatever `tolerance` says; resolves to the losses before the last update. */
  async step(n = 1): Promise<Losses> {
    this.#turns.alive('session.step');
    if (!Number.isInteger(n) || n < 1) throw badOption('session.step', `got ${n}`, 'Give a whole number from 1');
    while (this.#turns.isBusy) await this.#turns.end();
    let last: Losses | undefined;
    for await (const { losses } of this.#iterations(n)) last = losses;
    return last!;
  }

  /**
   * Runs iterations and yields after each, a little late: the GPU is never waited for while there is work to submit.
   * An aborted signal ends it between submits without an error, and so does `tolerance` of the
   * session's options, until image or weights are changed.
   *
   * @throws `non-finite` when loss or gradient are not finite six times in a row, `device-lost`.
   */
  async *run({
    iterations = this.#options.iterations,
    signal,
  }: { readonly iterations?: number; readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<SessionProgress, void> {
    this.#turns.alive('session.run');
    if (!Number.isInteger(iterations) || iterations < 0) {
      throw badOption('session.run', `iterations: got ${iterations}`, 'Give a whole number from 0');
    }
    while (this.#turns.isBusy) await this.#turns.end();
    yield* this.#iterations(iterations, signal, this.#plateau);
  }

  async *#iterations(iterations: number, signal?: AbortSignal, plateau?: Plateau): AsyncGenerator<SessionProgress, void> {
    const started = performance.now();
    const ends = (underWay: number): boolean => signal?.aborted === true || plateau?.ends(underWay) === true;
    let iteration = 0;
    for await (const values of this.#loop.run(iterations, ends, signal)) {
      const losses = summarize(this.#iteration.evaluation.terms, values);
      iteration++;
      const retries = values.at(-1)!;
      checkRetries(retries, losses, iteration);
      plateau?.take(losses.total);
      const converged = plateau?.isOver ?? false;
      const millisecondsPerIteration = (performance.now() - started) / iteration;
      const secondsLeft = ((iterations - iteration) * millisecondsPerIteration) / 1000;
      yield { iteration, iterations, losses, retries, converged, millisecondsPerIteration, secondsLeft };
    }
  }

  /** Changes the factors of the three terms from the next iteration on; a term that was 0 at the start stays off. */
  set(weights: Partial<TermWeights>): void {
    this.#turns.alive('session.set');
    for (const name of Object.keys(weights)) {
      if (Object.hasOwn(this.#factors, name)) continue;
      throw badOption('session.set', `${name} cannot be changed`, `Give ${Object.keys(this.#factors).join(', ')}`);
    }
    const given = Object.entries(weights).filter(([, value]) => value !== undefined);
    this.#factors = resolveWeights({ ...this.#factors, ...Object.fromEntries(given) });
    this.#turns.setFactors(this.#factors);
    this.#plateau.reset();
  }

  /**
   * Everything that changes while the session runs, as bytes: image, optimiser, weights. Pictures, network and device
   * are to be brought again to {@link StyleSession.restore}. `run` is noted in it: `styleTransfer`'s own matter.
   */
  async checkpoint(run?: RunState): Promise<Uint8Array<ArrayBuffer>> {
    this.#turns.alive('session.checkpoint');
    while (this.#turns.isBusy) await this.#turns.end();
    const { recipe, optimizer, averaging, seed } = this.#options;
    const { width, height } = this;
    const { steps } = this.#iteration.optimizer;
    const weights = this.#factors;
    const plateau = this.#plateau.state;
    const header = { width, height, recipe: recipe.name, optimizer, averaging, seed, weights, steps, plateau };
    // All copies are recorded before anything is awaited: later iterations cannot get in between. Where memory is short they
    // are made one after another, and iterations wait.
    const isShort = this.#options.memoryLimit ?? this.plan.deviceBytes;
    let last: Promise<NamedBytes> | undefined;
    const reads = this.#stateBuffers().map(({ name, buffer }) => {
      const read = async (): Promise<NamedBytes> => ({ name, bytes: new Uint8Array(await readBuffer(this.device, buffer)) });
      return (last = isShort && last ? last.then(read) : read());
    });
    const reading = (this.#reading = Promise.all(reads));
    const buffers = await reading.finally(() => (this.#reading = undefined));
    const { encodeCheckpoint } = await import('./checkpoint.ts');
    return encodeCheckpoint({ header: { ...header, ...(run && { run }) }, buffers });
  }

  /**
   * A session that goes on from a checkpoint, on any device: with the same pictures, network and options it ends with
   * the same bytes as one that was never interrupted.
   *
   * @throws `bad-option` when the bytes are no checkpoint or belong to another size, recipe or optimiser.
   */
  static async restore(bytes: Uint8Array, options: StyleTransferOptions): Promise<StyleSession> {
    const { decodeCheckpoint } = await import('./checkpoint.ts');
    const checkpoint = decodeCheckpoint(bytes);
    const { recipe, optimizer, averaging } = checkpoint.header;
    const session = await StyleSession.create({ recipe, optimizer, averaging, ...options }, checkpoint.pairs);
    try {
      await session.adopt(checkpoint);
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** What the optimiser has to carry on to another scale; for `styleTransfer`. */
  async moments(): Promise<Moments | undefined> {
    return (await import('./carry.ts')).readMoments(this.device, this.#iteration.optimizer, this);
  }

  /** Goes on from a checkpoint's state. Throws `bad-option` for one of another size, recipe or optimiser. */
  async adopt({ header, buffers }: Checkpoint): Promise<void> {
    const { checkFits } = await import('./checkpoint.ts');
    while (this.#turns.isBusy) await this.#turns.end();
    const own = this.#stateBuffers();
    checkFits({ header, buffers }, this.width, this.height, this.#options.recipe.name, own);
    own.forEach(({ buffer }, i) => this.device.queue.writeBuffer(buffer, 0, buffers[i]!.bytes.slice()));
    this.#iteration.optimizer.resume(header.steps);
    this.set(header.weights);
    this.#plateau.reset(header.plateau);
    this.#paint();
  }

  #stateBuffers(): readonly StateBuffer[] {
    const { evaluation, optimizer } = this.#iteration;
    const image = evaluation.bands.map(({ value }, i, { length }) => {
      return { name: length === 1 ? 'image' : `image${i}`, buffer: value.buffer! };
    });
    return [...image, ...optimizer.state()];
  }

  get #pixels(): number {
    return this.width * this.height;
  }

  /** Gives back every byte on the GPU; a device of the caller's stays. Harmless when done twice. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#belongings.destroy();
    if (this.#ownsDevice) this.device.destroy();
  }

  #paint(): void {
    const encoder = this.device.createCommandEncoder({ label: 'wgpu-style/paint' });
    for (const painter of this.#iteration.painters) painter.encode(encoder);
    this.device.queue.submit([encoder.finish()]);
  }
}
