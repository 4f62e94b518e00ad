// Concatenation and slices, as the definitions read; row-major values without padding.

/** Calls `visit(multi-index, linear index)` for every element of a shape. */
export function everyElement(shape: readonly number[], visit: (index: number[], at: number) => void): void {
  const count = shape.reduce((product, size) => product * size, 1);
  for (let at = 0; at < count; at++) {
    const index: number[] = [];
    let rest = at;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    visit(index, at);
  }
}

export function linear(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((at, size, axis) => at * size + index[axis]!, 0);
}

export function slice(
  shape: readonly number[],
  begin: readonly number[],
  size: readonly number[],
  x: ArrayLike<number>,
): Float64Array {
  const y: number[] = [];
  everyElement(size, (index, at) => (y[at] = x[linear(shape, index.map((i, axis) => i + begin[axis]!))]!));
  return Float64Array.from(y);
}

export function sliceBackward(
  shape: readonly number[],
  begin: readonly number[],
  size: readonly number[],
  dY: ArrayLike<number>,
): Float64Array {
  const dX = new Float64Array(shape.reduce((product, n) => product * n, 1));
  everyElement(size, (index, at) => (dX[linear(shape, index.map((i, axis) => i + begin[axis]!))] = dY[at]!));
  return dX;
}

export function concat(shapes: readonly (readonly number[])[], axis: number, parts: readonly ArrayLike<number>[]): Float64Array {
  const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
  const whole = shapes[0]!.map((size, i) => (i === axis ? total : size));
  const y = new Float64Array(whole.reduce((product, n) => product * n, 1));
  let offset = 0;
  shapes.forEach((shape, part) => {
    everyElement(shape, (index, at) => {
      y[linear(whole, index.map((i, a) => (a === axis ? i + offset : i)))] = parts[part]![at]!;
    });
    offset += shape[axis]!;
  });
  return y;
}
