// One run: a ladder of sessions from coarse to fine, on a canvas. Unlike `styleTransfer` it can rest and go on, go back
// to the picture that ended any scale, have its weights changed, and outlive its device.

import { StyleSession, type Scale, type StyleTransferOptions, type TermWeights, type Vgg } from 'wgpu-style';
import type { Gpu } from './gpu.ts';
import type { PageOptions, Report } from './protocol.ts';
import { maskedStyles, type Regions } from './regions.ts';

/** Pixels as a session reads and takes them: RGBA floats. */
type Pixels = Awaited<ReturnType<StyleSession['readPixels']>>;

/** Milliseconds from one look at the picture to the next, for the case that the device is lost. */
const KEEP_EVERY = 2000;

/** A term that is 0 when a session is made could not be raised while it runs. */
const ALMOST_NOTHING = 1e-6;

/** Losses within a scale that are borne: a driver that crashes each time is not asked for ever. */
const MOST_LOSSES = 3;

/** The shortest side that a style is reduced to: two pixels of relu5_1. */
const NARROWEST = 32;

/** What a painting is made from. */
export interface PaintingParts {
  readonly content: ImageBitmap;
  readonly styles: readonly ImageBitmap[];
  readonly regions: Regions | undefined;
  readonly network: Vgg;
  readonly options: PageOptions;
  readonly scales: readonly Scale[];
  readonly canvas: OffscreenCanvas;
  readonly gpu: Gpu;
  readonly report: (report: Report, transfer?: Transferable[]) => void;
}

