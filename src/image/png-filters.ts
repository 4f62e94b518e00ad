// The filters of a PNG's rows (PNG specification, section 9): what a byte is predicted to be by the pixel to its left, a, the
// byte above it, b, and that above the left one, c; files hold the difference. Above the first row are zeros. `step` is bytes
// per pixel.

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c;
  const pa = Math.abs(p - a);
  const pb = Math.abs(p - b);
  const pc = Math.abs(p - c);
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** Undoes the filter of one row in place, given the row above; false for a type that there is not. */
export function unfilterRow(type: number, row: Uint8Array, above: Uint8Array, step: number): boolean {
  for (let x = 0; x < row.length; x++) {
    const a = x >= step ? row[x - step]! : 0;
    const b = above[x]!;
    const c = x >= step ? above[x - step]! : 0;
    if (type === 1) row[x]! += a;
    else if (type === 2) row[x]! += b;
    else if (type === 3) row[x]! += (a + b) >> 1;
    else if (type === 4) row[x]! += paeth(a, b, c);
  }
  return type <= 4;
}

/** What filter `type` predicts of byte `x`; `step` is bytes per pixel. */
function predicted(type: number, row: Uint8Array, above: Uint8Array, x: number, step: number): number {
  const left = x >= step ? row[x - step]! : 0;
  if (type === 0) return 0;
  if (type === 1) return left;
  if (type === 2) return above[x]!;
  if (type === 3) return (left + above[x]!) >> 1;
  return paeth(left, above[x]!, x >= step ? above[x - step]! : 0);
}

/** Writes a row into `to`, filtered by `type`; gives the sum of its bytes as signed numbers without their signs. */
export function filterRow(type: number, row: Uint8Array, above: Uint8Array, step: number, to: Uint8Array): number {
  let sum = 0;
  to[0] = type;
  for (let x = 0; x < row.length; x++) {
    const byte = (row[x]! - predicted(type, row, above, x, step)) & 255;
    to[x + 1] = byte;
    sum += byte < 128 ? byte : 256 - byte;
  }
  return sum;
}
