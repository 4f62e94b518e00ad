// Settings as JSON: written by hand for --config, found in every PNG that was made here, and at the head of checkpoint
// files. One form for all three; the keys are the options of `styleTransfer`, pictures and network being paths.

import path from 'node:path';
import { badOption } from '../gpu/errors.ts';
import { isPng } from '../image/png-chunks.ts';
import { readPngText } from '../image/index.ts';
import { isCheckpointFile, splitCheckpointFile } from './checkpoint-file.ts';
import { readFileBytes } from './files.ts';
import { nearestName } from './nearest.ts';
import type { PlainOptions } from '../style/settings.ts';
import { plainNames } from './plain-options.ts';

/** In the place of a content: there is none, and the result is a texture of the style. */
export const NO_CONTENT = '-';

/** A style picture by its path. */
export interface StylePath {
  readonly path: string;
  readonly weight: number;
  /** As of --mask: a path, and how it is read. */
  readonly mask?: string;
  readonly styleMask?: string;
}

/** Settings that were read from a file; flags and words of the command line come before them. */
export interface Stored {
  readonly content?: string;
  readonly styles?: readonly StylePath[];
  readonly output?: string;
  readonly network?: string;
  /** Not checked yet. */
  readonly preprocessing?: unknown;
  readonly init?: string;
  readonly updateMask?: string;
  readonly bits?: number;
  readonly saveEvery?: number;
  readonly options: PlainOptions;
  /** The library's part of a checkpoint file. */
  readonly resume?: Uint8Array;
}

const words = ['content', 'output', 'network', 'init', 'updateMask'] as const;
const known: readonly string[] = [...words, 'style', 'preprocessing', 'bits', 'saveEvery', ...plainNames];
/** In the settings of a picture, but of no use to a later run. */
const notes: readonly string[] = ['version', 'done', 'vary'];

/** True for what is an address and no path. */
export function isUrl(location: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(location);
}

/**
 * Settings from parsed JSON. `locate` turns a path of the file into one of the process. Whether values of plain options
 * are in range is for the library to say.
 *
 * @throws `bad-option` for unknown keys, by name, and for paths and numbers of another type.
 */
export function settingsFrom(json: unknown, where: string, locate: (file: string) => string): Stored {
  const wrong = (what: string, fix: string): Error => badOption(where, what, fix);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw wrong('these are no settings', 'Give an object such as { "styleWeight": 2, "size": 768 }');
  }
  const given = json as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(given)) {
    if (known.includes(key) || notes.includes(key)) continue;
    const nearest = nearestName(key, known);
    throw wrong(
      `there is no setting "${key}"`,
      nearest ? `Did you mean ${nearest}` : `The settings are ${known.join(', ')}`,
    );
  }
  for (const key of words) {
    if (given[key] === undefined || typeof given[key] === 'string') continue;
    throw wrong(`${key} is ${JSON.stringify(given[key])}, need text`, 'Give the path of a file');
  }
  for (const [key, isFine, need] of [
    [
      'saveEvery',
      (value: unknown) => Number.isInteger(value) && (value as number) >= 1,
      'a whole number from 1',
    ],
    ['bits', (value: unknown) => value === 8 || value === 16, '8 or 16'],
  ] as const) {
    if (given[key] === undefined || isFine(given[key])) continue;
    throw wrong(`${key} is ${JSON.stringify(given[key])}, need ${need}`, 'Correct it');
  }
  const { content, output, network, init, updateMask } = given as Readonly<Record<string, string | undefined>>;
  // A word is a name (default, vgg19, noise), not a file.
  const located = (file: string): string => (/[./\\]/.test(file) ? locate(file) : file);
  return {
    ...(content !== undefined && { content: content === NO_CONTENT ? content : locate(content) }),
    ...(given['style'] !== undefined && { styles: stylesFrom(given['style'], where, locate) }),
    ...(output !== undefined && { output: locate(output) }),
    ...(network !== undefined && { network: located(network) }),
    ...(init !== undefined && { init: located(init) }),
    ...(updateMask !== undefined && { updateMask: locate(updateMask) }),
    ...(given['preprocessing'] !== undefined && { preprocessing: given['preprocessing'] }),
    ...(given['bits'] !== undefined && { bits: given['bits'] as number }),
    ...(given['saveEvery'] !== undefined && { saveEvery: given['saveEvery'] as number }),
    options: Object.fromEntries(
      plainNames.filter((key) => key in given).map((key) => [key, given[key]]),
    ) as PlainOptions,
  };
}

function stylesFrom(style: unknown, where: string, locate: (file: string) => string): readonly StylePath[] {
  const list: readonly unknown[] = Array.isArray(style) ? style : [style];
  return list.map((item) => {
    const {
      image,
      weight = 1,
      mask,
      styleMask,
      ...rest
    } = (typeof item === 'string' ? { image: item } : (item ?? {})) as {
      readonly image?: unknown;
      readonly weight?: unknown;
      readonly mask?: unknown;
      readonly styleMask?: unknown;
    };
    const isPath = (path: unknown): path is string | undefined => path === undefined || typeof path === 'string';
    const isFine =
      typeof image === 'string' && typeof weight === 'number' && weight > 0 && Object.keys(rest).length === 0;
    if (isFine && isPath(mask) && isPath(styleMask)) {
      return {
        path: locate(image),
        weight,
        ...(mask !== undefined && { mask: locate(mask) }),
        ...(styleMask !== undefined && { styleMask: locate(styleMask) }),
      };
    }
    const what = `style is ${JSON.stringify(item)}, need paths, with weights above 0 and paths of masks if wanted`;
    throw badOption(where, what, 'Give "painting.jpg", or [{ "image": "painting.jpg", "weight": 2 }]');
  });
}

function parsed(text: string, file: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badOption(where, `"${file}" is no JSON: ${reason}`, 'Correct it, or give a PNG made by wgpu-style');
  }
}

/**
 * Reads the settings of a JSON file (paths in it count from its folder), of a PNG that was made here, or of a checkpoint
 * file. Throws `bad-option` naming `where`.
 */
export async function readSettings(file: string, where: string): Promise<Stored> {
  const bytes = await readFileBytes(file, { where, need: 'the path of a file with settings' });
  const asGiven = (location: string): string => location;
  if (isCheckpointFile(bytes)) {
    const { settings, state } = splitCheckpointFile(bytes, where);
    return { ...settingsFrom(settings, where, asGiven), resume: state };
  }
  if (isPng(bytes)) {
    const text = readPngText(bytes, where)['wgpu-style'];
    if (text === undefined) {
      throw badOption(
        where,
        `"${file}" carries no settings`,
        'Give a PNG made by wgpu-style, or a JSON file',
      );
    }
    // A picture may come from a stranger: where to write is not for it to say.
    const { output: _, ...settings } = settingsFrom(parsed(text, file, where), where, asGiven);
    return settings;
  }
  const beside = (location: string): string =>
    isUrl(location) ? location : path.join(path.dirname(file), location);
  const locate = (location: string): string => (path.isAbsolute(location) ? location : beside(location));
  return settingsFrom(parsed(new TextDecoder().decode(bytes), file, where), where, locate);
}
