// Patches of features in float64: the most alike by normalised cross-correlation, and the distance to it.

type Shape = readonly [height: number, width: number, channels: number];

/** Rows of `n` numbers → [largest, index of the first such] each. */
export function argmax(n: number, x: ArrayLike<number>): Float64Array {
  const best = new Float64Array((2 * x.length) / n);
  for (let row = 0; row < x.length / n; row++) {
    let index = 0;
    for (let k = 1; k < n; k++) if (x[row * n + k]! > x[row * n + index]!) index = k;
    best.set([x[row * n + index]!, index], 2 * row);
  }
  return best;
}

/** The numbers of the 3x3 patch whose upper left pixel is (y, x). */
function patchAt([, w, c]: Shape, data: ArrayLike<number>, y: number, x: number): number[] {
  const values: number[] = [];
  for (let t = 0; t < 9; t++)
    for (let i = 0; i < c; i++) values.push(data[((y + Math.floor(t / 3)) * w + x + (t % 3)) * c + i]!);
  return values;
}

/** All patches, in scan order. */
export function patchesOf(shape: Shape, data: ArrayLike<number>): number[][] {
  const found: number[][] = [];
  for (let y = 0; y + 3 <= shape[0]; y++) for (let x = 0; x + 3 <= shape[1]; x++) found.push(patchAt(shape, data, y, x));
  return found;
}

/** Index of the patch with the largest correlation with `patch` over its own norm. */
export function mostAlike(patch: readonly number[], patches: readonly (readonly number[])[]): number {
  const scores = patches.map((other) => {
    const norm = Math.sqrt(other.reduce((sum, value) => sum + value * value, 0));
    return other.reduce((sum, value, i) => sum + value * patch[i]!, 0) / norm;
  });
  return scores.indexOf(Math.max(...scores));
}

/** Σ over patches of weight · ‖patch − match‖². */
export function patchDistance(shape: Shape, x: ArrayLike<number>, matches: readonly (readonly number[])[], weight: ArrayLike<number>): number {
  return patchesOf(shape, x).reduce(
    (sum, patch, p) => sum + weight[p]! * patch.reduce((all, value, i) => all + (value - matches[p]![i]!) ** 2, 0),
    0,
  );
}

/** dY · d distance / d x. */
export function patchDistanceBackward(
  shape: Shape,
  x: ArrayLike<number>,
  matches: readonly (readonly number[])[],
  weight: ArrayLike<number>,
  dY: number,
): Float64Array {
  const [, w, c] = shape;
  const dX = new Float64Array(x.length);
  patchesOf(shape, x).forEach((patch, p) => {
    const [y0, x0] = [Math.floor(p / (w - 2)), p % (w - 2)];
    patch.forEach((value, k) => {
      const [t, i] = [Math.floor(k / c), k % c];
      dX[((y0 + Math.floor(t / 3)) * w + x0 + (t % 3)) * c + i]! += 2 * dY * weight[p]! * (value - matches[p]![k]!);
    });
  });
  return dX;
}
