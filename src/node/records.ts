// What a run leaves on the disk beside its result: pictures on the way, checkpoints, the trace, the plot of its losses.

import path from 'node:path';
import type { CheckpointOptions, Progress } from '../style/options.ts';
import { badOption } from '../gpu/errors.ts';
import type { TransferCommand } from './commands.ts';
import { checkpointFile } from './checkpoint-file.ts';
import { checkWritable, writeFileAtomic } from './files.ts';
import { drawSvg, writeImageFile } from './images.ts';
import { lossPlot, type LossPoint } from './plot.ts';
import { settingsOf, settingsText, shown, whole, type Job, type Reported, type Result } from './report.ts';
import { Trace } from './trace.ts';

/** Iterations between two checkpoints, where nothing else is said. */
const CHECKPOINT_EVERY = 50;

/** `out.png`, 50 of 500 to `out-0050.png`: sorted by name they are in order. */
export function numberedOutput(output: string, iteration: number, iterations: number): string {
  const { dir, name, ext } = path.parse(output);
  return path.join(
    dir,
    `${name}-${String(iteration).padStart(Math.max(4, String(iterations).length), '0')}${ext}`,
  );
}

/** Where the state of an interrupted run goes when no file was named: `out.png` to `out.checkpoint`. */
export function besideOutput(output: string): string {
  const { dir, name } = path.parse(output);
  return path.join(dir, `${name}.checkpoint`);
}

/** The files of one run. */
export class Records {
  readonly #command: TransferCommand;
  readonly #job: Job;
  readonly #signal: AbortSignal;
  readonly #trace: Trace | undefined;
  readonly #points: LossPoint[] = [];
  #saving = Promise.resolve();
  #failure: unknown;
  #savedAt = 0;
  #arrivedAt = performance.now();
  /** The state of an interrupted run: written after its picture, which matters more. */
  #left: Uint8Array | undefined;

  private constructor(command: TransferCommand, job: Job, signal: AbortSignal) {
    this.#command = command;
    this.#job = job;
    this.#signal = signal;
    if (command.trace !== undefined) this.#trace = new Trace(command.trace, command.resume !== undefined);
  }

  /** Opens what is written from the start; what comes later is tried now. Throws `bad-option` for places that are none. */
  static async open(command: TransferCommand, job: Job, signal: AbortSignal): Promise<Records> {
    const { plot, checkpoint } = command;
    if (plot !== undefined) {
      if (!/\.(svg|png)$/i.test(plot)) {
        throw badOption('--plot', `no plot format for "${plot}", need .svg or .png`, 'Rename it');
      }
      await checkWritable(plot, '--plot');
    }
    if (checkpoint !== undefined) await checkWritable(checkpoint, '--checkpoint');
    return new Records(command, job, signal);
  }

  /** For the library: saves on the way where that was asked for, and keeps the state of an interrupted run. */
  get checkpoint(): CheckpointOptions {
    const { checkpoint, checkpointEvery = CHECKPOINT_EVERY } = this.#command;
    return {
      ...(checkpoint !== undefined && { every: checkpointEvery }),
      save: async (bytes) => {
        if (this.#signal.aborted) this.#left = bytes;
        else await this.#writeCheckpoint(checkpoint!, bytes);
      },
    };
  }

  /** Takes an iteration's progress. Throws when the trace cannot be written. */
  add(progress: Progress): void {
    const { iteration, scale, losses } = progress;
    const now = performance.now();
    this.#trace?.add({ iteration, scale, losses }, now - this.#arrivedAt);
    this.#arrivedAt = now;
    if (this.#command.plot !== undefined) this.#points.push({ iteration, scale, losses });
    this.#saveOnTheWay(progress);
  }

  /** Writes pictures of the run one after the other; a failure is kept for {@link finish}. */
  #saveOnTheWay({ iteration, iterations, picture }: Progress): void {
    // Crossed, not hit: progress may skip iterations. The last picture is the output itself.
    const { saveEvery: every, bits } = this.#command;
    if (every === undefined || Math.floor(iteration / every) <= Math.floor(this.#savedAt / every)) return;
    this.#savedAt = iteration;
    if (iteration >= iterations) return;
    const taken = picture();
    const file = numberedOutput(this.#job.output, iteration, iterations);
    this.#saving = Promise.all([taken, this.#saving])
      .then(([made]) => writeImageFile(file, made, { text: this.#text(made), bits, where: '--save-every' }))
      .catch((error: unknown) => void (this.#failure ??= error));
  }

  #text(picture: Reported): Record<string, string> {
    return settingsText(settingsOf(this.#command, this.#job.content, picture, shown));
  }

  async #writeCheckpoint(file: string, bytes: Uint8Array): Promise<void> {
    const { bits } = this.#command;
    const settings = {
      ...settingsOf(this.#command, whole(this.#job.content), undefined, whole),
      output: whole(this.#job.output),
      ...(bits !== undefined && { bits }),
    };
    await writeFileAtomic(file, checkpointFile(settings, bytes), '--checkpoint');
  }

  /** Writes the result itself. */
  async result(picture: Result): Promise<void> {
    const { bits } = this.#command;
    await writeImageFile(this.#job.output, picture, { text: this.#text(picture), bits, where: '-o' });
  }

  /** Writes what is left to write; gives the file of an interrupted run's state. */
  async finish(): Promise<string | undefined> {
    this.#trace?.close();
    await this.#saving;
    if (this.#failure) throw this.#failure;
    await this.plot();
    return this.leave();
  }

  /** Writes the state of an interrupted run, if there is one; gives its file. */
  async leave(): Promise<string | undefined> {
    if (!this.#left) return undefined;
    const file = this.#command.checkpoint ?? besideOutput(this.#job.output);
    await this.#writeCheckpoint(file, this.#left);
    return file;
  }

  /** Writes the curves as far as they came; also of a run that failed, where they tell most. */
  async plot(): Promise<void> {
    this.#trace?.close();
    const { plot, styles, options } = this.#command;
    if (plot === undefined || this.#points.length === 0) return;
    const base = (file: string): string => path.basename(file);
    const recipe = typeof options.recipe === 'object' ? options.recipe.name : (options.recipe ?? 'default');
    const title = `${base(this.#job.content)} in the style of ${styles.map(({ path: file }) => base(file)).join(', ')}, recipe ${recipe}`;
    if (/\.svg$/i.test(plot)) {
      await writeFileAtomic(plot, new TextEncoder().encode(lossPlot(this.#points, { title })), '--plot');
      return;
    }
    const drawn = await drawSvg(lossPlot(this.#points, { title, theme: 'light' }), '--plot', 2);
    await writeImageFile(plot, drawn, { where: '--plot' });
  }
}
