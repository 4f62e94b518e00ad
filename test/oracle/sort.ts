// Sorting and optimal transport in one dimension in float64, as the definitions read.

/** Of each of c columns the rows in the order of their values, upwards, equal ones as they stand: [rows, c]. */
export function argsort(c: number, x: ArrayLike<number>): Float64Array {
  const rows = x.length / c;
  const places = new Float64Array(x.length);
  for (let k = 0; k < c; k++) {
    const order = Array.from({ length: rows }, (_, row) => row).sort((a, b) => x[a * c + k]! - x[b * c + k]!);
    order.forEach((row, i) => (places[i * c + k] = row));
  }
  return places;
}

/** x[places[i, k], k] of the first `count` rows. */
export function take(c: number, count: number, x: ArrayLike<number>, places: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: count * c }, (_, i) => x[places[i]! * c + (i % c)]!);
}

/** dY back at the places; 0 elsewhere. */
export function takeBackward(c: number, dY: ArrayLike<number>, places: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(places.length);
  for (let i = 0; i < dY.length; i++) dX[places[i]! * c + (i % c)]! += dY[i]!;
  return dX;
}

/** One column's values at ranks (i + ½) / count, between the two nearest where there are not as many. */
export function quantiles(column: ArrayLike<number>, count: number): number[] {
  const sorted = Array.from(column).sort((a, b) => a - b);
  return Array.from({ length: count }, (_, i) => {
    const at = ((i + 0.5) * sorted.length) / count - 0.5;
    const inRange = (index: number): number => sorted[Math.min(Math.max(index, 0), sorted.length - 1)]!;
    const lower = Math.floor(at);
    return (1 - (at - lower)) * inRange(lower) + (at - lower) * inRange(lower + 1);
  });
}

/** Mean over ranks and columns of the squared difference of `found` [n, c] to the weighted mean of the styles' quantiles. */
export function transport(
  c: number,
  found: ArrayLike<number>,
  styles: readonly { readonly data: ArrayLike<number>; readonly weight: number }[],
  isRelative: boolean,
): number {
  const columnOf = (data: ArrayLike<number>, k: number): number[] =>
    Array.from({ length: data.length / c }, (_, row) => data[row * c + k]!);
  const n = found.length / c;
  const whole = styles.reduce((sum, { weight }) => sum + weight, 0);
  let [differences, squares] = [0, 0];
  for (let k = 0; k < c; k++) {
    const own = columnOf(found, k).sort((a, b) => a - b);
    const theirs = styles.map(({ data, weight }) => quantiles(columnOf(data, k), n).map((v) => (v * weight) / whole));
    own.forEach((value, i) => {
      const target = theirs.reduce((sum, list) => sum + list[i]!, 0);
      differences += (value - target) ** 2;
      squares += target ** 2;
    });
  }
  return differences / (isRelative ? squares : n * c);
}
