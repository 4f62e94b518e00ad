// Enlarging an image [h, w, c] in float64, as PyTorch defines it (align_corners = false), and its transpose.

export interface Enlargement {
  shape: readonly [number, number, number];
  factor: readonly [number, number];
  mode: 'nearest' | 'bilinear';
}

/** Elements of an axis of n that output p sees, with their weights. */
function seen(p: number, n: number, factor: number, mode: Enlargement['mode']): [number, number][] {
  if (mode === 'nearest') return [[Math.floor(p / factor), 1]];
  const place = Math.max(0, (p + 0.5) / factor - 0.5);
  const near = Math.floor(place);
  return [[near, 1 - (place - near)], [Math.min(near + 1, n - 1), place - near]];
}

/** Calls `visit(index of y, index of x, weight)`. */
function everyPair({ shape: [h, w, c], factor, mode }: Enlargement, visit: (y: number, x: number, weight: number) => void): void {
  const width = w * factor[1];
  for (let py = 0; py < h * factor[0]; py++)
    for (let px = 0; px < width; px++)
      for (const [sy, wy] of seen(py, h, factor[0], mode))
        for (const [sx, wx] of seen(px, w, factor[1], mode))
          for (let i = 0; i < c; i++) visit((py * width + px) * c + i, (sy * w + sx) * c + i, wy * wx);
}

export function upsample(g: Enlargement, x: ArrayLike<number>): Float64Array {
  const y = new Float64Array(x.length * g.factor[0] * g.factor[1]);
  everyPair(g, (o, s, weight) => (y[o]! += weight * x[s]!));
  return y;
}

export function upsampleBackward(g: Enlargement, dY: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(dY.length / (g.factor[0] * g.factor[1]));
  everyPair(g, (o, s, weight) => (dX[s]! += weight * dY[o]!));
  return dX;
}
