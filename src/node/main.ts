// The command line as a function: words and streams in, exit status out. cli.ts connects it to the process.

import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { StyleTransferOptions } from '../style/options.ts';
import type { StyledPicture } from '../style/picture.ts';
import { parseArguments, settingsFiles } from './arguments.ts';
import type { Command, PlanCommand, SweepCommand, TransferCommand } from './commands.ts';
import { failureLine, isOfFiles, runBatch } from './batch.ts';
import { expandContents, isFolder } from './contents.ts';
import { requestDevice } from './device.ts';
import { helpText } from './help.ts';
import { installHost } from './host.ts';
import { deviceInfo, infoText } from './info.ts';
import { progressPrinter, type ProgressPrinter, type ProgressStream } from './progress.ts';
import { readSettings, type Stored } from './settings.ts';
import { runTransfer, type TransferServices } from './transfer.ts';
import type { FetchCommand, ImportCommand } from './weights-arguments.ts';
import { packageVersion } from './version.ts';

/** What the command line talks to. */
export interface Surroundings {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  /** Fires when the user wants to stop. */
  readonly signal: AbortSignal;
  /** The library; tests hand in another. Loaded only when needed, so that help and complaints come at once. */
  readonly styleTransfer?: (options: StyleTransferOptions) => Promise<StyledPicture>;
  readonly requestDevice?: () => Promise<GPUDevice>;
}

/** Exit statuses. */
const done = 0;
const failed = 1;
const wrongUsage = 2;
const interrupted = 130;

/** Milliseconds for `info --tune`: all classes on a GPU, the commonest ones on a software adapter. */
const tuningTime = 20_000;

async function info(
  { wantsJson, tunes }: Extract<Command, { command: 'info' }>,
  { stdout }: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const { measurePeak } = await import('./peak.ts');
  const device = await requestDevice({ log: printer.say });
  try {
    if (tunes) {
      const { tune } = await import('../kernels/tune.ts');
      printer.say('Measuring kernels.');
      await tune(device, { milliseconds: tuningTime, again: true });
    }
    const found = deviceInfo(device, await measurePeak(device));
    stdout.write(wantsJson ? `${JSON.stringify(found)}\n` : infoText(found));
    return done;
  } finally {
    device.destroy();
  }
}

function standingIn(styleTransfer: TransferServices['styleTransfer']): Pick<TransferServices, 'styleTransfer' | 'styleTransferTo'> {
  return { styleTransfer, styleTransferTo: async (options, take) => take(await styleTransfer(options)) };
}

async function services(surroundings: Surroundings, printer: ProgressPrinter): Promise<TransferServices> {
  const { styleTransfer, styleTransferTo } = surroundings.styleTransfer
    ? standingIn(surroundings.styleTransfer)
    : await import('../index.ts');
  return {
    styleTransfer,
    styleTransferTo,
    requestDevice: surroundings.requestDevice ?? (() => requestDevice({ log: printer.say })),
    signal: surroundings.signal,
    printer,
  };
}

/** Tells of what failed beside what went well; gives the status. */
function partly(failure: string | undefined, wasInterrupted: boolean, { stderr }: Surroundings): number {
  if (failure !== undefined) stderr.write(`wgpu-style: ${failure.replace(/\s*\n\s*/g, ' ')}\n`);
  return wasInterrupted ? interrupted : failure === undefined ? done : failed;
}

async function transfer(
  command: TransferCommand,
  surroundings: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const { stdout } = surroundings;
  const print = (line: string): void => {
    if (!command.wantsJson && !command.isQuiet) stdout.write(`${line}\n`);
  };
  const { files, isMany } = expandContents(command.contents);
  if (isMany || command.frames || isFolder(command.output)) {
    const batch = await runBatch(command, files, await services(surroundings, printer), print);
    if (command.wantsJson) stdout.write(`${JSON.stringify(batch.report)}\n`);
    const failure = batch.report.failed.length > 0 ? failureLine(batch.report) : undefined;
    return partly(failure, batch.wasInterrupted, surroundings);
  }
  const outcome = await runTransfer(command, files[0]!, await services(surroundings, printer));
  if (command.wantsJson) stdout.write(`${JSON.stringify(outcome.report)}\n`);
  else print(outcome.closing);
  return outcome.wasInterrupted ? interrupted : done;
}

