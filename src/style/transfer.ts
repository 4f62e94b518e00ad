// A whole run: load, climb the ladder of scales, give a picture. What is done with checkpoints and colours are chunks of
// their own, for whoever asks for them.

import { memoryUse, resetPeak } from '../gpu/buffers.ts';
import { loadChunk } from '../gpu/chunk.ts';
import { describeAdapter, isLost, requestDevice } from '../gpu/device.ts';
import { badOption, throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { isOpaque, type Pixels } from '../image/pixels.ts';
import type { RunOrigin, RunState } from './checkpoint-header.ts';
import { FinishedPicture, onHost, taken, type PictureSource, type Take } from './finished.ts';
import type { Finishing } from './finishing.ts';
import type { Losses } from './losses.ts';
import { resolveOptions, settingsOf, type ResolvedOptions, type StyleTransferOptions } from './options.ts';
import type { PictureParts, StyledPicture, Stopped } from './picture.ts';
import type { Vgg } from '../vgg/index.ts';
import { loadNetwork, loadPictures, scaleParts, type LoadedPictures } from './prepare.ts';
import type { Coarser, RunCheckpoint } from './run-state.ts';
import type { Again, Kept } from './recover.ts';
import { resampleOn, resampleOnHost, type Resample } from './resampling.ts';
import { scalesOf, type Scale } from './scales.ts';
import { StyleSession } from './session.ts';

/** What is done in the end to a picture of an opaque content whose colours are the style's. */
const NOTHING: Finishing = { finish: (rows) => rows, needsWhole: false, isOpaque: true };

const NO_LOSSES: Losses = { total: NaN, content: NaN, style: NaN, tv: NaN, layers: {} };

/**
 * Paints `content` in the manner of `style` (Gatys, Ecker and Bethge 2016). Every other option has a default.
 *
 * An aborted signal ends the run early: the promise resolves to the picture so far, `stopped: 'aborted'`. Aborting
 * before there is a picture rejects with `aborted`. With `checkpoint` its state is saved, and `resume` goes on from it;
 * with `recover` it does that by itself when its device is lost.
 *
 * @throws a `WgpuStyleError`, for a lost device a {@link DeviceLostError} with what was kept; no GPU memory stays behind, and a device given by the caller is left as it was.
 */
export async function styleTransfer(given: StyleTransferOptions): Promise<StyledPicture> {
  const finish = await styleTransferTo(given, (picture) => picture.fetch());
  return finish();
}

/**
 * Paints as {@link styleTransfer} does, and hands the picture over while it still lies on the GPU, for pictures that are too
 * large to be wanted in memory as a whole: `take` writes the pieces of its PNG file, or reads it. What the run has on the GPU is
 * given back when `take` has ended; what that resolves to comes of all. With `recover` a device that is lost meanwhile has `take`
 * called again.
 *
 * @throws what styleTransfer does, `bad-option` for a `take` that is no function, and what `take` throws.
 */
export async function styleTransferTo<T>(given: StyleTransferOptions, take: (picture: FinishedPicture) => T | Promise<T>): Promise<T> {
  if (typeof take !== 'function') throw badOption('styleTransferTo', `take is ${typeof take}`, 'Give a function that takes the picture');
  const states = given?.resume === undefined ? undefined : await import('./run-state.ts');
  const checkpoint = states?.decodeRun(given.resume!);
  const options = states && checkpoint ? states.resumedOptions(given, checkpoint) : given;
  const resolved = resolveOptions(options);
  throwIfAborted(options.signal, 'styleTransfer');
  const recovery = options.recover ? await import('./recover.ts') : undefined;
  const recover = recovery?.resolveRecover(options.recover);
  const inputs: Inputs = {};
  const borrowable = options.devices ?? (options.device ? [options.device] : []);
  const run = async (again?: Again): Promise<T> => {
    const borrowed = again?.devices ?? borrowable;
    const devices = borrowed.length > 0 ? borrowed : [await requestDevice()];
    try {
      const kept = again?.kept && (await import('./run-state.ts')).decodeRun(again.kept.checkpoint);
      return await new Run(again && devices[0] !== borrowable[0] ? recovery!.withoutTexture(options) : options, resolved, devices, inputs, recover?.every).finish(kept ?? checkpoint, take);
    } finally {
      if (borrowed.length === 0) devices[0]!.destroy();
    }
  };
  return recovery && recover ? recovery.recovering(run, recover, options.devices ?? [], options.signal) : run();
}

/** What is read once for all devices of a run: pictures on the first device are gone with it. */
interface Inputs {
  vgg?: Vgg;
  loaded?: LoadedPictures;
}

function iterationsOf(scales: readonly Scale[]): number {
  return scales.reduce((sum, { iterations }) => sum + iterations, 0);
}

/** The state of one call of {@link styleTransfer}. */
class Run {
  readonly #options: StyleTransferOptions;
  readonly #resolved: ResolvedOptions;
  readonly #device: GPUDevice;
  readonly #helpers: readonly GPUDevice[];
  readonly #inputs: Inputs;
  /** Iterations from one state that is kept to the next; undefined where none is kept. */
  readonly #every: number | undefined;
  /** The last state that was kept. */
  #kept: { readonly bytes: Uint8Array<ArrayBuffer>; readonly iteration: number } | undefined;
  #losses = NO_LOSSES;
  #retries = 0;
  #done = 0;
  #milliseconds = 0;
  #origin: RunOrigin | undefined;
  /** The content at the size of the scale that is painted, where the end of the run needs it. */
  #content: Pixels | undefined;
  #wantsContent = true;
  /** What the device was found to have at a coarser scale. */
  #deviceBytes: number | undefined;
  /** Iterations that were not needed, the loss having come to rest. */
  #skipped = 0;
  /** Pixels times iterations, of scales that are finished. */
  #work = 0;

  constructor(
    options: StyleTransferOptions,
    resolved: ResolvedOptions,
    devices: readonly GPUDevice[],
    inputs: Inputs,
    every: number | undefined,
  ) {
    this.#options = options;
    this.#resolved = resolved;
    [this.#device, ...this.#helpers] = devices as [GPUDevice, ...GPUDevice[]];
    this.#inputs = inputs;
    const { checkpoint } = options;
    this.#every = checkpoint || every !== undefined ? (checkpoint?.every ?? every ?? Infinity) : undefined;
    resetPeak(this.#device);
  }

  /** Runs to the end. The loss of the device becomes a `DeviceLostError`, whatever it made fail. */
  async finish<T>(checkpoint: RunCheckpoint | undefined, take: Take<T>): Promise<T> {
    try {
      return await this.#finish(checkpoint, take);
    } catch (error) {
      const isTyped = error instanceof WgpuStyleError;
      const lost = isTyped ? [error.code === 'device-lost'] : await Promise.all([this.#device, ...this.#helpers].map(isLost));
      if (!lost.includes(true)) throw error;
      const { DeviceLostError } = await import('./recover.ts');
      throw new DeviceLostError(error, await this.#rescued());
    }
  }

  async #finish<T>(checkpoint: RunCheckpoint | undefined, take: Take<T>): Promise<T> {
    const { signal } = this.#options;
    import('./iteration.ts').catch(() => undefined); // comes meanwhile; a failure is told by the session
    const vgg = (this.#inputs.vgg ??= await loadNetwork(this.#options));
    const loaded = (this.#inputs.loaded ??= await loadPictures(this.#options, this.#resolved, this.#device));
    throwIfAborted(signal, 'styleTransfer');
    const scales = scalesOf(loaded.content, this.#resolved);
    // Checksums of whole pictures: a second or so for large ones, so only for whoever wants checkpoints.
    if (checkpoint || this.#every !== undefined) {
      const { originOf } = await import('./run-state.ts');
      this.#origin = originOf(this.#resolved, loaded, vgg);
    }
    let current = checkpoint && (await this.#resume(checkpoint, scales));
    const { color } = this.#resolved;
    const recolors = color.mode === 'luminance' || ('when' in color && color.when === 'after');
    this.#wantsContent = recolors || loaded.updateMask !== undefined || !isOpaque(loaded.content);
    const resample = resampleOn(this.#device, this.#resolved); // whatever the signal says
    const first = checkpoint?.header.run.scale ?? 0;
    for (let index = first; index < scales.length; index++) {
      const own = index === first && !current ? checkpoint : undefined;
      const session = await this.#session(vgg, loaded, scales, index, current, own);
      if (!session) {
        await this.#saveBetween(scales, index, current!);
        break;
      }
      current = undefined; // the session has it
      try {
        const isOver = await this.#paintScale(session, loaded, scales, index, own);
        if (index + 1 === scales.length) {
          const { width, height } = session;
          // As a whole the plan has counted it.
          const rows: PictureSource['rows'] = (begin, count) => (count === height ? session.readPixels() : session.readRows(begin, count));
          return await taken(await this.#finished({ width, height, rows }, loaded, this.#stopped(scales), resample), take);
        }
        current = await this.#leaveScale(session, scales, index, isOver);
      } finally {
        session.destroy();
      }
      if (signal?.aborted) break;
    }
    // The signal fired on the way.
    const { width, height } = scales.at(-1)!;
    const final = onHost(await resample(current!.picture, width, height));
    return taken(await this.#finished(final, loaded, this.#stopped(scales), resample), take);
  }

  /** How the run ended. Throws `aborted` where nothing was painted. */
  #stopped(scales: readonly Scale[]): Stopped {
    if (this.#done + this.#skipped === iterationsOf(scales)) return this.#skipped > 0 ? 'converged' : 'done';
    if (this.#done === 0) throwIfAborted(this.#options.signal, 'styleTransfer');
    return 'aborted';
  }

  /** Takes over where a checkpoint stands; gives what one that was made between two scales hands over. */
  async #resume(checkpoint: RunCheckpoint, scales: readonly Scale[]): Promise<Coarser | undefined> {
    const { checkOrigin, checkPlace, coarserIn } = await import('./run-state.ts');
    const { run, steps } = checkpoint.header;
    checkOrigin(run, this.#origin!);
    checkPlace(checkpoint, scales);
    this.#done = run.before + steps;
    this.#skipped = run.skipped;
    for (const { width, height, iterations } of scales.slice(0, run.scale)) this.#work += width * height * iterations;
    this.#milliseconds = run.milliseconds;
    this.#losses = run.losses;
    return coarserIn(checkpoint, this.#resolved);
  }

  /** Paints a scale, unless the signal fires; tells whether it is over. */
  async #paintScale(
    session: StyleSession,
    loaded: LoadedPictures,
    scales: readonly Scale[],
    index: number,
    checkpoint: RunCheckpoint | undefined,
  ): Promise<boolean> {
    const { iterations, width, height } = scales[index]!;
    if (checkpoint) await session.adopt(checkpoint);
    const before = checkpoint?.header.run.before ?? this.#done;
    const end = before + iterations;
    const { signal } = this.#options;
    const save = async (): Promise<void> => this.#save(scales, await session.checkpoint(this.#state(index, before)));
    let rests = false;
    while (this.#done < end && !rests && !signal?.aborted) {
      rests = await this.#iterate(session, loaded, scales, index, before);
      if (this.#isDue() && this.#done < end && !rests && !signal?.aborted) await save();
    }
    if (rests) this.#skipped += end - this.#done;
    const isOver = rests || this.#done === end;
    this.#work += (this.#done - before) * width * height;
    if (this.#wasStopped && !isOver && this.#every !== undefined) await save();
    if (iterations === 0) this.#losses = await session.evaluate();
    return isOver;
  }

  /** What a scale hands over to the next. */
  async #leaveScale(session: StyleSession, scales: readonly Scale[], index: number, isOver: boolean): Promise<Coarser> {
    const carries = isOver && this.#resolved.recipe.carry;
    const finished = { picture: await session.readPixels(), moments: carries ? await session.moments() : undefined };
    if (isOver && (this.#wasStopped || this.#isDue())) await this.#saveBetween(scales, index + 1, finished);
    return finished;
  }

  /** Whether the signal fired when there was a picture already. */
  get #wasStopped(): boolean {
    return this.#options.signal?.aborted === true && this.#done > 0;
  }

  /**
   * Iterates to the end of the scale or to the next checkpoint (what is under way must be home before one is made); tells
   * whether the loss came to rest.
   */
  async #iterate(
    session: StyleSession,
    loaded: LoadedPictures,
    scales: readonly Scale[],
    index: number,
    before: number,
  ): Promise<boolean> {
    const { signal } = this.#options;
    const every = this.#every ?? Infinity;
    const done = this.#done;
    const left = before + scales[index]!.iterations - done;
    const iterations = Math.min(left, every - (done % every));
    const started = performance.now();
    const spent = this.#milliseconds;
    let rests: boolean | undefined;
    for await (const { losses, iteration, retries, converged } of session.run({ iterations, signal })) {
      this.#losses = losses;
      this.#retries = retries;
      rests = converged;
      this.#done = done + iteration;
      this.#milliseconds = spent + performance.now() - started;
      this.#report(session, loaded, scales, index, this.#done - before);
    }
    // A session that makes no iteration, and was not told to stop, is at rest since it was saved.
    return rests ?? signal?.aborted !== true;
  }

  /** Whether a checkpoint is to be made after this many iterations. */
  #isDue(): boolean {
    return this.#done % (this.#every ?? Infinity) === 0;
  }

  #state(scale: number, before: number): RunState {
    return { ...this.#origin!, scale, before, skipped: this.#skipped, milliseconds: this.#milliseconds, losses: this.#losses };
  }

  /** The checkpoint of a run whose scale `next` has not begun. */
  async #saveBetween(scales: readonly Scale[], next: number, coarser: Coarser): Promise<void> {
    if (this.#every === undefined) return;
    const { encodeBetweenScales } = await import('./run-state.ts');
    await this.#save(scales, encodeBetweenScales(coarser, this.#state(next, this.#done), this.#resolved));
  }

  async #save(scales: readonly Scale[], bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#kept = { bytes, iteration: this.#done };
    const { checkpoint, signal } = this.#options;
    if (!checkpoint || (checkpoint.every === undefined && !signal?.aborted)) return;
    await checkpoint.save(bytes, { iteration: this.#done, iterations: iterationsOf(scales) });
  }

  /** What was kept, with its picture at the size of the result. */
  async #rescued(): Promise<Kept | undefined> {
    if (!this.#kept || !this.#inputs.loaded) return undefined;
    const { bytes: checkpoint, iteration } = this.#kept;
    const { rescued } = await import('./run-state.ts');
    const { pixels, losses } = await rescued(checkpoint, this.#inputs.loaded, this.#resolved);
    this.#done = iteration;
    this.#losses = losses;
    const picture = await this.#picture(pixels, this.#inputs.loaded, 'aborted', resampleOnHost);
    return { checkpoint, iteration, picture };
  }

  /** The session of a scale; undefined when the signal fired while it was made and a coarser picture is there. */
  async #session(
    vgg: Vgg,
    loaded: LoadedPictures,
    scales: readonly Scale[],
    index: number,
    coarser: Coarser | undefined,
    checkpoint: RunCheckpoint | undefined,
  ): Promise<StyleSession | undefined> {
    const { preview, signal, onWarning } = this.#options;
    const onDevice = { device: this.#device, helpers: this.#helpers, deviceBytes: this.#deviceBytes };
    try {
      const resample = resampleOn(this.#device, this.#resolved, signal);
      const { content, ...parts } = await scaleParts(this.#resolved, loaded, scales, index, coarser?.picture, resample);
      this.#content = this.#wantsContent ? content : undefined;
      const moments = coarser?.moments && (await import('./carry.ts')).resizeMoments(coarser.moments, scales[index]!);
      const session = await StyleSession.from({ ...onDevice, vgg, ...parts, moments, preview, signal, onWarning, history: checkpoint?.pairs });
      this.#deviceBytes = session.plan.deviceBytes;
      return session;
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
      picture: async () => this.#picture(await session.readPixels(), loaded, 'aborted', resampleOnHost),
    });
  }

  /** The content at a size: what the scale that is painted has, where it is that size. */
  async #contentAt({ width, height }: PictureSource, { content }: LoadedPictures, resample: Resample): Promise<Pixels> {
    const { resampling } = this.#resolved;
    const isAtHand = this.#content?.width === width && this.#content.height === height;
    return isAtHand ? this.#content! : resample(content, width, height, { light: resampling === 'linear' });
  }

  /** A picture of this run, finished. */
  async #picture(pixels: Pixels, loaded: LoadedPictures, stopped: Stopped, resample: Resample): Promise<StyledPicture> {
    return (await this.#finished(onHost(pixels), loaded, stopped, resample)).read();
  }

  /** The same, wherever it lies. */
  async #finished(source: PictureSource, loaded: LoadedPictures, stopped: Stopped, resample: Resample): Promise<FinishedPicture> {
    const finishing = this.#wantsContent
      ? await (await loadChunk('styleTransfer', import('./finishing.ts'))).finishingOf(this.#resolved, loaded, await this.#contentAt(source, loaded, resample))
      : NOTHING;
    const [losses, iterations] = [this.#losses, this.#done];
    return new FinishedPicture(source, finishing, () => ({ losses, iterations, stopped, details: this.#details }));
  }

  get #details(): PictureParts['details'] {
    const { network } = this.#options;
    return {
      adapter: describeAdapter(this.#device),
      millisecondsPerIteration: this.#done > 0 ? this.#milliseconds / this.#done : 0,
      peakBytes: memoryUse(this.#device).peakBytes,
      seed: this.#resolved.seed,
      recipe: this.#resolved.recipe.name,
      network: typeof network === 'string' ? network : network === undefined ? 'default' : 'custom',
      options: settingsOf(this.#resolved),
    };
  }
}
