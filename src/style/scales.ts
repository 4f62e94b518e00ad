// The coarse-to-fine ladder: large strokes form at small sizes, detail is added at large ones.

/** One rung: longest side, and how many iterations are spent there. */
export interface Rung {
  readonly side: number;
  readonly iterations: number;
}

/** The smallest longest side that `auto` starts from: below, deep layers have hardly a pixel to measure. */
const SMALLEST = 96;

/** Each rung gets this share of the iterations of the rung below it; coarse ones are cheap and decide the most. */
const SHARE = 0.75;

/** Longest sides from coarse to fine, each twice the one before, the last being `side`. */
export function autoSides(side: number): number[] {
  const sides = [side];
  while (sides[0]! / 2 >= SMALLEST) sides.unshift(Math.round(sides[0]! / 2));
  return sides;
}

/** Shares `iterations` out over the rungs, at least one each, in sum exactly `iterations` where there are enough. */
export function ladder(sides: readonly number[], iterations: number): Rung[] {
  const shares = sides.map((_, i) => SHARE ** i);
  const total = shares.reduce((sum, share) => sum + share, 0);
  let spent = 0;
  let sum = 0;
  return sides.map((side, i) => {
    sum += shares[i]!;
    const upTo = Math.round((iterations * sum) / total);
    const rung = { side, iterations: Math.max(iterations > 0 ? 1 : 0, upTo - spent) };
    spent = upTo;
    return rung;
  });
}
