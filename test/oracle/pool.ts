// Pooling in float64, as the definition reads; images [h, w, c].

export interface Windows {
  shape: readonly [number, number, number];
  size: readonly [number, number];
  stride: readonly [number, number];
  /** top, right, bottom, left */
  pads: readonly [number, number, number, number];
  countPadding: boolean;
}

/** Calls `visit(index of y, indices of x in the window in scan order)`. */
function everyWindow({ shape: [h, w, c], size, stride, pads }: Windows, visit: (y: number, cells: number[]) => void): number {
  let o = 0;
  for (let top = -pads[0]; top + size[0] <= h + pads[2]; top += stride[0])
    for (let left = -pads[3]; left + size[1] <= w + pads[1]; left += stride[1])
      for (let i = 0; i < c; i++) {
        const cells: number[] = [];
        for (let y = top; y < top + size[0]; y++)
          for (let x = left; x < left + size[1]; x++)
            if (y >= 0 && y < h && x >= 0 && x < w) cells.push((y * w + x) * c + i);
        visit(o++, cells);
      }
  return o;
}

/** The cells of each window, in the order of the output. */
export function outputCells(g: Windows): readonly (readonly number[])[] {
  const all: number[][] = [];
  everyWindow(g, (_, cells) => all.push(cells));
  return all;
}

function firstMaximum(x: ArrayLike<number>, cells: number[]): number {
  let best = cells[0]!;
  for (const cell of cells) if (x[cell]! > x[best]!) best = cell;
  return best;
}

export function maxPool(g: Windows, x: ArrayLike<number>): Float64Array {
  const y: number[] = [];
  everyWindow(g, (o, cells) => (y[o] = x[firstMaximum(x, cells)]!));
  return Float64Array.from(y);
}

export function maxPoolBackward(g: Windows, x: ArrayLike<number>, dY: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(x.length);
  everyWindow(g, (o, cells) => (dX[firstMaximum(x, cells)]! += dY[o]!));
  return dX;
}

function cellsOf(g: Windows, cells: number[]): number {
  return g.countPadding ? g.size[0] * g.size[1] : cells.length;
}

export function avgPool(g: Windows, x: ArrayLike<number>): Float64Array {
  const y: number[] = [];
  everyWindow(g, (o, cells) => (y[o] = cells.reduce((sum, cell) => sum + x[cell]!, 0) / cellsOf(g, cells)));
  return Float64Array.from(y);
}

export function avgPoolBackward(g: Windows, dY: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(g.shape[0] * g.shape[1] * g.shape[2]);
  everyWindow(g, (o, cells) => {
    for (const cell of cells) dX[cell]! += dY[o]! / cellsOf(g, cells);
  });
  return dX;
}
