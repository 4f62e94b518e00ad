// What a run leaves behind in words: the `--json` object, the settings inside the PNG, the closing line.

import path from 'node:path';
import type { FinishedPicture } from '../style/finished.ts';
import type { StyledPicture } from '../style/picture.ts';
import type { Painting, TransferCommand } from './commands.ts';
import { duration } from './progress.ts';
import { isUrl, NO_CONTENT } from './settings.ts';
import { packageVersion } from './version.ts';

/** One picture of a command: what is painted, and where it goes. */
export interface Job {
  readonly content: string;
  readonly output: string;
}

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
  /** What made the picture; the same is in a PNG, and `--config` reads it. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A result, read back already or still on the GPU. */
export type Result = FinishedPicture | StyledPicture;

/** What is reported of a result, wherever it lies. */
export type Reported = Pick<
  StyledPicture,
  'width' | 'height' | 'losses' | 'iterations' | 'stopped' | 'details'
>;

/** The network as the user named it; the library knows a file only by its bytes. */
function networkOf(command: Painting, picture: Reported): string {
  return command.network ?? picture.details.network;
}

/** The report of a result. */
export function reportOf(
  command: TransferCommand,
  { content: source, output }: Job,
  picture: Reported,
): Report {
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
    options: settingsOf(command, source, picture, shown),
  };
}

/** A path as it may be shown to others: as it was given, but without the folders of this machine. */
export function shown(file: string): string {
  return !isUrl(file) && path.isAbsolute(file) ? path.basename(file) : file;
}

/** A path that is the same from every folder of this machine. */
export function whole(file: string): string {
  return isUrl(file) || file === NO_CONTENT ? file : path.resolve(file);
}

/**
 * Settings that make the picture again (settings.ts reads them): every option with its default filled in, pictures and
 * network by their paths, as `place` gives those. `done` is how far an interrupted run came.
 */
export function settingsOf(
  { styles, init, updateMask, network, preprocessing, options }: Painting,
  content: string,
  picture: Pick<Reported, 'iterations' | 'stopped' | 'details'> | undefined,
  place: (file: string) => string,
): Readonly<Record<string, unknown>> {
  const named = network ?? picture?.details.network;
  // Only what has a dot or a slash is a file; vgg19, default and noise are names.
  const placed = (file: string): string => (/[./\\]/.test(file) ? place(file) : file);
  return {
    version: packageVersion(),
    content: place(content),
    style: styles.map(({ path: file, weight, mask, styleMask }) => ({
      image: place(file),
      weight,
      ...(mask !== undefined && { mask: place(mask) }),
      ...(styleMask !== undefined && { styleMask: place(styleMask) }),
    })),
    ...options,
    ...picture?.details.options,
    ...(init !== undefined && { init: placed(init) }),
    ...(updateMask !== undefined && { updateMask: place(updateMask) }),
    ...(named !== undefined && { network: placed(named) }),
    ...(preprocessing !== undefined && { preprocessing }),
    ...(picture !== undefined && picture.stopped !== 'done' && { done: picture.iterations }),
  };
}

/** The settings as texts of a PNG. */
export function settingsText(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  return { Software: 'wgpu-style', 'wgpu-style': JSON.stringify(settings) };
}

/** The last line for people. */
export function closingLine(output: string, picture: Reported, seconds: number): string {
  const { width, height, iterations, stopped } = picture;
  const how = { done: '', converged: ', converged', aborted: ', stopped early' }[stopped];
  return `${output}: ${width}x${height}, ${iterations} iterations in ${duration(seconds)}${how}`;
}
