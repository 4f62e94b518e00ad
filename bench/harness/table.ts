// Rows as lines of text.

import type { Row } from './rows.ts';

const NAME = 25;
const VARIANT = 26;
/** Titles of a row's numbers. */
export const COLUMNS: readonly string[] = ['ms', '± iqr', 'GFLOP/s', 'GB/s', '% peak', '% copy', 'speed-up', 'error'];
const WIDTH = 9;

/** The titles of the columns. */
export const TABLE_HEAD: string = [
  'family'.padEnd(9),
  'what'.padEnd(NAME),
  'variant'.padEnd(VARIANT),
  ...COLUMNS.map((title) => title.padStart(WIDTH)),
].join(' ');

/** A row's numbers in the order of {@link COLUMNS}; empty where there is none. */
export function numbersOf(row: Row): readonly string[] {
  return [
    digits(row.milliseconds),
    digits(row.spread),
    row.gflops > 0 ? digits(row.gflops) : '',
    row.gigabytesPerSecond > 0 ? digits(row.gigabytesPerSecond) : '',
    row.ofPeak === undefined ? '' : percent(row.ofPeak),
    row.ofCopy === undefined ? '' : percent(row.ofCopy),
    row.speedup === undefined ? '' : `${digits(row.speedup)}x`,
    row.error === undefined ? '' : row.error.toExponential(0),
  ];
}

/** A row in the columns of {@link TABLE_HEAD}; facts follow. */
export function lineOf(row: Row): string {
  const words = [row.family.padEnd(9), row.name.padEnd(NAME), row.variant.padEnd(VARIANT)];
  const line = [...words, ...numbersOf(row).map((number) => number.padStart(WIDTH))].join(' ');
  return [line.trimEnd(), ...factsOf(row)].join('  ');
}

function factsOf({ facts = {} }: Row): string[] {
  const entries = Object.entries(facts);
  const show = (value: number | string): string => (typeof value === 'number' ? digits(value) : value);
  return entries.length === 0 ? [] : [entries.map(([name, value]) => `${name} ${show(value)}`).join(', ')];
}

/** Three significant digits without an exponent; whole numbers as they are. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toString();
  const places = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toFixed(places);
}

function percent(share: number): string {
  return digits(100 * share);
}
