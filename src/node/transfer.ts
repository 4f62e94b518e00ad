// The command that everything is about: two or more pictures in, a painting out.

import path from 'node:path';
import { loadImage, type ImageSource } from '../image/index.ts';
import type { Progress, StyleTransferOptions } from '../style/options.ts';
import type { StyledPicture } from '../style/picture.ts';
import type { TransferCommand } from './arguments.ts';
import { checkWritable } from './files.ts';
import { checkFormat, writeImageFile } from './images.ts';
import type { ProgressPrinter } from './progress.ts';
import { closingLine, reportOf, settingsText, type Report } from './report.ts';
import { readNetwork } from './transfer-network.ts';

/** What a run needs from outside. */
export interface TransferServices {
  readonly styleTransfer: (options: StyleTransferOptions) => Promise<StyledPicture>;
  readonly signal: AbortSignal;
  readonly printer: ProgressPrinter;
}

/** What came of it. */
export interface TransferOutcome {
  readonly report: Report;
  readonly closing: string;
  readonly wasInterrupted: boolean;
}

const starts: readonly string[] = ['content', 'style', 'noise', 'gray'];

/** `out.png`, 50 of 500 to `out-0050.png`: sorted by name they are in order. */
export function numberedOutput(output: string, iteration: number, iterations: number): string {
  const { dir, name, ext } = path.parse(output);
  return path.join(
    dir,
    `${name}-${String(iteration).padStart(Math.max(4, String(iterations).length), '0')}${ext}`,
  );
}

/** Pictures and network from their paths, so that a wrong one is told before any GPU work. */
async function readInputs(
  command: TransferCommand,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<StyleTransferOptions> {
  const load = (source: string, where: string): Promise<ImageSource> =>
    loadImage(source, { where, signal });
  const { content, styles, init, options } = command;
  const style = [];
  for (const [i, { path: file, weight }] of styles.entries()) {
    style.push({ image: await load(file, styles.length > 1 ? `style ${i + 1}` : 'style'), weight });
  }
  const vgg = await readNetwork(command, signal, say);
  const isWord = init === undefined || starts.includes(init) || !/[./\\:]/.test(init);
  return {
    content: await load(content, 'content'),
    style,
    ...options,
    ...(vgg !== undefined && { network: vgg }),
    ...(init !== undefined && { init: isWord ? init : await load(init, '--init') }),
  };
}

/** Writes pictures of the run one after the other; a failure is kept for `settled`. */
function saver(command: TransferCommand): {
  save: (progress: Progress) => void;
  settled: () => Promise<void>;
} {
  let saving = Promise.resolve();
  let failure: unknown;
  let savedAt = 0;
  const save = (progress: Progress): void => {
    const { iteration, iterations } = progress;
    // Crossed, not hit: progress may skip iterations. The last picture is the output itself.
    const every = command.saveEvery;
    if (every === undefined || Math.floor(iteration / every) <= Math.floor(savedAt / every)) return;
    savedAt = iteration;
    if (iteration >= iterations) return;
    const taken = progress.picture();
    const file = numberedOutput(command.output, iteration, iterations);
    saving = Promise.all([taken, saving])
      .then(([picture]) =>
        writeImageFile(file, picture, {
          text: settingsText(command, picture),
          where: '--save-every',
        }),
      )
      .catch((error: unknown) => void (failure ??= error));
  };
  const settled = async (): Promise<void> => {
    await saving;
    if (failure) throw failure;
  };
  return { save, settled };
}

/**
 * Runs the transfer and writes the result. The output's place and format are tried before anything else. When the signal
 * fires, the picture so far is written all the same.
 *
 * @throws whatever the library throws; `bad-option` with where `-o` when the output cannot be written.
 */
export async function runTransfer(
  command: TransferCommand,
  { styleTransfer, signal, printer }: TransferServices,
): Promise<TransferOutcome> {
  const { output } = command;
  await checkFormat(output, '-o');
  await checkWritable(output, '-o');
  const inputs = await readInputs(command, signal, printer.say);
  const started = performance.now();
  const { save, settled } = saver(command);
  const picture = await styleTransfer({
    ...inputs,
    signal,
    onProgress: (progress) => {
      printer.show(progress);
      save(progress);
    },
  });
  printer.finish();
  await writeImageFile(output, picture, { text: settingsText(command, picture), where: '-o' });
  await settled();
  return {
    report: reportOf(command, picture),
    closing: closingLine(output, picture, (performance.now() - started) / 1000),
    wasInterrupted: picture.stopped === 'aborted',
  };
}
