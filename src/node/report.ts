// What a run leaves behind in words: the `--json` object, the settings inside the PNG, the closing line.

import type { StyledPicture } from '../style/picture.ts';
import type { TransferCommand } from './arguments.ts';
import { duration } from './progress.ts';
import { packageVersion } from './version.ts';

/** The `--json` object; its keys are part of the interface. */
export interface Report {
  readonly output: string;
  readonly width: number;
  readonly height: number;
  readonly iterations: number;
  readonly losses: {
    readonly total: number;
    readonly content: number;
    readonly style: number;
    readonly tv: number;
  };
  readonly millisecondsPerIteration: number;
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
  };
  readonly peakBytes: number;
  readonly seed: number;
  readonly recipe: string;
  readonly network: string;
}

/** What is reported of a result; a `StyledPicture` has all of it. */
export type Reported = Pick<
  StyledPicture,
  'width' | 'height' | 'losses' | 'iterations' | 'stopped' | 'details'
>;

/** The network as the user named it; the library knows a file only by its bytes. */
function networkOf(command: TransferCommand, picture: Reported): string {
  return command.network ?? picture.details.network;
}

/** The report of a result that was written to the command's output. */
export function reportOf(command: TransferCommand, picture: Reported): Report {
  const { output } = command;
  const { width, height, iterations, losses, details } = picture;
  const { total, content, style, tv } = losses;
  const { vendor, architecture, description } = details.adapter;
  return {
    output,
    width,
    height,
    iterations,
    losses: { total, content, style, tv },
    millisecondsPerIteration: details.millisecondsPerIteration,
    adapter: { vendor, architecture, description },
    peakBytes: details.peakBytes,
    seed: details.seed,
    recipe: details.recipe,
    network: networkOf(command, picture),
  };
}

/** Settings that make the picture again, as a PNG text: options, versions and what was read, without folders. */
export function settingsText(command: TransferCommand, picture: Reported): Record<string, string> {
  const name = (file: string): string =>
    file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  const settings = {
    version: packageVersion(),
    content: name(command.content),
    styles: command.styles.map(({ path, weight }) => ({ image: name(path), weight })),
    ...command.options,
    ...(command.init !== undefined && { init: name(command.init) }),
    iterations: picture.iterations,
    seed: picture.details.seed,
    recipe: picture.details.recipe,
    network: name(networkOf(command, picture)),
  };
  return { Software: 'wgpu-style', 'wgpu-style': JSON.stringify(settings) };
}

/** The last line for people. */
export function closingLine(output: string, picture: Reported, seconds: number): string {
  const { width, height, iterations, stopped } = picture;
  const how = { done: '', converged: ', converged', aborted: ', stopped early' }[stopped];
  return `${output}: ${width}x${height}, ${iterations} iterations in ${duration(seconds)}${how}`;
}