async function sweep(
  command: SweepCommand,
  surroundings: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const { runSweep } = await import('./sweep.ts');
  const {
    report,
    failed: cells,
    wasInterrupted,
  } = await runSweep(command, await services(surroundings, printer));
  const { output, width, height } = report;
  if (command.wantsJson) surroundings.stdout.write(`${JSON.stringify(report)}\n`);
  else if (!command.isQuiet)
    surroundings.stdout.write(`${output}: ${width}x${height}, ${report.cells.length} cells\n`);
  const failure =
    cells.length > 0
      ? `${cells.length} of ${report.cells.length} cells failed: ${cells[0]!.failed}`
      : undefined;
  return partly(failure, wasInterrupted, surroundings);
}

async function plan(
  command: PlanCommand,
  surroundings: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const { planText, runPlan } = await import('./plan-command.ts');
  const { requestDevice: request, signal } = await services(surroundings, printer);
  const report = await runPlan(command, { requestDevice: request, signal, printer });
  surroundings.stdout.write(command.wantsJson ? `${JSON.stringify(report)}\n` : planText(report));
  return done;
}

async function weights(
  command: ImportCommand | FetchCommand,
  { stdout, signal }: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  // Loaded only here: a transfer needs none of it.
  const { runFetch, runImport, weightsText } = await import('./weights-commands.ts');
  const name = command.command === 'fetch' ? command.name : command.input;
  const report =
    command.command === 'import'
      ? await runImport(command, signal, printer.download)
      : await runFetch(command, signal, printer.download);
  printer.finish();
  if (report.preprocessingSource === 'assumed') {
    printer.say(
      `Nothing in ${name} says what its input looks like: ${report.preprocessing} was assumed. ` +
        'Give --preprocessing if you know better.',
    );
  }
  if (command.wantsJson) stdout.write(`${JSON.stringify(report)}\n`);
  else if (!command.isQuiet) stdout.write(weightsText(report));
  return done;
}

/** Which status an error ends with. A file that cannot be had or written is a failure; other bad options, wrong usage. */
function statusOf(error: unknown, signal: AbortSignal): number {
  if (!(error instanceof WgpuStyleError)) return failed;
  if (error.code === 'aborted' && signal.aborted) return interrupted;
  return error.code === 'bad-option' && !isOfFiles(error) ? wrongUsage : failed;
}

/** One line: what, where, what to do. */
function complaint(error: unknown): string {
  if (error instanceof WgpuStyleError) return error.message.replace(/\s*\n\s*/g, ' ');
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `unexpected failure: ${text.replace(/\s*\n\s*/g, ' ')}. Please report it with the command you ran.`;
}

/** The settings of the files that the words name: those of a checkpoint, over them those of a configuration. */
async function readStored(words: readonly string[]): Promise<Stored> {
  const { config, resume } = settingsFiles(words);
  const checkpoint: Stored = resume === undefined ? { options: {} } : await readSettings(resume, '--resume');
  if (resume !== undefined && checkpoint.resume === undefined) {
    throw badOption(
      '--resume',
      `"${resume}" is no checkpoint`,
      'Give a file that --checkpoint or Ctrl+C left',
    );
  }
  if (config === undefined) return checkpoint;
  const { resume: _, ...settings } = await readSettings(config, '--config');
  return { ...checkpoint, ...settings, options: { ...checkpoint.options, ...settings.options } };
}

function run(
  command: Exclude<Command, { readonly command: 'help' | 'version' }>,
  surroundings: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  switch (command.command) {
    case 'info':
      return info(command, surroundings, printer);
    case 'transfer':
      return transfer(command, surroundings, printer);
    case 'plan':
      return plan(command, surroundings, printer);
    case 'sweep':
      return sweep(command, surroundings, printer);
    default:
      return weights(command, surroundings, printer);
  }
}

/** Runs one command; never throws. */
export async function main(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal } = surroundings;
  let command: Command;
  try {
    command = parseArguments(words, await readStored(words));
  } catch (error) {
    stderr.write(`wgpu-style: ${complaint(error)}\n`);
    return statusOf(error, signal);
  }
  if (command.command === 'help' || command.command === 'version') {
    stdout.write(command.command === 'help' ? helpText(stdout.columns || 80) : `${packageVersion()}\n`);
    return done;
  }
  const printer = progressPrinter(stderr, { isQuiet: command.isQuiet });
  installHost(printer.say);
  try {
    return await run(command, surroundings, printer);
  } catch (error) {
    printer.finish();
    stderr.write(`wgpu-style: ${complaint(error)}\n`);
    return statusOf(error, signal);
  }
}