/** A picture that is being painted, or rests. */
export class Painting {
  readonly #parts: PaintingParts;
  #weights: TermWeights;
  /** The scale that is being painted, or comes next; and how many of its iterations are done. */
  #scale = 0;
  #done = 0;
  #session: StyleSession | undefined;
  /** The pictures that ended the scales. */
  readonly #kept: Pixels[] = [];
  /** The picture within the scale, as it was last looked at. */
  #latest: { readonly done: number; readonly pixels: Pixels } | undefined;
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: PaintingParts) {
    this.#parts = parts;
    const { contentWeight, styleWeight, tvWeight } = parts.options;
    this.#weights = { contentWeight, styleWeight, tvWeight };
    const { width, height } = parts.scales.at(-1)!;
    Object.assign(parts.canvas, { width, height });
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Paints on, until it is done or {@link stop} is called. */
  async run(): Promise<void> {
    await this.stop();
    this.#stop = new AbortController();
    this.#running = this.#run(this.#stop.signal).finally(() => (this.#running = undefined));
    await this.#running;
  }

  /** Resolves when the run rests; it then can be read and saved. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => undefined); // whoever called `run` has that error
  }

  /** Takes effect with the next iteration. */
  set(weights: TermWeights): void {
    this.#weights = weights;
    this.#session?.set(weights);
  }

  /** Goes back to the picture that ended a scale, and rests there. */
  async undo(scale: number): Promise<void> {
    await this.stop();
    const picture = this.#kept[scale];
    if (!picture) return;
    this.#leave();
    // The session that comes next shows the picture that it starts from. After the last scale none comes.
    this.#scale = Math.min(scale + 1, this.#parts.scales.length - 1);
    this.#latest = { done: 0, pixels: picture };
    await this.#surviving(() => this.#open());
    if (scale + 1 < this.#parts.scales.length) this.#reportStop();
    else this.#finish();
  }

  /** After a loss: the picture back onto the canvas. A run that is under way does that by itself. */
  async recover(): Promise<void> {
    if (this.#running) return;
    await this.#leaveLost();
    await this.#surviving(() => this.#open());
    this.#parts.report({ kind: 'recovered' });
    if (this.#scale >= this.#parts.scales.length) this.#finish();
  }

  /** The picture as it stands, if there is one yet. */
  async read(): Promise<Pixels | undefined> {
    try {
      if (this.#session) return await this.#session.readPixels();
    } catch {
      // Lost just now: what was kept is nearly as good.
    }
    return this.#latest?.pixels ?? this.#kept.at(-1);
  }

  async destroy(): Promise<void> {
    await this.stop();
    this.#leave();
    this.#parts.content.close();
    this.#parts.styles.forEach((style) => style.close());
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { scales } = this.#parts;
    while (this.#scale < scales.length && !signal.aborted) {
      await this.#surviving(() => this.#paintScale(signal));
    }
    if (this.#scale < scales.length) this.#reportStop();
    else this.#finish();
  }

  /** Does `work` again on a new device when it failed because its device was lost. */
  async #surviving(work: () => Promise<unknown>): Promise<void> {
    const { gpu, report } = this.#parts;
    for (let losses = 1; ; losses++) {
      const device = await gpu.device();
      try {
        await work();
        return;
      } catch (error) {
        if (losses > MOST_LOSSES || !(await gpu.wasLost(device))) throw error;
        await this.#leaveLost();
        await gpu.device();
        report({ kind: 'recovered' });
      }
    }
  }

  async #paintScale(signal: AbortSignal): Promise<void> {
    const { scales, report } = this.#parts;
    const index = this.#scale;
    const session = this.#session ?? (await this.#open());
    const before = scales.slice(0, index).reduce((sum, { iterations }) => sum + iterations, 0);
    const iterations = scales.reduce((sum, scale) => sum + scale.iterations, 0);
    const [begun, end] = [this.#done, scales[index]!.iterations];
    let lookedAt = performance.now();
    for await (const step of session.run({ iterations: end - begun, signal })) {
      this.#done = begun + step.iteration;
      report({
        kind: 'progress',
        iteration: before + this.#done,
        iterations,
        scale: index,
        losses: step.losses,
        secondsLeft: this.#secondsLeft(step.millisecondsPerIteration),
      });
      if (performance.now() - lookedAt > KEEP_EVERY) {
        await this.#look(session);
        lookedAt = performance.now();
      }
    }
    await this.#look(session);
    // Not to the end, and not because of the signal: the loss has come to rest.
    if (this.#done < end && signal.aborted) return;
    await this.#keep(index, this.#latest!.pixels);
    this.#leave();
    this.#latest = undefined;
    this.#scale = index + 1;
  }

  /** A session for the scale at hand, from the newest picture there is; it paints that at once. */
  async #open(): Promise<StyleSession> {
    const { content, styles, regions, network, options, scales, canvas: preview, gpu, report } = this.#parts;
    const { width, height } = scales[Math.min(this.#scale, scales.length - 1)]!;
    // How far and how fine is the ladder's business, and the colours after a run that of whole runs.
    const { size: _size, iterations: _iterations, scales: _scales, ...own } = options;
    const start = this.#latest?.pixels ?? this.#kept[this.#scale - 1] ?? options.init;
    this.#done = this.#latest?.done ?? 0;
    const { style, ...masked } = maskedStyles(styles, regions);
    const longest = Math.max(width, height);
    const session = await StyleSession.create({
      ...own,
      content,
      ...masked,
      style: style.map((one, i) => ({ ...one, ...(scales.length > 1 && { scale: scaleOf(styles[i]!, longest) }) })),
      size: { width, height },
      network,
      device: await gpu.device(),
      preview,
      ...(start !== undefined && { init: start }),
      contentWeight: this.#weights.contentWeight || ALMOST_NOTHING,
      styleWeight: this.#weights.styleWeight || ALMOST_NOTHING,
      tvWeight: this.#weights.tvWeight || ALMOST_NOTHING,
    } satisfies StyleTransferOptions);
    session.set(this.#weights);
    this.#session = session;
    report({ kind: 'opened', scale: this.#scale });
    return session;
  }

  async #look(session: StyleSession): Promise<void> {
    this.#latest = { done: this.#done, pixels: inRange(await session.readPixels()) };
  }

  async #keep(scale: number, pixels: Pixels): Promise<void> {
    this.#kept.length = scale;
    this.#kept.push(pixels);
    const picture = await bitmapOf(pixels);
    this.#parts.report({ kind: 'kept', scale, picture }, [picture]);
  }

  async #leaveLost(): Promise<void> {
    this.#leave();
    const pixels = this.#latest?.pixels ?? this.#kept.at(-1);
    const picture = pixels && (await bitmapOf(pixels));
    this.#parts.report({ kind: 'lost', picture }, picture ? [picture] : []);
  }

  #leave(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  /** An iteration costs as much as it has pixels: what is measured here tells of the finer scales too. */
  #secondsLeft(millisecondsPerIteration: number): number {
    const { scales } = this.#parts;
    const work = scales.slice(this.#scale).map(({ width, height, iterations }) => width * height * iterations);
    const { width, height } = scales[this.#scale]!;
    const left = work.reduce((sum, some) => sum + some, 0) / (width * height) - this.#done;
    return (left * millisecondsPerIteration) / 1000;
  }

  /** Everything is painted: the picture is kept, the GPU's memory is not needed any more. */
  #finish(): void {
    this.#leave();
    this.#latest = undefined;
    this.#scale = this.#parts.scales.length;
    this.#reportStop();
  }

  #reportStop(): void {
    const { scales, report } = this.#parts;
    const before = scales.slice(0, this.#scale).reduce((sum, { iterations }) => sum + iterations, 0);
    const isDone = this.#scale >= scales.length;
    const done = isDone ? 0 : this.#done;
    report({ kind: 'stopped', iteration: before + done, scale: this.#scale - (done === 0 ? 1 : 0), isDone });
  }
}

/**
 * The `scale` of a style that brings it to the longest side of the result, as `styleTransfer` does on a ladder: nothing is
 * enlarged, and a narrow style keeps enough pixels for the deepest features.
 */
function scaleOf({ width, height }: ImageBitmap, longest: number): number {
  const own = Math.max(width, height);
  const most = Math.max(longest, Math.ceil((NARROWEST * own) / Math.min(width, height)));
  return Math.min(16, Math.min(own, most) / longest);
}

/** Between steps values may lie outside [0, 1]; a picture that is started from may not. */
function inRange({ width, height, data }: Pixels): Pixels {
  return { width, height, data: data.map((value) => Math.min(1, Math.max(0, value))) };
}

function bitmapOf(pixels: Pixels): Promise<ImageBitmap> {
  return createImageBitmap(new ImageData(bytesOf(pixels), pixels.width, pixels.height));
}

/** RGBA bytes; the array clamps. */
export function bytesOf({ data }: Pixels): Uint8ClampedArray<ArrayBuffer> {
  return Uint8ClampedArray.from(data, (value) => Math.round(255 * value));
}
