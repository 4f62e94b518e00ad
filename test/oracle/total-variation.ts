// Total variation of an image [h, w, c] in float64: Σ f(x_ij − x_i,j+1) + f(x_ij − x_i+1,j), neighbours that exist.

export type Form = 'squared' | 'absolute';

/** Calls `visit(p, q)` for the indices of every pair of neighbours. */
function everyPair([h, w, c]: readonly number[], visit: (p: number, q: number) => void): void {
  for (let i = 0; i < h!; i++)
    for (let j = 0; j < w!; j++)
      for (let k = 0; k < c!; k++) {
        const p = (i * w! + j) * c! + k;
        if (j + 1 < w!) visit(p, p + c!);
        if (i + 1 < h!) visit(p, p + w! * c!);
      }
}

export function totalVariation(shape: readonly number[], form: Form, x: ArrayLike<number>): number {
  let total = 0;
  everyPair(shape, (p, q) => {
    const d = x[p]! - x[q]!;
    total += form === 'squared' ? d * d : Math.abs(d);
  });
  return total;
}

export function totalVariationBackward(
  shape: readonly number[],
  form: Form,
  dY: number,
  x: ArrayLike<number>,
): Float64Array {
  const dX = new Float64Array(x.length);
  everyPair(shape, (p, q) => {
    const d = x[p]! - x[q]!;
    const slope = dY * (form === 'squared' ? 2 * d : Math.sign(d));
    dX[p]! += slope;
    dX[q]! -= slope;
  });
  return dX;
}
