// Flags' values to options of `styleTransfer`: those that need no file. Pure.

import { badOption } from '../gpu/errors.ts';
import type { PlainOptions } from '../style/settings.ts';

/** Their names. */
export const plainNames: readonly (keyof PlainOptions)[] = [
  ...(['recipe', 'size', 'contentWeight', 'styleWeight', 'tvWeight', 'contentLayers', 'styleLayers'] as const),
  ...(['optimizer', 'averaging', 'iterations', 'tolerance', 'seed', 'pooling', 'color', 'scales', 'memoryLimit'] as const),
  ...(['maskMode', 'seamless', 'resampling', 'storage'] as const),
];

/** The number a text stands for. Throws `bad-option` saying what was given and what is needed. */
export function numberOf(
  text: string,
  where: string,
  isAllowed: (value: number) => boolean,
  need: string,
): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value) && isAllowed(value)) return value;
  throw badOption(where, `got "${text}", need ${need}`, 'Correct the number');
}

/** True for whole numbers from 1. */
export const isWhole: (value: number) => boolean = (value) => Number.isInteger(value) && value >= 1;

function readSize(text: string): number | { width: number; height: number } {
  const need = 'whole pixels from 1 up, or WIDTHxHEIGHT';
  const sides = text.split('x').map((side) => numberOf(side, '--size', isWhole, need));
  if (sides.length > 2)
    throw badOption('--size', `got "${text}", need ${need}`, 'Correct the size');
  return sides.length === 1 ? sides[0]! : { width: sides[0]!, height: sides[1]! };
}

/** `relu1_1,relu2_1=0.5` to layer → weight. */
function readLayers(text: string, where: string): Record<string, number> {
  const layers: Record<string, number> = {};
  for (const part of text.split(',')) {
    const [name = '', weight = '1', ...rest] = part.trim().split('=');
    if (name === '' || rest.length > 0)
      throw badOption(where, `got "${text}"`, 'Give layers such as relu4_2=1,relu3_1=0.5');
    layers[name] = numberOf(weight, where, (value) => value >= 0, `a weight from 0 for ${name}`);
  }
  return layers;
}

/** `adam:learningRate=0.02,clamp=true` to `{ [key]: 'adam', learningRate: 0.02, clamp: true }`; what exists is checked later. */
function readSettings(text: string, where: string, key: 'name' | 'mode'): Record<string, number | string | boolean> {
  const [name = '', settings] = text.split(/:(.*)/s);
  const options: Record<string, number | string | boolean> = { [key]: name };
  for (const part of settings ? settings.split(',') : []) {
    const [setting = '', value = ''] = part.split(/=(.*)/s);
    if (setting === '' || value === '' || setting === key) {
      const example = key === 'name' ? 'adam:learningRate=0.02,beta1=0.9' : 'luminance:space=oklab';
      throw badOption(where, `got "${text}"`, `Give a ${key} with settings, such as ${example}`);
    }
    const isFlag = value === 'true' || value === 'false';
    options[setting] = isFlag ? value === 'true' : Number.isNaN(Number(value)) ? value : Number(value);
  }
  return options;
}

function readOptimizer(text: string, where: string): NonNullable<PlainOptions['optimizer']> {
  return readSettings(text, where, 'name') as unknown as NonNullable<PlainOptions['optimizer']>;
}

function readColor(text: string, where: string): NonNullable<PlainOptions['color']> {
  if (!text.includes(':')) return text as NonNullable<PlainOptions['color']>;
  return readSettings(text, where, 'mode') as unknown as NonNullable<PlainOptions['color']>;
}

/** A switch by itself, or with its value in a sweep. */
function readSwitch(text: string, where: string): boolean {
  if (text === '' || text === 'true') return true;
  if (text === 'false') return false;
  throw badOption(where, `got "${text}", need true or false`, 'Give one of them');
}

function readScales(text: string): NonNullable<PlainOptions['scales']> {
  if (text === 'auto') return 'auto';
  if (text === 'off' || text === 'false') return false;
  const need = 'auto, off, or longest sides such as 128,256,512';
  return text.split(',').map((side) => numberOf(side, '--scales', isWhole, need));
}

/** Factors of the units that bytes are given in. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `2GiB`, `800 MB` or plain bytes. */
function readBytes(text: string, where: string): number {
  const [, number = '', unit = ''] = /^\s*([\d.e+]+)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const need = 'bytes above 0, such as 800MB or 2GiB';
  if (factor === undefined) throw badOption(where, `got "${text}", need ${need}`, 'Correct the number');
  return Math.round(numberOf(number || text, where, (value) => value * factor >= 1, need) * factor);
}

/** Every plain option among the flags' values; absent ones stay absent. Throws `bad-option`. */
export function plainOptions(values: ReadonlyMap<string, string>): PlainOptions {
  const given = <T>(name: string, convert: (text: string, where: string) => T): T | undefined => {
    const text = values.get(name);
    return text === undefined ? undefined : convert(text, `--${name}`);
  };
  const word = (text: string): string => text;
  const weight = (text: string, where: string): number =>
    numberOf(text, where, (value) => value >= 0, 'a number from 0');
  const count = (text: string, where: string): number =>
    numberOf(
      text,
      where,
      (value) => Number.isInteger(value) && value >= 0,
      'a whole number from 0',
    );
  const options: Readonly<Record<keyof PlainOptions, unknown>> = {
    recipe: given('recipe', word),
    size: given('size', readSize),
    contentWeight: given('content-weight', weight),
    styleWeight: given('style-weight', weight),
    tvWeight: given('tv-weight', weight),
    contentLayers: given('content-layers', readLayers),
    styleLayers: given('style-layers', readLayers),
    optimizer: given('optimizer', readOptimizer),
    averaging: given('averaging', weight),
    iterations: given('iterations', count),
    tolerance: given('tolerance', weight),
    seed: given('seed', count),
    pooling: given('pooling', word),
    color: given('color', readColor),
    scales: given('scales', readScales),
    maskMode: given('mask-mode', word),
    seamless: given('seamless', readSwitch),
    resampling: given('resampling', word),
    storage: given('storage', word),
    memoryLimit: given('memory-limit', readBytes),
  };
  // Words are checked by `styleTransfer`, which knows them all; absent ones must stay absent.
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as PlainOptions;
}
