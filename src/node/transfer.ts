// The command that everything is about: two or more pictures in, a painting out. Many contents are batch.ts.

import type { StyleTransferOptions } from '../style/options.ts';
import type { StyledPicture } from '../style/picture.ts';
import type { TransferCommand } from './commands.ts';
import { checkWritable } from './files.ts';
import { checkBits, checkFormat, isWrittenInBands } from './images.ts';
import { Inputs, type SharedInputs } from './inputs.ts';
import type { ProgressPrinter } from './progress.ts';
import { Records } from './records.ts';
import { closingLine, reportOf, type Job, type Report, type Result } from './report.ts';

/** What a run needs from outside. */
export interface TransferServices {
  readonly styleTransfer: (options: StyleTransferOptions) => Promise<StyledPicture>;
  readonly styleTransferTo: <T>(options: StyleTransferOptions, take: (picture: Result) => Promise<T>) => Promise<T>;
  readonly requestDevice: () => Promise<GPUDevice>;
  readonly signal: AbortSignal;
  readonly printer: ProgressPrinter;
}

/** What came of a picture. */
export interface TransferOutcome {
  readonly picture: Result;
  readonly report: Report;
  readonly closing: string;
  readonly wasInterrupted: boolean;
}

/** Throws what writing the output would throw at the end of a long run. */
async function checkOutput(output: string, command: TransferCommand): Promise<void> {
  await checkFormat(output, '-o');
  checkBits(output, command.bits);
  await checkWritable(output, '-o');
}

/**
 * Paints one picture with inputs that are loaded and writes what was asked for. `more` are options of this picture
 * alone.
 */
export async function paint(
  command: TransferCommand,
  job: Job,
  inputs: SharedInputs & Pick<StyleTransferOptions, 'content'>,
  { styleTransferTo, signal, printer }: TransferServices,
): Promise<TransferOutcome> {
  const records = await Records.open(command, job, signal);
  const started = performance.now();
  const tellOf = (left: string | undefined): void => {
    if (left !== undefined) printer.say(`Go on with: wgpu-style --resume ${left}`);
  };
  const options: StyleTransferOptions = {
    ...inputs,
    ...(command.resume && { resume: command.resume }),
    checkpoint: records.checkpoint,
    signal,
    onProgress: (progress) => {
      printer.show(progress);
      records.add(progress);
    },
  };
  let picture: Result;
  try {
    const isWritten = (result: Result): boolean => isWrittenInBands(job.output, result, command.bits) && !command.frames;
    picture = await styleTransferTo(options, async (result) => {
      printer.finish();
      if (isWritten(result)) await records.result(result);
      // Otherwise the GPU's memory need not be held while it is encoded, and the next frame of a film begins with it.
      return 'read' in result && !isWritten(result) ? result.read() : result;
    });
    if (!isWritten(picture)) await records.result(picture);
  } catch (error) {
    // The run's own failure is what has to be told, whatever comes of its curves.
    await records.plot().catch(() => undefined);
    tellOf(await records.leave().catch(() => undefined));
    throw error;
  }
  const wasInterrupted = picture.stopped === 'aborted';
  const left = await records.finish().catch((error: unknown) => {
    if (!wasInterrupted) throw error;
    printer.say(
      `The state of the run could not be kept: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  });
  tellOf(left);
  return {
    picture,
    report: reportOf(command, job, picture),
    closing: closingLine(job.output, picture, (performance.now() - started) / 1000),
    wasInterrupted,
  };
}

/**
 * Runs the transfer of one content and writes the result. The output's place and format are tried before anything
 * else. When the signal fires, the picture so far is written all the same, and the state of the run.
 *
 * @throws whatever the library throws; `bad-option` with where `-o` when the output cannot be written.
 */
export async function runTransfer(
  command: TransferCommand,
  content: string,
  services: TransferServices,
): Promise<TransferOutcome> {
  await checkOutput(command.output, command);
  const { signal, printer } = services;
  const inputs = new Inputs(signal, printer);
  const picture = await inputs.content(content, true);
  const isPicture = command.init !== undefined && /[./\\:]/.test(command.init);
  // A run that goes on has left its start behind.
  const { init, ...rest } = command;
  const shared = await inputs.shared(
    command.resume && isPicture ? rest : { ...rest, ...(init !== undefined && { init }) },
  );
  return paint(command, { content, output: command.output }, { ...shared, ...picture }, services);
}
