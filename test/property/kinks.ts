// Where an op has no derivative, and how far away values must stay for float32 and float64 to agree.

import { outputCells, type Windows } from '../oracle/pool.ts';
import type { Values } from '../oracle/tape.ts';

/** Relative to the largest value: a dozen ops in float32 are a few 1e-6 off. */
const MARGIN = 1e-4;

function margin(x: Values): number {
  return MARGIN * Array.from(x).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}

/** Whether no value is so near 0 that its sign is in doubt; exact zeros are in none. */
export function isFarFromZero(x: Values, isExact: boolean): boolean {
  const least = margin(x);
  return Array.from(x).every((v) => (v === 0 ? isExact : Math.abs(v) > least));
}

/** Whether the largest value of each window is in no doubt. */
export function hasClearMaxima(g: Windows, x: Values, isExact: boolean): boolean {
  const least = margin(x);
  return outputCells(g).every((cells) => {
    const [first, second] = cells.map((cell) => x[cell]!).sort((a, b) => b - a) as [number, number | undefined];
    if (second === undefined) return true;
    return first === second ? isExact : first - second > least;
  });
}

/** Whether each of c columns varies enough to divide by its deviation. */
export function hasSpread(c: number, x: Values): boolean {
  const rows = x.length / c;
  return Array.from({ length: c }, (_, k) => {
    const column = Array.from({ length: rows }, (__, row) => x[row * c + k]!);
    const mean = column.reduce((sum, v) => sum + v, 0) / rows;
    const variance = column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / rows;
    return variance > 1e-2 * (mean ** 2 + 0.1);
  }).every(Boolean);
}
