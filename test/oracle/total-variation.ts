// Total variation of an image [h, w, c] in float64, as the formulas read.

export type Form = 'squared' | 'absolute' | 'power' | 'nine-point' | 'mean-squared';

/** A difference x[p] − x[q] and what stands before its square. */
type Difference = readonly [p: number, q: number, weight: number];

/** Every difference of the forms that are sums over single differences; `wraps`: on a torus, where no border ends any. */
function differences([h, w, c]: readonly number[], form: Form, wraps: boolean): Difference[] {
  const found: Difference[] = [];
  const less = wraps ? 0 : 1;
  const at = (i: number, j: number, k: number): number => {
    if (wraps) return (((i + h!) % h!) * w! + ((j + w!) % w!)) * c! + k;
    const row = Math.min(Math.max(i, 0), h! - 1);
    return (row * w! + Math.min(Math.max(j, 0), w! - 1)) * c! + k;
  };
  const nine = form === 'nine-point';
  const mean = form === 'mean-squared';
  const across = nine ? 2 / 3 / (h! * w! * c!) : mean ? 1 / (h! * (w! - less) * c!) : 1;
  const down = nine ? across : mean ? 1 / ((h! - less) * w! * c!) : 1;
  for (let k = 0; k < c!; k++) {
    for (let i = 0; i < h!; i++)
      for (let j = 0; j < w!; j++) {
        if (wraps || j + 1 < w!) found.push([at(i, j, k), at(i, j + 1, k), across]);
        if (wraps || i + 1 < h!) found.push([at(i, j, k), at(i + 1, j, k), down]);
      }
    // Diagonals of the image with one repeated row or column on every side.
    for (let i = -less; nine && i < h!; i++)
      for (let j = -less; j < w!; j++) {
        const weight = 2 / 12 / ((h! + less) * (w! + less) * c!);
        found.push([at(i, j, k), at(i + 1, j + 1, k), weight], [at(i, j + 1, k), at(i + 1, j, k), weight]);
      }
  }
  return found;
}

/** Calls `visit(here, right, below)` for the indices of every cell that has both neighbours. */
function everyCell(
  [h, w, c]: readonly number[],
  wraps: boolean,
  visit: (here: number, right: number, below: number) => void,
): void {
  const less = wraps ? 0 : 1;
  for (let i = 0; i + less < h!; i++)
    for (let j = 0; j + less < w!; j++)
      for (let k = 0; k < c!; k++) {
        const here = (i * w! + j) * c! + k;
        visit(here, (i * w! + ((j + 1) % w!)) * c! + k, (((i + 1) % h!) * w! + j) * c! + k);
      }
}

export function totalVariation(shape: readonly number[], form: Form, x: ArrayLike<number>, wraps = false): number {
  let total = 0;
  if (form === 'power') {
    everyCell(shape, wraps, (here, right, below) => {
      total += ((x[right]! - x[here]!) ** 2 + (x[below]! - x[here]!) ** 2) ** 1.25;
    });
    return total;
  }
  for (const [p, q, weight] of differences(shape, form, wraps)) {
    const d = x[p]! - x[q]!;
    total += weight * (form === 'absolute' ? Math.abs(d) : d * d);
  }
  return total;
}

export function totalVariationBackward(
  shape: readonly number[],
  form: Form,
  dY: number,
  x: ArrayLike<number>,
  wraps = false,
): Float64Array {
  const dX = new Float64Array(x.length);
  const pull = (p: number, q: number, slope: number): void => {
    dX[p]! += slope;
    dX[q]! -= slope;
  };
  if (form === 'power') {
    everyCell(shape, wraps, (here, right, below) => {
      const across = x[right]! - x[here]!;
      const down = x[below]! - x[here]!;
      const slope = dY * 1.25 * (across ** 2 + down ** 2) ** 0.25 * 2;
      pull(right, here, slope * across);
      pull(below, here, slope * down);
    });
    return dX;
  }
  for (const [p, q, weight] of differences(shape, form, wraps)) {
    const d = x[p]! - x[q]!;
    pull(p, q, dY * weight * (form === 'absolute' ? Math.sign(d) : 2 * d));
  }
  return dX;
}
