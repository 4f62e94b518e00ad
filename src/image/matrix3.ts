// 3x3 symmetric matrices in float64, row-major, for colour statistics: powers by eigenvalues, Cholesky factors.

/** Nine numbers, row by row. */
export type Matrix3 = readonly number[];

export function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  return Array.from({ length: 9 }, (_, i) => {
    const row = 3 * Math.floor(i / 3);
    const column = i % 3;
    return a[row]! * b[column]! + a[row + 1]! * b[column + 3]! + a[row + 2]! * b[column + 6]!;
  });
}

export function transpose(a: Matrix3): Matrix3 {
  return a.map((_, i) => a[3 * (i % 3) + Math.floor(i / 3)]!);
}

/** Rotation that makes entry (p, q) of `a` zero (Golub and Van Loan, section 8.5). */
function jacobiRotation(a: Matrix3, p: number, q: number): Matrix3 {
  const rotation = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const off = a[3 * p + q]!;
  if (off === 0) return rotation;
  const tau = (a[4 * q]! - a[4 * p]!) / (2 * off);
  const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
  const cos = 1 / Math.hypot(1, t);
  rotation[4 * p] = cos;
  rotation[4 * q] = cos;
  rotation[3 * p + q] = t * cos;
  rotation[3 * q + p] = -t * cos;
  return rotation;
}

/** Applies `f` to the eigenvalues of a symmetric matrix: Q f(L) Q^T, found by cyclic Jacobi rotations. */
export function mapEigenvalues(symmetric: Matrix3, f: (eigenvalue: number) => number): Matrix3 {
  let a = symmetric;
  let q: Matrix3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  // Converges quadratically: five sweeps reach float64 accuracy for 3x3; twelve leave room.
  for (let sweep = 0; sweep < 12; sweep++) {
    for (const [i, j] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const rotation = jacobiRotation(a, i, j);
      a = multiply(transpose(rotation), multiply(a, rotation));
      q = multiply(q, rotation);
    }
  }
  const mapped = [f(a[0]!), 0, 0, 0, f(a[4]!), 0, 0, 0, f(a[8]!)];
  return multiply(q, multiply(mapped, transpose(q)));
}

/** Lower triangular L with L L^T = the matrix, which must be positive definite. */
export function cholesky(a: Matrix3): Matrix3 {
  const l = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[3 * i + j]!;
      for (let k = 0; k < j; k++) sum -= l[3 * i + k]! * l[3 * j + k]!;
      l[3 * i + j] = i === j ? Math.sqrt(sum) : sum / l[3 * j + j]!;
    }
  }
  return l;
}

/** Inverse of a lower triangular matrix with a diagonal without zeros. */
export function invertLower(l: Matrix3): Matrix3 {
  const [a, , , b, c, , d, e, f] = l as readonly [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return [1 / a, 0, 0, -b / (a * c), 1 / c, 0, (b * e - c * d) / (a * c * f), -e / (c * f), 1 / f];
}
