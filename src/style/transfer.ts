// A whole run: load, climb the ladder of scales, give a picture.

import { memoryUse, resetPeak } from '../gpu/buffers.ts';
import { describeAdapter, requestDevice } from '../gpu/device.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { fitSize, keepColors, resize, type Pixels } from '../image/index.ts';
import type { Losses } from './losses.ts';
import { resolveOptions, type ResolvedOptions, type StyleTransferOptions } from './options.ts';
import { StyledPicture, type Stopped } from './picture.ts';
import { loadNetwork, loadPictures, scalePictures, startPicture, type LoadedPictures } from './prepare.ts';
import { autoSides, ladder, type Rung } from './scales.ts';
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

/** The state of one call of {@link styleTransfer}. */
class Run {
  readonly #options: StyleTransferOptions;
  readonly #resolved: ResolvedOptions;
  readonly #device: GPUDevice;
  #losses = NO_LOSSES;
  #done = 0;
  #milliseconds = 0;

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
    const rungs = this.#rungs(loaded.content);
    let current: Pixels | undefined;
    for (const index of rungs.keys()) {
      current = await this.#paintRung(vgg, loaded, rungs, index, current);
      if (this.#options.signal?.aborted) break;
    }
    const size = this.#sizeOf(loaded.content, rungs.at(-1)!);
    const final = resize(current!, size.width, size.height);
    return this.#picture(final, loaded, this.#options.signal?.aborted ? 'aborted' : 'done');
  }

  /** The ladder. A single rung keeps `size` as given, both sides included. */
  #rungs(content: Pixels): Rung[] {
    const { scales, size, iterations } = this.#resolved;
    const { width, height } = fitSize(content.width, content.height, size);
    const side = Math.max(width, height);
    const sides = scales === false ? [side] : scales === 'auto' ? autoSides(side) : scales;
    return ladder(sides, iterations);
  }

  #sizeOf(content: Pixels, { side }: Rung): { width: number; height: number } {
    const { scales, size } = this.#resolved;
    const full = fitSize(content.width, content.height, size);
    if (side === Math.max(full.width, full.height)) return full;
    return scales !== 'auto' && scales !== false && side === scales.at(-1)
      ? fitSize(content.width, content.height, side)
      : fitSize(full.width, full.height, side);
  }

  async #paintRung(
    vgg: Awaited<ReturnType<typeof loadNetwork>>,
    loaded: LoadedPictures,
    rungs: readonly Rung[],
    index: number,
    coarser: Pixels | undefined,
  ): Promise<Pixels> {
    const rung = rungs[index]!;
    const size = this.#sizeOf(loaded.content, rung);
    const fit = rungs.length > 1 ? 'result' : 'own';
    const pictures = scalePictures(loaded, size, fit, this.#resolved.color);
    const start = coarser
      ? resize(coarser, size.width, size.height)
      : startPicture(this.#resolved, pictures, loaded.init);
    const session = await StyleSession.from({
      device: this.#device,
      vgg,
      options: { ...this.#resolved, iterations: rung.iterations },
      pictures,
      start,
      preview: this.#options.preview,
    });
    try {
      const before = this.#done;
      const started = performance.now();
      const spent = this.#milliseconds;
      for await (const { losses, iteration } of session.run({
        iterations: rung.iterations,
        signal: this.#options.signal,
      })) {
        this.#losses = losses;
        this.#done = before + iteration;
        this.#milliseconds = spent + performance.now() - started;
        this.#report(session, loaded, rungs, index, iteration);
      }
      if (rung.iterations === 0) this.#losses = await session.evaluate();
      return await session.readPixels();
    } finally {
      session.destroy();
    }
  }

  #report(session: StyleSession, loaded: LoadedPictures, rungs: readonly Rung[], index: number, iteration: number): void {
    const { onProgress } = this.#options;
    if (!onProgress) return;
    const { width, height } = session;
    const area = (side: number): number => side * side;
    // An iteration costs as much as it has pixels: measure this rung, scale for the finer ones.
    const here = this.#milliseconds / this.#done;
    const work = (rung: Rung, count: number): number => count * area(rung.side);
    const doneWork = rungs.slice(0, index).reduce((sum, r) => sum + work(r, r.iterations), 0) + work(rungs[index]!, iteration);
    const allWork = rungs.reduce((sum, r) => sum + work(r, r.iterations), 0);
    onProgress({
      iteration: this.#done,
      iterations: rungs.reduce((sum, r) => sum + r.iterations, 0),
      losses: this.#losses,
      millisecondsPerIteration: here,
      secondsLeft: ((this.#milliseconds / 1000) * (allWork - doneWork)) / doneWork,
      scale: { index, count: rungs.length, width, height },
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
    const colored = this.#resolved.color === 'luminance' ? keepColors(pixels, content) : pixels;
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
