// Words of the command line to names and flag values: what was typed, checked against the table of flags. Pure.

import { parseArgs } from 'node:util';
import { badOption } from '../gpu/errors.ts';
import { flags, nearestFlag, type Flag, type FlaggedCommand } from './flags.ts';

/** Words that stand alone, and the values of each flag in order (`['']` for a switch). */
export interface Words {
  readonly names: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
}

function flagOf(name: string, given: string): Flag {
  const flag = flags.find((candidate) => candidate.name === name);
  if (flag) return flag;
  const nearest = nearestFlag(name);
  throw badOption(
    given,
    'there is no such flag',
    nearest ? `Did you mean --${nearest}` : 'See wgpu-style --help',
  );
}

/** Reads words by the table of flags. Throws `bad-option` for unknown flags and for values missing or too many. */
export function readWords(words: readonly string[]): Words {
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
  const values = new Map<string, readonly string[]>();
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
      throw badOption(given, `got "${token.value}", takes no value`, 'Leave it out');
    values.set(flag.name, flag.repeats ? [...(values.get(flag.name) ?? []), value] : [value]);
  }
  return { names, values };
}

/** Throws `bad-option` for a flag that the command does not take. */
export function checkFlags({ values }: Words, command: FlaggedCommand): void {
  for (const name of values.keys()) {
    const { of } = flags.find((flag) => flag.name === name)!;
    if (!of || of.includes(command)) continue;
    const where = of.map((taker) => (taker === 'transfer' ? 'a run' : taker)).join(' and ');
    throw badOption(
      `--${name}`,
      `${command === 'transfer' ? 'a run' : command} has no such flag`,
      `It belongs to ${where}`,
    );
  }
}
