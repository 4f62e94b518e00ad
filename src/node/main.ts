// The command line as a function: words and streams in, exit status out. cli.ts connects it to the process.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { StyleTransferOptions } from '../style/options.ts';
import type { StyledPicture } from '../style/picture.ts';
import { parseArguments, type Command, type TransferCommand } from './arguments.ts';
import { requestDevice } from './device.ts';
import { helpText } from './help.ts';
import { installHost } from './host.ts';
import { deviceInfo, infoText } from './info.ts';
import { progressPrinter, type ProgressPrinter, type ProgressStream } from './progress.ts';
import { runTransfer } from './transfer.ts';
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
}

/** Exit statuses. */
const done = 0;
const failed = 1;
const wrongUsage = 2;
const interrupted = 130;

async function info(
  wantsJson: boolean,
  { stdout }: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const device = await requestDevice({ log: printer.say });
  const found = deviceInfo(device);
  stdout.write(wantsJson ? `${JSON.stringify(found)}\n` : infoText(found));
  device.destroy();
  return done;
}

async function transfer(
  command: TransferCommand,
  surroundings: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  const { stdout, signal } = surroundings;
  const styleTransfer = surroundings.styleTransfer ?? (await import('../index.ts')).styleTransfer;
  const { report, closing, wasInterrupted } = await runTransfer(command, {
    styleTransfer,
    signal,
    printer,
  });
  if (command.wantsJson) stdout.write(`${JSON.stringify(report)}\n`);
  else if (!command.isQuiet) stdout.write(`${closing}\n`);
  return wasInterrupted ? interrupted : done;
}

async function weights(
  command: ImportCommand | FetchCommand,
  { stdout, stderr, signal }: Surroundings,
  printer: ProgressPrinter,
): Promise<number> {
  // Loaded only here: a transfer needs none of it.
  const { downloadProgress, runFetch, runImport, weightsText } =
    await import('./weights-commands.ts');
  const name = command.command === 'fetch' ? command.name : command.input;
  const progress = downloadProgress(stderr, name, command.isQuiet);
  try {
    const report =
      command.command === 'import'
        ? await runImport(command, signal)
        : await runFetch(command, signal, progress.show);
    progress.finish();
    if (report.preprocessingSource === 'assumed') {
      printer.say(
        `Nothing in ${name} says what its input looks like: ${report.preprocessing} was assumed. ` +
          'Give --preprocessing if you know better.',
      );
    }
    if (command.wantsJson) stdout.write(`${JSON.stringify(report)}\n`);
    else if (!command.isQuiet) stdout.write(weightsText(report));
    return done;
  } finally {
    progress.finish();
  }
}

/** Which status an error ends with. A place that cannot be written is a failure; other bad options are wrong usage. */
function statusOf(error: unknown, signal: AbortSignal): number {
  if (!(error instanceof WgpuStyleError)) return failed;
  if (error.code === 'aborted' && signal.aborted) return interrupted;
  const isPlace =
    (error.where === '-o' && error.message.includes('cannot write')) ||
    error.where === '--save-every';
  return error.code === 'bad-option' && !isPlace ? wrongUsage : failed;
}

/** One line: what, where, what to do. */
function complaint(error: unknown): string {
  if (error instanceof WgpuStyleError) return error.message.replace(/\s*\n\s*/g, ' ');
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return `unexpected failure: ${text.replace(/\s*\n\s*/g, ' ')}. Please report it with the command you ran.`;
}

/** Runs one command; never throws. */
export async function main(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal } = surroundings;
  let command: Command;
  try {
    command = parseArguments(words);
  } catch (error) {
    stderr.write(`wgpu-style: ${complaint(error)}\n`);
    return wrongUsage;
  }
  if (command.command === 'help' || command.command === 'version') {
    stdout.write(command.command === 'help' ? helpText(stdout.columns || 80) : `${packageVersion()}\n`);
    return done;
  }
  const printer = progressPrinter(stderr, { isQuiet: command.isQuiet });
  installHost(printer.say);
  try {
    if (command.command === 'info') return await info(command.wantsJson, surroundings, printer);
    if (command.command === 'transfer') return await transfer(command, surroundings, printer);
    return await weights(command, surroundings, printer);
  } catch (error) {
    printer.finish();
    stderr.write(`wgpu-style: ${complaint(error)}\n`);
    return statusOf(error, signal);
  }
}
