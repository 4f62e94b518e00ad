// Words of the commands about networks, import and fetch: pure. Every complaint is a `bad-option`.

import { parseArgs } from 'node:util';
import { badOption } from '../gpu/errors.ts';
import { resolvePreprocessing, type Preprocessing } from '../vgg/preprocessing.ts';

interface Shared {
  readonly upTo?: string;
  readonly dtype: 'f16' | 'f32';
  readonly isQuiet: boolean;
  readonly wantsJson: boolean;
}

/** An ONNX file to a weights file. `preprocessing` is checked. */
export interface ImportCommand extends Shared {
  readonly command: 'import';
  readonly input: string;
  readonly output: string;
  readonly preprocessing?: Preprocessing;
  readonly licence?: string;
}

/** A known network into the cache. */
export interface FetchCommand extends Shared {
  readonly command: 'fetch';
  readonly name: string;
  readonly urls: readonly string[];
  readonly verify: boolean;
  readonly again: boolean;
}

const switches = { json: 'boolean', quiet: 'boolean' } as const;
const flagsOf = {
  import: {
    'up-to': 'string',
    dtype: 'string',
    output: 'string',
    preprocessing: 'string',
    licence: 'string',
    ...switches,
  },
  fetch: {
    'up-to': 'string',
    dtype: 'string',
    url: 'string',
    verify: 'boolean',
    again: 'boolean',
    ...switches,
  },
} as const;
const shortFlags: Readonly<Record<string, string>> = { o: 'output', q: 'quiet' };

/** The usage of the two commands, for the help. */
export const weightsUsage: string = `  wgpu-style import <model.onnx> -o <weights.safetensors> [--up-to relu5_1]
      [--dtype f16|f32] [--preprocessing rgb-mean-std|bgr-255|<JSON>]
      [--licence <text>] [--json]                 converts the VGG in an ONNX file or URL
  wgpu-style fetch <name> [--url <address>…] [--up-to relu5_1] [--dtype f16|f32]
      [--verify] [--again] [--json]               downloads a known network, such as vgg19, once
`;

/** Reads the words behind `wgpu-style import` or `wgpu-style fetch`. Throws `bad-option`. */
export function parseWeightsArguments(
  command: 'import' | 'fetch',
  words: readonly string[],
): ImportCommand | FetchCommand {
  const known: Readonly<Record<string, 'string' | 'boolean'>> = flagsOf[command];
  const options = Object.fromEntries(
    Object.entries(known).map(([name, type]) => {
      const short = Object.entries(shortFlags).find(([, long]) => long === name)?.[0];
      return [name, { type, ...(short && { short }) }];
    }),
  );
  const { tokens } = parseArgs({
    args: [...words],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const names: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') names.push(token.value);
    if (token.kind !== 'option') continue;
    const type = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (!type) {
      const list = Object.keys(known).map((name) => `--${name}`);
      throw badOption(token.rawName, `${command} has no such flag`, `It takes ${list.join(', ')}`);
    }
    if (type === 'string' && !token.value)
      throw badOption(token.rawName, 'got no value', 'Give one');
    if (type === 'boolean' && token.value !== undefined)
      throw badOption(token.rawName, `got "${token.value}", takes no value`, 'Leave it out');
    values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? '']);
  }
  const value = (name: string): string | undefined => values.get(name)?.at(-1);
  const [input, extra] = names;
  const what = command === 'import' ? 'model file' : 'name of a known network';
  if (input === undefined) throw badOption(command, `got no ${what}`, usageOf(command));
  if (extra !== undefined)
    throw badOption(command, `got "${extra}" too, need one ${what}`, usageOf(command));
  const dtype = value('dtype') ?? 'f16';
  if (dtype !== 'f16' && dtype !== 'f32')
    throw badOption('--dtype', `got "${dtype}", need f16 or f32`, 'Take one of them');
  const upTo = value('up-to');
  const shared = {
    ...(upTo !== undefined && { upTo }),
    dtype,
    isQuiet: values.has('quiet'),
    wantsJson: values.has('json'),
  } as const;
  if (command === 'fetch') {
    const urls = values.get('url') ?? [];
    return {
      command,
      name: input,
      urls,
      verify: values.has('verify'),
      again: values.has('again'),
      ...shared,
    };
  }
  const output = value('output');
  if (output === undefined) throw badOption('-o', 'got no output file', usageOf(command));
  const [preprocessing, licence] = [value('preprocessing'), value('licence')];
  return {
    command,
    input,
    output,
    ...(preprocessing !== undefined && { preprocessing: readPreprocessing(preprocessing) }),
    ...(licence !== undefined && { licence }),
    ...shared,
  };
}

function usageOf(command: 'import' | 'fetch'): string {
  return command === 'import'
    ? 'Give <model.onnx> -o <weights.safetensors>'
    : 'Give a name, such as vgg19';
}

/** A name, or the map as JSON. Throws `bad-option` naming `--preprocessing`. */
export function readPreprocessing(text: string): Preprocessing {
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // A name is no JSON.
  }
  return resolvePreprocessing(value, '--preprocessing');
}
