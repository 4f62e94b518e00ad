// Gate words by their definition, and gradients through them, in plain loops.

export interface Image {
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

const lanesOf = (c: number): number => Math.ceil(c / 4);

/** One bit for each element of an activation [h, w, c], from a predicate. */
export function gateWords({ h, w, c }: Image, isOpen: (row: number, column: number, channel: number) => boolean): Uint32Array {
  const across = Math.ceil(w / 4);
  const words = new Uint32Array(Math.ceil(h / 2) * across * lanesOf(c));
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      for (let channel = 0; channel < c; channel++) {
        if (!isOpen(row, column, channel)) continue;
        const word = ((row >> 1) * across + (column >> 2)) * lanesOf(c) + (channel >> 2);
        const bit = ((row % 2) * 4 + (column % 4)) * 4 + (channel % 4);
        words[word] = (words[word]! | (1 << bit)) >>> 0;
      }
    }
  }
  return words;
}

/** Where the gradient of ReLU, and of 2x2 pooling behind it, passes: `x` [h, w, c] is what the ReLU sees. */
export function openings(
  { h, w, c }: Image,
  x: ArrayLike<number>,
  pool?: 'max' | 'average',
): (row: number, column: number, channel: number) => boolean {
  const at = (row: number, column: number, channel: number): number => x[(row * w + column) * c + channel]!;
  return (row, column, channel) => {
    const mine = at(row, column, channel);
    if (!(mine > 0)) return false;
    if (!pool) return true;
    const [top, left] = [row - (row % 2), column - (column % 2)];
    if (top + 1 >= h || left + 1 >= w) return false;
    if (pool === 'average') return true;
    const cells = [[top, left], [top, left + 1], [top + 1, left], [top + 1, left + 1]] as const;
    const first = cells.findIndex(([r, k]) => at(r, k, channel) === Math.max(...cells.map(([i, j]) => at(i, j, channel))));
    return cells[first]![0] === row && cells[first]![1] === column;
  };
}

/** ReLU, then 2x2 pooling: [⌊h / 2⌋, ⌊w / 2⌋, c]. */
export function reluPool({ h, w, c }: Image, x: ArrayLike<number>, pool: 'max' | 'average'): Float64Array {
  const [oh, ow] = [h >> 1, w >> 1];
  const y = new Float64Array(oh * ow * c);
  for (let i = 0; i < y.length; i++) {
    const [row, column, channel] = [Math.floor(i / c / ow), Math.floor(i / c) % ow, i % c];
    const four = [0, 1, 2, 3].map((k) =>
      Math.max(0, x[((2 * row + (k >> 1)) * w + 2 * column + (k & 1)) * c + channel]!),
    );
    y[i] = pool === 'max' ? Math.max(...four) : (four[0]! + four[1]! + four[2]! + four[3]!) / 4;
  }
  return y;
}

/** The gradient dP [⌊h / 2⌋, ⌊w / 2⌋, c] spread over [h, w, c] where it passes; a quarter of it for means. */
export function unpool(
  { h, w, c }: Image,
  dP: ArrayLike<number>,
  isOpen: (row: number, column: number, channel: number) => boolean,
  pool: 'max' | 'average',
): Float64Array {
  const dX = new Float64Array(h * w * c);
  for (let i = 0; i < dX.length; i++) {
    const [row, column, channel] = [Math.floor(i / c / w), Math.floor(i / c) % w, i % c];
    if (!isOpen(row, column, channel)) continue;
    const g = dP[((row >> 1) * (w >> 1) + (column >> 1)) * c + channel]!;
    dX[i] = pool === 'max' ? g : g / 4;
  }
  return dX;
}
