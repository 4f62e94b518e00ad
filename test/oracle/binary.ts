// Elementwise functions of two operands in float64; an operand of length 1, of one row or of one column is repeated.

export type BinaryOp = 'add' | 'sub' | 'mul';

/** Where element i of the result reads an operand of `length` values; rows of the result have `c`. */
function place(i: number, length: number, count: number, c: number): number {
  if (length === count) return i;
  if (length === 1) return 0;
  return length * c === count && length !== c ? Math.floor(i / c) : i % c;
}

export function binary(op: BinaryOp, c: number, a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const count = Math.max(a.length, b.length);
  return Float64Array.from({ length: count }, (_, i) => {
    const u = a[place(i, a.length, count, c)]!;
    const v = b[place(i, b.length, count, c)]!;
    return op === 'add' ? u + v : op === 'sub' ? u - v : u * v;
  });
}

export function binaryBackward(
  op: BinaryOp,
  c: number,
  dY: ArrayLike<number>,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): [Float64Array, Float64Array] {
  const dA = new Float64Array(a.length);
  const dB = new Float64Array(b.length);
  for (let i = 0; i < dY.length; i++) {
    const [at, bt] = [place(i, a.length, dY.length, c), place(i, b.length, dY.length, c)];
    dA[at]! += dY[i]! * (op === 'mul' ? b[bt]! : 1);
    dB[bt]! += dY[i]! * (op === 'mul' ? a[at]! : op === 'sub' ? -1 : 1);
  }
  return [dA, dB];
}
