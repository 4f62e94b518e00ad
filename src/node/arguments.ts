// Words of the command line, and settings that a file gave, to a command: pure, no files, no GPU. Every complaint is a
// `bad-option`: wrong usage.

import { badOption } from '../gpu/errors.ts';
import { resolvePreprocessing } from '../vgg/preprocessing.ts';
import type { Command, Painting, TransferCommand } from './commands.ts';
import type { FlaggedCommand } from './flags.ts';
import { withMasks } from './masks.ts';
import { isWhole, numberOf, plainOptions } from './plain-options.ts';
import type { Stored, StylePath } from './settings.ts';
import { readAxes } from './sweep-axes.ts';
import { checkFlags, readWords, type Words } from './words.ts';
import { parseWeightsArguments, readPreprocessing } from './weights-arguments.ts';

function readStyles(
  paths: readonly string[],
  list: string | undefined,
  stored: readonly StylePath[] = [],
): readonly StylePath[] {
  const weights = list
    ?.split(',')
    .map((text) => numberOf(text, '--style-weights', (value) => value > 0, 'numbers above 0'));
  const styles = paths.length > 0 ? paths.map((path) => ({ path, weight: 1 })) : stored;
  if (styles.length === 0) {
    throw badOption('style', 'got no style picture', 'Give <content> <style> -o out.png');
  }
  if (!weights) return styles;
  if (weights.length !== styles.length) {
    throw badOption(
      '--style-weights',
      `got ${weights.length} number(s) for ${styles.length} style picture(s), need as many of each`,
      'Give one number per style picture, such as 2,1',
    );
  }
  return styles.map(({ path }, i) => ({ path, weight: weights[i]! }));
}

/** Contents and styles among the words: without --style the first is the content, the others are styles. */
function readPictures(
  { names, values }: Words,
  stored: Stored,
): { readonly contents: readonly string[]; readonly styles: readonly StylePath[] } {
  const flagged = values.get('style');
  const contents = flagged ? names : names.slice(0, 1);
  const paths = flagged ?? names.slice(1);
  const kept = contents.length > 0 ? contents : stored.content === undefined ? [] : [stored.content];
  if (kept.length === 0) {
    throw badOption('wgpu-style', 'got no pictures', 'Give <content> <style> -o out.png, or see --help');
  }
  if (paths.length === 0 && stored.styles === undefined) {
    const only = `got only "${kept[0]}", need a style picture too`;
    throw badOption('style', only, 'Give <content> <style> -o out.png');
  }
  const styles = readStyles(paths, values.get('style-weights')?.[0], stored.styles);
  return { contents: kept, styles: withMasks(styles, values.get('mask'), values.get('style-mask')) };
}

/** Reads flags' values one by one, absent ones staying absent. */
function picker({ values }: Words): {
  readonly text: (name: string) => string | undefined;
  readonly count: (name: string) => number | undefined;
} {
  const text = (name: string): string | undefined => values.get(name)?.at(-1);
  const count = (name: string): number | undefined => {
    const given = text(name);
    return given === undefined ? undefined : numberOf(given, `--${name}`, isWhole, 'a whole number from 1');
  };
  return { text, count };
}

/** An object without what is undefined in it. */
function present<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function readPainting(words: Words, stored: Stored): Omit<Painting, 'styles'> {
  const { text } = picker(words);
  const given = text('preprocessing');
  const { preprocessing } = stored;
  const texts = new Map([...words.values].map(([name, values]) => [name, values.at(-1)!]));
  return {
    ...present({
      network: text('network') ?? stored.network,
      init: text('init') ?? stored.init,
      updateMask: text('update-mask') ?? stored.updateMask,
      preprocessing:
        given !== undefined
          ? readPreprocessing(given)
          : preprocessing === undefined
            ? undefined
            : resolvePreprocessing(preprocessing, 'preprocessing'),
    }),
    options: { ...stored.options, ...plainOptions(texts) },
    isQuiet: words.values.has('quiet'),
    wantsJson: words.values.has('json'),
  } as Omit<Painting, 'styles'>;
}

