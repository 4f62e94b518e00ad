// Matrix products in float64, as the definition reads.

/** Transpose of a row-major [rows, columns] matrix. */
export function transpose(rows: number, columns: number, x: ArrayLike<number>): Float64Array {
  const y = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) y[c * rows + r] = x[r * columns + c]!;
  return y;
}

/** C [m, n] = A [m, k] · B [k, n]. */
export function matmul(
  m: number,
  n: number,
  k: number,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let p = 0; p < k; p++) {
      const v = a[i * k + p]!;
      for (let j = 0; j < n; j++) c[i * n + j]! += v * b[p * n + j]!;
    }
  return c;
}

/** G_ij = factor · Σ over rows of x_i·x_j; x [rows, c]. */
export function gram(c: number, factor: number, x: ArrayLike<number>): Float64Array {
  const g = new Float64Array(c * c);
  for (let row = 0; row < x.length; row += c)
    for (let i = 0; i < c; i++)
      for (let j = 0; j < c; j++) g[i * c + j]! += factor * x[row + i]! * x[row + j]!;
  return g;
}

/** Each product x_i·x_j hands dG_ij to both of its factors. */
export function gramBackward(c: number, factor: number, dG: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += c)
    for (let i = 0; i < c; i++)
      for (let j = 0; j < c; j++) {
        dX[row + i]! += factor * dG[i * c + j]! * x[row + j]!;
        dX[row + j]! += factor * dG[i * c + j]! * x[row + i]!;
      }
  return dX;
}
