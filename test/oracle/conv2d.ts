// Convolution in float64, written as the definition reads. NHWC without batch; weights [kh, kw, cin, cout].

export type Mode = 'zero' | 'replicate' | 'reflect' | 'wrap';

export interface Geometry {
  h: number;
  w: number;
  cin: number;
  cout: number;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  /** top, right, bottom, left */
  pad: [number, number, number, number];
  mode: Mode;
}

export function outputSize(g: Geometry): [number, number] {
  const size = (n: number, axis: 0 | 1, pads: number): number =>
    Math.floor((n + pads - g.dilation[axis] * (g.kernel[axis] - 1) - 1) / g.stride[axis]) + 1;
  return [size(g.h, 0, g.pad[0] + g.pad[2]), size(g.w, 1, g.pad[1] + g.pad[3])];
}

/** Where index i of an axis of n elements lies, or -1 outside under zero padding. */
export function outside(i: number, n: number, mode: Mode): number {
  if (i >= 0 && i < n) return i;
  if (mode === 'zero') return -1;
  if (mode === 'replicate') return i < 0 ? 0 : n - 1;
  if (mode === 'wrap') return ((i % n) + n) % n;
  return i < 0 ? -i : 2 * (n - 1) - i;
}

/** Calls `visit(x index, weight index, y index)` for every product of the convolution. */
function everyProduct(g: Geometry, visit: (x: number, k: number, y: number) => void): void {
  const [oh, ow] = outputSize(g);
  const [kh, kw] = g.kernel;
  for (let py = 0; py < oh; py++)
    for (let px = 0; px < ow; px++)
      for (let ky = 0; ky < kh; ky++)
        for (let kx = 0; kx < kw; kx++) {
          const sy = outside(py * g.stride[0] + ky * g.dilation[0] - g.pad[0], g.h, g.mode);
          const sx = outside(px * g.stride[1] + kx * g.dilation[1] - g.pad[3], g.w, g.mode);
          if (sy < 0 || sx < 0) continue;
          for (let i = 0; i < g.cin; i++)
            for (let o = 0; o < g.cout; o++)
              visit(
                (sy * g.w + sx) * g.cin + i,
                ((ky * kw + kx) * g.cin + i) * g.cout + o,
                (py * ow + px) * g.cout + o,
              );
        }
}

export function conv2d(g: Geometry, x: ArrayLike<number>, k: ArrayLike<number>, bias?: ArrayLike<number>): Float64Array {
  const [oh, ow] = outputSize(g);
  const y = new Float64Array(oh * ow * g.cout);
  if (bias) for (let i = 0; i < y.length; i++) y[i] = bias[i % g.cout]!;
  everyProduct(g, (xi, ki, yi) => (y[yi]! += x[xi]! * k[ki]!));
  return y;
}

export function conv2dBackwardData(g: Geometry, dY: ArrayLike<number>, k: ArrayLike<number>): Float64Array {
  const dX = new Float64Array(g.h * g.w * g.cin);
  everyProduct(g, (xi, ki, yi) => (dX[xi]! += dY[yi]! * k[ki]!));
  return dX;
}

export function conv2dBackwardWeights(g: Geometry, x: ArrayLike<number>, dY: ArrayLike<number>): Float64Array {
  const dW = new Float64Array(g.kernel[0] * g.kernel[1] * g.cin * g.cout);
  everyProduct(g, (xi, ki, yi) => (dW[ki]! += x[xi]! * dY[yi]!));
  return dW;
}

/** Swaps the channel axes of weights [kh, kw, a, b]. */
export function swapChannels(taps: number, a: number, b: number, k: ArrayLike<number>): Float64Array {
  const out = new Float64Array(taps * a * b);
  for (let t = 0; t < taps; t++)
    for (let i = 0; i < a; i++) for (let o = 0; o < b; o++) out[(t * b + o) * a + i] = k[(t * a + i) * b + o]!;
  return out;
}