function neededOutput(words: Words, stored: Stored, example: string): string {
  const output = words.values.get('output')?.at(-1) ?? stored.output;
  if (output === undefined) throw badOption('-o', 'got no output file', `Give -o ${example}`);
  return output;
}

function single(contents: readonly string[], command: string): string {
  if (contents.length === 1) return contents[0]!;
  throw badOption(command, `got ${contents.length} contents, takes one`, 'Leave the others out');
}

function readTransfer(words: Words, stored: Stored): TransferCommand {
  checkFlags(words, 'transfer');
  const { contents, styles } = readPictures(words, stored);
  const output = neededOutput(words, stored, 'out.png');
  const { text, count } = picker(words);
  const bits = text('bits') ?? stored.bits?.toString();
  if (bits !== undefined && bits !== '8' && bits !== '16')
    throw badOption('--bits', `got "${bits}", need 8 or 16`, 'Take one of them');
  const iterations = count('frame-iterations');
  const wantsFrames = words.values.has('frames') || iterations !== undefined;
  return {
    command: 'transfer',
    contents,
    styles,
    output,
    ...readPainting(words, stored),
    ...present({
      bits: bits === undefined ? undefined : (Number(bits) as 8 | 16),
      saveEvery: count('save-every') ?? stored.saveEvery,
      checkpoint: text('checkpoint'),
      checkpointEvery: count('checkpoint-every'),
      resume: stored.resume,
      plot: text('plot'),
      trace: text('trace'),
      format: text('format'),
      frames: wantsFrames ? present({ iterations }) : undefined,
    }),
  } as TransferCommand;
}

function readInfo({ names, values }: Words): Command {
  const flag = [...values.keys()].find((name) => !['quiet', 'json', 'tune'].includes(name));
  const extra = names[0] ?? (flag && `--${flag}`);
  if (extra !== undefined)
    throw badOption('info', `got "${extra}", takes nothing but --tune and --json`, 'Leave it out');
  return {
    command: 'info',
    isQuiet: values.has('quiet'),
    wantsJson: values.has('json'),
    ...(values.has('tune') && { tunes: true }),
  };
}

/** Reads words of a command that has no parser of its own. */
function readFlagged(command: FlaggedCommand, words: Words, stored: Stored): Command {
  if (command === 'transfer') return readTransfer(words, stored);
  checkFlags(words, command);
  const { contents, styles } = readPictures(words, stored);
  const content = single(contents, command);
  const painting = { styles, ...readPainting(words, stored) };
  if (command === 'plan') return { command, content, ...painting };
  const output = neededOutput(words, stored, 'grid.png');
  return { command, content, output, axes: readAxes(words.values.get('vary') ?? []), ...painting };
}

/** Which files hold settings that the words refer to. Throws `bad-option` as `parseArguments` does. */
export function settingsFiles(words: readonly string[]): {
  readonly config?: string;
  readonly resume?: string;
} {
  const [first] = words;
  if (first === 'import' || first === 'fetch' || words.includes('--help') || words.includes('-h')) return {};
  const { text } = picker(readWords(words));
  return present({ config: text('config'), resume: text('resume') });
}

/**
 * Reads the words after `wgpu-style`; `stored` are the settings of its files, which words come before. Throws
 * `bad-option` for unknown or not yet existing flags, missing or malformed values, and missing pictures.
 */
export function parseArguments(words: readonly string[], stored: Stored = { options: {} }): Command {
  const [command, ...others] = words;
  const wantsHelp = words.some((word) => word === '--help' || word === '-h');
  if ((command === 'import' || command === 'fetch') && !wantsHelp) {
    return parseWeightsArguments(command, others);
  }
  const read = readWords(words);
  const [first, ...names] = read.names;
  if (read.values.has('help') || (first === 'help' && names.length === 0)) return { command: 'help' };
  if (read.values.has('version')) return { command: 'version' };
  const rest = { names, values: read.values };
  if (first === 'info') return readInfo(rest);
  if (first === 'plan' || first === 'sweep') return readFlagged(first, rest, stored);
  return readFlagged('transfer', read, stored);
}
