// Statistics of features and square roots of matrices in float64, as the definitions read.

import { matmul, transpose } from './matmul.ts';

/** Means, then √(variance + epsilon), of each of c columns; the variance is biased. */
export function meanStd(c: number, epsilon: number, x: ArrayLike<number>): Float64Array {
  const rows = x.length / c;
  const y = new Float64Array(2 * c);
  for (let i = 0; i < x.length; i++) y[i % c]! += x[i]! / rows;
  for (let i = 0; i < x.length; i++) y[c + (i % c)]! += (x[i]! - y[i % c]!) ** 2 / rows;
  return y.map((value, i) => (i < c ? value : Math.sqrt(value + epsilon)));
}

export function meanStdBackward(c: number, epsilon: number, dY: ArrayLike<number>, x: ArrayLike<number>): Float64Array {
  const rows = x.length / c;
  const y = meanStd(c, epsilon, x);
  return Float64Array.from({ length: x.length }, (_, i) => {
    const k = i % c;
    return (dY[k]! + (dY[c + k]! * (x[i]! - y[k]!)) / y[c + k]!) / rows;
  });
}

/** Eigenvalues and eigenvectors (columns of `vectors`) of a symmetric matrix [n, n], by Jacobi's rotations. */
export function eigen(n: number, matrix: ArrayLike<number>): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const off = a[p * n + q]!;
        if (off === 0) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * off);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        const rotate = (m: Float64Array, i: number, j: number): void => {
          const [x, y] = [m[i]!, m[j]!];
          m[i] = c * x - s * y;
          m[j] = s * x + c * y;
        };
        for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q);
        for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k);
        for (let k = 0; k < n; k++) rotate(v, k * n + p, k * n + q);
      }
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors: v };
}

/** V·M·Vᵀ. */
function turned(n: number, vectors: Float64Array, m: Float64Array): Float64Array {
  return matmul(n, n, n, matmul(n, n, n, vectors, m), transpose(n, n, vectors));
}

/** The symmetric square root of a symmetric positive matrix [n, n]; eigenvalues below 0 count as 0. */
export function sqrtm(n: number, a: ArrayLike<number>): Float64Array {
  const { values, vectors } = eigen(n, a);
  const roots = new Float64Array(n * n);
  values.forEach((value, i) => (roots[i * (n + 1)] = Math.sqrt(Math.max(value, 0))));
  return turned(n, vectors, roots);
}

/** Σ of the roots of the eigenvalues. */
export function traceSqrtm(n: number, a: ArrayLike<number>): number {
  return eigen(n, a).values.reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
}

/** dY · a^−½ / 2. */
export function traceSqrtmBackward(n: number, dY: number, a: ArrayLike<number>): Float64Array {
  const { values, vectors } = eigen(n, a);
  const inverse = new Float64Array(n * n);
  values.forEach((value, i) => (inverse[i * (n + 1)] = dY / (2 * Math.sqrt(value))));
  return turned(n, vectors, inverse);
}

/** A root by so many coupled Newton–Schulz steps, which leave roots of tiny eigenvalues too small. */
export function newtonSchulz(n: number, steps: number, a: ArrayLike<number>): Float64Array {
  const product = (x: Float64Array, y: Float64Array): Float64Array => matmul(n, n, n, x, y);
  const norm = Math.sqrt(Float64Array.from(a).reduce((sum, v) => sum + v ** 2, 0));
  let y: Float64Array = Float64Array.from(a, (v) => v / norm);
  let z: Float64Array = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  for (let step = 0; step < steps; step++) {
    const t = product(z, y).map((v, i) => ((i % (n + 1) === 0 ? 3 : 0) - v) / 2);
    [y, z] = [product(y, t), product(t, z)];
  }
  return y.map((v) => v * Math.sqrt(norm));
}

/** dA with y·dA + dA·y = dY: in the eigenvectors of y = a^½ a division. */
export function sqrtmBackward(n: number, dY: ArrayLike<number>, a: ArrayLike<number>): Float64Array {
  const { values, vectors } = eigen(n, a);
  const inside = matmul(n, n, n, matmul(n, n, n, transpose(n, n, vectors), dY), vectors);
  const roots = values.map(Math.sqrt);
  return turned(n, vectors, inside.map((value, i) => value / (roots[Math.floor(i / n)]! + roots[i % n]!)));
}
