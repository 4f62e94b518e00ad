// Many contents, one after the other, into a folder: network, device and style pictures are loaded once; a picture that
// fails does not stop the others. Frames of a film begin as the one before them ended, which keeps strokes in their
// places and saves most of the work.

import { mkdir } from 'node:fs/promises';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { StyleTransferOptions } from '../style/options.ts';
import type { StyledPicture } from '../style/picture.ts';
import type { TransferCommand } from './commands.ts';
import { jobsIn } from './contents.ts';
import { cannotWrite, checkWritable } from './files.ts';
import { checkBits, checkFormat } from './images.ts';
import { Inputs } from './inputs.ts';
import type { Job, Report } from './report.ts';
import { paint, type TransferServices } from './transfer.ts';

/** A picture that failed, and why. */
export interface Failure {
  readonly content: string;
  readonly message: string;
}

/** The `--json` object of a batch. */
export interface BatchReport {
  readonly output: string;
  readonly pictures: readonly Report[];
  readonly failed: readonly Failure[];
}

/** What came of a batch. */
export interface BatchOutcome {
  readonly report: BatchReport;
  readonly wasInterrupted: boolean;
}

/** What is wrong with the command or the machine is wrong for every picture. */
const fatal: readonly string[] = [
  'no-webgpu',
  'no-adapter',
  'bad-model',
  'bad-weights',
  'unsupported-op',
  'aborted',
];

function isFatal(error: unknown): boolean {
  if (!(error instanceof WgpuStyleError)) return true;
  return fatal.includes(error.code) || (error.code === 'bad-option' && !isOfFiles(error));
}

/** True for failures of the file system: a full disk, a folder that may not be written. */
export function isOfFiles(error: WgpuStyleError): boolean {
  const { code } = (error.cause ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}

/** Throws `bad-option` for flags that make no sense with several contents. */
function checkCommand({ checkpoint, checkpointEvery, resume, plot, trace }: TransferCommand): void {
  const single = Object.entries({ checkpoint, 'checkpoint-every': checkpointEvery, resume, plot, trace });
  const [name] = single.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw badOption(`--${name}`, 'got several contents, takes one', 'Leave it out');
}

/** The folder, made if need be, with the results' names in it. */
async function openFolder(command: TransferCommand, contents: readonly string[]): Promise<readonly Job[]> {
  const { output, format = 'png', bits } = command;
  const extension = format.replace(/^\./, '');
  if (!/^[a-z]+$/i.test(extension))
    throw badOption('--format', `got "${format}"`, 'Give png, jpg, webp, avif or tiff');
  await checkFormat(`x.${extension}`, '--format');
  checkBits(`x.${extension}`, bits);
  const jobs = jobsIn(output, contents, extension);
  try {
    await mkdir(output, { recursive: true });
  } catch (cause) {
    throw cannotWrite(output, '-o', cause);
  }
  await checkWritable(jobs[0]!.output, '-o');
  return jobs;
}

/** What the next frame begins with, known from the ones before. */
class Film {
  readonly #frames: NonNullable<TransferCommand['frames']>;
  readonly #scales: false | readonly number[];
  #last: StyledPicture | undefined;
  /** Iterations that the first frame spent at full size. */
  #atFullSize = 0;

  constructor({ frames = {}, options }: TransferCommand) {
    this.#frames = frames;
    // A list of scales ends with the result's own.
    const { scales } = options;
    this.#scales = typeof scales === 'object' ? scales.slice(-1) : false;
  }

  /** Options that the next frame has of its own. The first is an ordinary run; the others need no coarse scales. */
  next(): Partial<StyleTransferOptions> {
    if (!this.#last) {
      this.#atFullSize = 0; // what a frame that failed left
      return {};
    }
    const { width, height, pixels } = this.#last;
    return {
      init: { width, height, data: pixels },
      scales: this.#scales,
      iterations: this.#frames.iterations ?? this.#atFullSize,
    };
  }

  see({ index, count }: { readonly index: number; readonly count: number }): void {
    if (!this.#last && index === count - 1) this.#atFullSize++;
  }

  took(picture: StyledPicture): void {
    this.#last = picture;
  }
}

/**
 * Paints every content. `print` takes the line about each result.
 *
 * @throws what no picture could be painted with: wrong options, no adapter, an unreadable style or network.
 */
export async function runBatch(
  command: TransferCommand,
  contents: readonly string[],
  services: TransferServices,
  print: (line: string) => void,
): Promise<BatchOutcome> {
  checkCommand(command);
  const jobs = await openFolder(command, contents);
  const { signal, printer } = services;
  const inputs = new Inputs(signal, printer);
  const shared = await inputs.shared(command);
  const pictures: Report[] = [];
  const failed: Failure[] = [];
  const film = command.frames && new Film(command);
  const filming = {
    ...printer,
    show: (progress: Parameters<typeof printer.show>[0]) => (
      film?.see(progress.scale),
      printer.show(progress)
    ),
  };
  let device: GPUDevice | undefined;
  let wasInterrupted = false;
  try {
    for (const [i, job] of jobs.entries()) {
      if (signal.aborted) wasInterrupted = true;
      if (wasInterrupted) break;
      printer.say(`${i + 1} of ${jobs.length}: ${job.content}`);
      try {
        const content = await inputs.picture(job.content, 'content', true);
        device ??= await services.requestDevice();
        const own = { ...shared, ...film?.next(), content, device };
        const outcome = await paint(command, job, own, { ...services, printer: filming });
        pictures.push(outcome.report);
        wasInterrupted = outcome.wasInterrupted;
        if (!wasInterrupted && 'pixels' in outcome.picture) film?.took(outcome.picture);
        print(outcome.closing);
      } catch (error) {
        if (error instanceof WgpuStyleError && error.code === 'aborted') {
          wasInterrupted = true;
          break;
        }
        if (isFatal(error)) throw error;
        const { message, code } = error as WgpuStyleError;
        failed.push({ content: job.content, message });
        printer.say(`${job.content} failed: ${message}`);
        // The next picture gets another device.
        if (code === 'device-lost' || code === 'out-of-memory') {
          device?.destroy();
          device = undefined;
        }
      }
    }
  } finally {
    device?.destroy();
  }
  return { report: { output: command.output, pictures, failed }, wasInterrupted };
}

/** One line about the pictures that failed. */
export function failureLine({ pictures, failed }: BatchReport): string {
  const [first, ...rest] = failed;
  const names = rest.length > 0 ? `; also ${rest.map(({ content }) => content).join(', ')}` : '';
  return `${failed.length} of ${pictures.length + failed.length} pictures failed: ${first!.content}: ${first!.message}${names}`;
}
