// Sums in float64.

export function sum(x: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i]!;
  return total;
}

/** Σ over rows of c values each. */
export function columnSum(c: number, x: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(c);
  for (let i = 0; i < x.length; i++) sums[i % c]! += x[i]!;
  return sums;
}

/** Σ (x − target)² / n. */
export function meanSquared(x: ArrayLike<number>, target?: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += (x[i]! - (target?.[i] ?? 0)) ** 2;
  return total / x.length;
}

/** Its gradient with respect to x; minus this is the one with respect to the target. */
export function meanSquaredBackward(dY: number, x: ArrayLike<number>, target?: ArrayLike<number>): Float64Array {
  return Float64Array.from(x, (v, i) => (dY * 2 * (v - (target?.[i] ?? 0))) / x.length);
}
