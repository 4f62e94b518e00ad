// Words of the command line to a command: pure, no files, no GPU. Every complaint is a `bad-option`: wrong usage.

import { parseArgs } from 'node:util';
import { badOption } from '../gpu/errors.ts';
import { flags, laterCommands, laterFlags, nearestFlag, type Flag } from './flags.ts';
import type { Preprocessing } from '../vgg/preprocessing.ts';
import {
  parseWeightsArguments,
  readPreprocessing,
  type FetchCommand,
  type ImportCommand,
} from './weights-arguments.ts';
import { isWhole, numberOf, plainOptions, type PlainOptions } from './plain-options.ts';

/** A run: what to read, what to do, where to write. `network` and `init` are words, paths or URLs still. */
export interface TransferCommand {
  readonly command: 'transfer';
  readonly content: string;
  readonly styles: readonly { readonly path: string; readonly weight: number }[];
  readonly output: string;
  readonly network?: string;
  /** What the network expects, where its file does not say. Checked. */
  readonly preprocessing?: Preprocessing;
  readonly init?: string;
  readonly options: PlainOptions;
  readonly saveEvery?: number;
  readonly isQuiet: boolean;
  readonly wantsJson: boolean;
}

/** What the command line asks for. */
export type Command =
  | TransferCommand
  | ImportCommand
  | FetchCommand
  | { readonly command: 'info'; readonly isQuiet: boolean; readonly wantsJson: boolean }
  | { readonly command: 'help' }
  | { readonly command: 'version' };

function flagOf(name: string, given: string): Flag {
  const flag = flags.find((candidate) => candidate.name === name);
  if (flag) return flag;
  if (laterFlags.has(name))
    throw badOption(given, 'this flag is not available yet', 'Leave it out for now');
  const nearest = nearestFlag(name);
  throw badOption(
    given,
    'there is no such flag',
    nearest ? `Did you mean --${nearest}` : 'See wgpu-style --help',
  );
}

/** Positionals and flag values; the last one counts where a flag is repeated. */
function read(words: readonly string[]): {
  readonly names: readonly string[];
  readonly values: ReadonlyMap<string, string>;
} {
  const options = Object.fromEntries(
    flags.map(({ name, short, value }) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
    ]),
  );
  // "--seed -1" is a value to complain about, not a flag called "1".
  const joined = words.reduce<string[]>((list, word) => {
    const last = list[list.length - 1];
    const isValue = /^-[\d.]/.test(word) && last !== undefined && /^--[a-z-]+$/.test(last);
    return isValue ? [...list.slice(0, -1), `${last}=${word}`] : [...list, word];
  }, []);
  const { tokens } = parseArgs({
    args: joined,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const names: string[] = [];
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') names.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = flagOf(token.name, token.rawName);
    const given = `--${flag.name}`;
    const value = token.value ?? '';
    const isMissing = value === '' || (!token.inlineValue && /^--?[a-z]/.test(value));
    if (flag.value && isMissing)
      throw badOption(given, 'got no value', `Give ${given} <${flag.value}>: ${flag.help}`);
    if (!flag.value && token.value !== undefined)
      throw badOption(given, `got "${value}", takes no value`, 'Leave it out');
    values.set(flag.name, value);
  }
  return { names, values };
}

function readStyles(paths: readonly string[], list: string | undefined): TransferCommand['styles'] {
  const weights = list
    ?.split(',')
    .map((text) => numberOf(text, '--style-weights', (value) => value > 0, 'numbers above 0'));
  if (weights && weights.length !== paths.length) {
    throw badOption(
      '--style-weights',
      `got ${weights.length} number(s) for ${paths.length} style picture(s), need as many of each`,
      'Give one number per style picture, such as 2,1',
    );
  }
  return paths.map((path, i) => ({ path, weight: weights?.[i] ?? 1 }));
}

/**
 * Reads the words after `wgpu-style`. Throws `bad-option` for unknown or not yet existing flags and commands, missing or
 * malformed values, and missing pictures.
 */
export function parseArguments(words: readonly string[]): Command {
  const [command, ...others] = words;
  const wantsHelp = words.some((word) => word === '--help' || word === '-h');
  if ((command === 'import' || command === 'fetch') && !wantsHelp) {
    return parseWeightsArguments(command, others);
  }
  const { names, values } = read(words);
  if (values.has('help')) return { command: 'help' };
  if (values.has('version')) return { command: 'version' };
  const [first, ...paths] = names;
  const shown = { isQuiet: values.has('quiet'), wantsJson: values.has('json') };
  if (first === undefined)
    throw badOption(
      'wgpu-style',
      'got no pictures',
      'Give <content> <style> -o out.png, or see --help',
    );
  if (laterCommands.has(first))
    throw badOption(
      first,
      'this command is not available yet',
      'See wgpu-style --help for what is',
    );
  if (first === 'help' && paths.length === 0) return { command: 'help' };
  if (first === 'info') {
    const extra =
      paths[0] ??
      [...values.keys()]
        .filter((name) => name !== 'quiet' && name !== 'json')
        .map((n) => `--${n}`)[0];
    if (extra !== undefined)
      throw badOption('info', `got "${extra}", takes nothing but --json`, 'Leave it out');
    return { command: 'info', ...shown };
  }
  if (paths.length === 0)
    throw badOption(
      'style',
      `got only "${first}", need a style picture too`,
      'Give <content> <style> -o out.png',
    );
  const output = values.get('output');
  if (output === undefined) throw badOption('-o', 'got no output file', 'Give -o out.png');
  const saveEvery = values.get('save-every');
  const [network, init] = [values.get('network'), values.get('init')];
  const preprocessing = values.get('preprocessing');
  return {
    command: 'transfer',
    content: first,
    styles: readStyles(paths, values.get('style-weights')),
    output,
    ...(network !== undefined && { network }),
    ...(preprocessing !== undefined && { preprocessing: readPreprocessing(preprocessing) }),
    ...(init !== undefined && { init }),
    options: plainOptions(values),
    ...(saveEvery !== undefined && {
      saveEvery: numberOf(saveEvery, '--save-every', isWhole, 'a whole number from 1'),
    }),
    ...shown,
  };
}
