// The coarse-to-fine ladder: large strokes form at small sizes, detail is added at large ones.

import { fitSize } from '../image/fit-size.ts';
import type { ResolvedOptions } from './options.ts';
import type { Recipe } from './recipes.ts';

/** One rung: longest side, and how many iterations are spent there. */
export interface Rung {
  readonly side: number;
  readonly iterations: number;
}

/** The smallest longest side that `auto` starts from: below, deep layers have hardly a pixel to measure. */
const SMALLEST = 96;

/** Of small results, which are painted in two scales all the same: from one alone, content dissolves and dots stay. */
const SMALLEST_OF_TWO = 48;

/** The smallest shorter side of an automatic scale: two pixels of relu5_1. Narrow pictures climb fewer rungs. */
export const NARROWEST = 32;

/** Each rung gets this share of the iterations of the rung below it; coarse ones are cheap and decide the most. */
const SHARE = 0.75;

/**
 * Longest sides from coarse to fine, each about twice the one before, the last being `side`; the others are at least
 * {@link SMALLEST} (the only other one {@link SMALLEST_OF_TWO}) and at least `least` (what the deepest layer needs, say). A
 * recipe's `ladder` has a ratio and a smallest side of its own.
 */
export function autoSides(side: number, least: number = 1, ladder?: Recipe['ladder']): number[] {
  if (ladder) return climb(side, Math.max(ladder.smallest, least), ladder.ratio);
  const sides = [side];
  while (sides[0]! / 2 >= Math.max(SMALLEST, least)) sides.unshift(Math.round(sides[0]! / 2));
  if (sides.length === 1 && side / 2 >= Math.max(SMALLEST_OF_TWO, least)) return [Math.round(side / 2), side];
  return sides;
}

function climb(side: number, smallest: number, ratio: number): number[] {
  const sides = [side];
  for (let below = side / ratio; Math.round(below) >= smallest; below /= ratio) sides.unshift(Math.round(below));
  return sides;
}

/**
 * Shares `iterations` out over the rungs, at least one each, in sum exactly `iterations` where there are enough.
 * Without iterations there is nothing to climb: the finest rung alone. With `first` the first rung gets so many times as much
 * as each other.
 */
export function ladder(sides: readonly number[], iterations: number, first?: number): Rung[] {
  if (iterations === 0) return sides.slice(-1).map((side) => ({ side, iterations: 0 }));
  const shares = sides.map((_, i) => (first === undefined ? SHARE ** i : i === 0 ? first : 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let spent = 0;
  let sum = 0;
  return sides.map((side, i) => {
    sum += shares[i]!;
    const upTo = Math.round((iterations * sum) / total);
    const forFiner = sides.length - 1 - i; // one each, at least
    const rung = { side, iterations: Math.max(1, Math.min(upTo, iterations - forFiner) - spent) };
    spent += rung.iterations;
    return rung;
  });
}

/** One size of a run. */
export interface Scale {
  readonly width: number;
  readonly height: number;
  readonly iterations: number;
}

/** Pixels that four poolings make one of: sides of whole ones tile in every layer. */
const CELL = 16;

function tiling(size: { width: number; height: number }, isWanted: boolean): { width: number; height: number } {
  const whole = (side: number): number => Math.max(NARROWEST, CELL * Math.round(side / CELL));
  return isWanted ? { width: whole(size.width), height: whole(size.height) } : size;
}

/** The sizes that a run with these options goes through for a content of this shape; the last is the result's. */
export function scalesOf(
  content: { readonly width: number; readonly height: number },
  {
    scales,
    size,
    iterations,
    seamless = false,
    recipe,
  }: Pick<ResolvedOptions, 'scales' | 'size' | 'iterations'> & { readonly seamless?: boolean; readonly recipe?: Pick<Recipe, 'ladder'> },
): Scale[] {
  const full = fitSize(content.width, content.height, size);
  const longest = Math.max(full.width, full.height);
  const least = (NARROWEST * longest) / Math.min(full.width, full.height);
  const sides = scales === false ? [longest] : scales === 'auto' ? autoSides(longest, least, recipe?.ladder) : scales;
  const first = scales === 'auto' ? recipe?.ladder?.first : undefined;
  return ladder(sides, iterations, first).map((rung) => {
    // The last size of an automatic ladder is `size` itself, also where that gives both sides.
    const fit = rung.side === longest ? full : tiling(fitSize(full.width, full.height, rung.side), seamless);
    return { ...fit, iterations: rung.iterations };
  });
}
