// A whole run: load, climb the ladder of scales, give a picture.

import { memoryUse, resetPeak } from '../gpu/buffers.ts';
import { describeAdapter, requestDevice } from '../gpu/device.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { resize, type Pixels } from '../image/index.ts';
import { resultColors } from './color-options.ts';
import type { Losses } from './losses.ts';
import { resolveOptions, type ResolvedOptions, type StyleTransferOptions } from './options.ts';
import { StyledPicture, type Stopped } from './picture.ts';
import type { Vgg } from '../vgg/index.ts';
import { loadNetwork, loadPictures, scaleParts, type LoadedPictures } from './prepare.ts';
import { scalesOf, type Scale } from './scales.ts';
import { StyleSession } from './session.ts';

const NO_LOSSES: Losses = { total: NaN, content: NaN, style: NaN, tv: NaN, layers: {} };

/**
 * Paints `content` in the manner of `style` (Gatys, Ecker and Bethge 2016). Every other option has a default.
 *
 * An aborted signal ends the run early: the promise resolves to the picture so far, `stopped: 'aborted'`. Aborting
 * before there is a picture rejects with `aborted`.
 *
 * @throws a `WgpuStyleError`; no GPU memory stays behind, and a device given by the caller is left as it was.
 */
export async function styleTransfer(options: StyleTransferOptions): Promise<StyledPicture> {
  const resolved = resolveOptions(options);
  throwIfAborted(options.signal, 'styleTransfer');
  const device = options.device ?? (await requestDevice());
  try {
    return await new Run(options, resolved, device).finish();
  } finally {
    if (!options.device) device.destroy();
  }
}

function iterationsOf(scales: readonly Scale[]): number {
  return scales.reduce((sum, { iterations }) => sum + iterations, 0);
}

/** The state of one call of {@link styleTransfer}. */
class Run {
  readonly #options: StyleTransferOptions;
  readonly #resolved: ResolvedOptions;
  readonly #device: GPUDevice;
  #losses = NO_LOSSES;
  #retries = 0;
  #done = 0;
  #milliseconds = 0;
  /** Iterations that were not needed, the loss having come to rest. */
  #skipped = 0;
  /** Pixels times iterations, of scales that are finished. */
  #work = 0;

  constructor(options: StyleTransferOptions, resolved: ResolvedOptions, device: GPUDevice) {
    this.#options = options;
    this.#resolved = resolved;
    this.#device = device;
    resetPeak(device);
  }

  async finish(): Promise<StyledPicture> {
    const vgg = await loadNetwork(this.#options);
    const loaded = await loadPictures(this.#options, this.#resolved, this.#device);
    throwIfAborted(this.#options.signal, 'styleTransfer');
    const scales = scalesOf(loaded.content, this.#resolved);
    let current: Pixels | undefined;
    for (const index of scales.keys()) {
      current = await this.#paintScale(vgg, loaded, scales, index, current);
      if (this.#options.signal?.aborted) break;
    }
    const isDone = this.#done + this.#skipped === iterationsOf(scales);
    const stopped = this.#skipped > 0 ? 'converged' : 'done';
    if (!isDone && this.#done === 0) throwIfAborted(this.#options.signal, 'styleTransfer');
    const { width, height } = scales.at(-1)!;
    const final = resize(current!, width, height); // an aborted run may have stopped at a smaller scale
    return this.#picture(final, loaded, isDone ? stopped : 'aborted');
  }

  async #paintScale(
    vgg: Vgg,
    loaded: LoadedPictures,
    scales: readonly Scale[],
    index: number,
    coarser: Pixels | undefined,
  ): Promise<Pixels> {
    const scale = scales[index]!;
    const { iterations } = scale;
    const session = await this.#session(vgg, loaded, scales, index, coarser);
    if (!session) return coarser!;
    try {
      const before = this.#done;
      let rests = false;
      const started = performance.now();
      const spent = this.#milliseconds;
      const { signal } = this.#options;
      for await (const { losses, iteration, retries, converged } of session.run({ iterations, signal })) {
        this.#losses = losses;
        this.#retries = retries;
        rests = converged;
        this.#done = before + iteration;
        this.#milliseconds = spent + performance.now() - started;
        this.#report(session, loaded, scales, index, iteration);
      }
      this.#skipped += rests ? iterations - (this.#done - before) : 0;
      this.#work += (this.#done - before) * scale.width * scale.height;
      if (iterations === 0) this.#losses = await session.evaluate();
      return await session.readPixels();
    } finally {
      session.destroy();
    }
  }

  /** The session of a scale; undefined when the signal fired while it was made and a coarser picture is there. */
  async #session(
    vgg: Vgg,
    loaded: LoadedPictures,
    scales: readonly Scale[],
    index: number,
    coarser: Pixels | undefined,
  ): Promise<StyleSession | undefined> {
    const { preview, signal } = this.#options;
    const parts = scaleParts(this.#resolved, loaded, scales, index, coarser);
    try {
      return await StyleSession.from({ device: this.#device, vgg, ...parts, preview, signal });
    } catch (error) {
      if (coarser && error instanceof WgpuStyleError && error.code === 'aborted') return undefined;
      throw error;
    }
  }

  #report(session: StyleSession, loaded: LoadedPictures, scales: readonly Scale[], index: number, iteration: number): void {
    const { onProgress } = this.#options;
    if (!onProgress) return;
    const { width, height } = session;
    // An iteration costs as much as it has pixels: what was measured so far tells of the finer scales too.
    const work = (scale: Scale, count = scale.iterations): number => count * scale.width * scale.height;
    const doneWork = this.#work + work(scales[index]!, iteration);
    const rest = work(scales[index]!, scales[index]!.iterations - iteration);
    const left = scales.slice(index + 1).reduce((total, scale) => total + work(scale), rest);
    const seconds = this.#milliseconds / 1000;
    onProgress({
      iteration: this.#done,
      iterations: iterationsOf(scales),
      losses: this.#losses,
      retries: this.#retries,
      millisecondsPerIteration: this.#milliseconds / this.#done,
      secondsLeft: (seconds * left) / doneWork,
      scale: { index, count: scales.length, width, height },
      picture: async () => this.#picture(await session.readPixels(), loaded, 'aborted'),
    });
  }

  /** Finishing touches: the content's colours where asked for, and its alpha. */
  #picture(pixels: Pixels, loaded: LoadedPictures, stopped: Stopped): StyledPicture {
    if (!pixels.data.every(Number.isFinite)) {
      throw new WgpuStyleError('non-finite', {
        what: 'the picture holds values that are no numbers',
        where: 'styleTransfer',
        fix: 'Lower the learning rate or the weights',
      });
    }
    const content = resize(loaded.content, pixels.width, pixels.height);
    const colored = resultColors(pixels, content, this.#resolved.color);
    const data = colored.data.map((value, i) => (i % 4 === 3 ? content.data[i]! : value));
    const { network } = this.#options;
    return new StyledPicture(
      { ...pixels, data },
      {
        losses: this.#losses,
        iterations: this.#done,
        stopped,
        details: {
          adapter: describeAdapter(this.#device),
          millisecondsPerIteration: this.#done > 0 ? this.#milliseconds / this.#done : 0,
          peakBytes: memoryUse(this.#device).peakBytes,
          seed: this.#resolved.seed,
          recipe: this.#resolved.recipe.name,
          network: typeof network === 'string' ? network : network === undefined ? 'default' : 'custom',
        },
      },
    );
  }
}
