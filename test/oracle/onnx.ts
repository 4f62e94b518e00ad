// ONNX graphs in float64, one plain loop per operator, as the operator specification words them.

/** A tensor. */
export interface Array64 {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** A node with its attributes as plain values. */
export interface PlainNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

const size = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

function indexOf(flat: number, dims: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = dims.length - 1, rest = flat; axis >= 0; axis--) {
    index[axis] = rest % dims[axis]!;
    rest = Math.floor(rest / dims[axis]!);
  }
  return index;
}

function flatOf(index: readonly number[], dims: readonly number[]): number {
  return index.reduce((flat, at, axis) => flat * dims[axis]! + at, 0);
}

function build(dims: readonly number[], value: (index: number[]) => number): Array64 {
  return { dims, data: Array.from({ length: size(dims) }, (_, i) => value(indexOf(i, dims))) };
}

function at({ dims, data }: Array64, index: readonly number[]): number {
  const isInside = index.every((i, axis) => i >= 0 && i < dims[axis]!);
  return isInside ? data[flatOf(index, dims)]! : 0;
}

/** NumPy's rule: shapes are aligned at their ends, sides of 1 repeat. */
function broadcast(a: Array64, b: Array64, f: (x: number, y: number) => number): Array64 {
  const rank = Math.max(a.dims.length, b.dims.length);
  const side = ({ dims }: Array64, axis: number): number => dims[axis - rank + dims.length] ?? 1;
  const dims = Array.from({ length: rank }, (_, axis) => Math.max(side(a, axis), side(b, axis)));
  const pick = (x: Array64, index: number[]): number =>
    at(
      x,
      index.slice(rank - x.dims.length).map((i, axis) => (x.dims[axis] === 1 ? 0 : i)),
    );
  return build(dims, (index) => f(pick(a, index), pick(b, index)));
}

/** [top, left, bottom, right]. */
function padsOf(attributes: PlainNode['attributes'], kernel: readonly number[]): readonly number[] {
  // With stride 1 SAME means an output of the input's size; the odd pixel goes to the end.
  if (attributes['auto_pad'] === 'SAME_UPPER') {
    const [h, w] = kernel.map((side) => side - 1) as [number, number];
    return [Math.floor(h / 2), Math.floor(w / 2), Math.ceil(h / 2), Math.ceil(w / 2)];
  }
  return (attributes['pads'] as readonly number[] | undefined) ?? [0, 0, 0, 0];
}

const operators: Readonly<
  Record<string, (inputs: readonly Array64[], attributes: PlainNode['attributes']) => Array64>
> = {
  Identity: ([x]) => x!,
  Cast: ([x]) => x!,
  Dropout: ([x]) => x!,
  Relu: ([x]) => ({ dims: x!.dims, data: x!.data.map((value) => Math.max(0, value)) }),
  Add: ([a, b]) => broadcast(a!, b!, (x, y) => x + y),
  Sub: ([a, b]) => broadcast(a!, b!, (x, y) => x - y),
  Mul: ([a, b]) => broadcast(a!, b!, (x, y) => x * y),
  Div: ([a, b]) => broadcast(a!, b!, (x, y) => x / y),
  Transpose: ([x], { perm }) => {
    const order = perm as readonly number[];
    const dims = order.map((axis) => x!.dims[axis]!);
    return build(dims, (index) => {
      const from: number[] = [];
      order.forEach((axis, i) => (from[axis] = index[i]!));
      return at(x!, from);
    });
  },
  Reshape: ([x, shape]) => {
    const rest = size(x!.dims) / size(shape!.data.filter((side) => side > 0));
    return { dims: shape!.data.map((side) => (side < 0 ? rest : side)), data: x!.data };
  },
  Unsqueeze: ([x], { axes }) => {
    const dims = [...x!.dims];
    for (const axis of axes as readonly number[]) dims.splice(axis, 0, 1);
    return { dims, data: x!.data };
  },
  Gather: ([x, indices], { axis }) => {
    const dims = x!.dims.map((side, i) => (i === axis ? indices!.data.length : side));
    return build(dims, (index) =>
      at(
        x!,
        index.map((i, k) => (k === axis ? indices!.data[i]! : i)),
      ),
    );
  },
  /** Only the whole of one axis, backwards. */
  Slice: ([x, , , axes]) => {
    const axis = axes!.data[0]!;
    return build(x!.dims, (index) =>
      at(
        x!,
        index.map((i, k) => (k === axis ? x!.dims[axis]! - 1 - i : i)),
      ),
    );
  },
  Conv: ([x, w, b], attributes) => {
    const [n, , h, width] = x!.dims as [number, number, number, number];
    const [cout, cin, kh, kw] = w!.dims as [number, number, number, number];
    const [top, left, bottom, right] = padsOf(attributes, [kh, kw]) as [
      number,
      number,
      number,
      number,
    ];
    const dims = [n, cout, h + top + bottom - kh + 1, width + left + right - kw + 1];
    return build(dims, ([i, co, y, column]) => {
      let sum = b?.data[co!] ?? 0;
      for (let ci = 0; ci < cin; ci++)
        for (let dy = 0; dy < kh; dy++)
          for (let dx = 0; dx < kw; dx++)
            sum += at(x!, [i!, ci, y! + dy - top, column! + dx - left]) * at(w!, [co!, ci, dy, dx]);
      return sum;
    });
  },
  BatchNormalization: ([x, scale, bias, mean, variance], { epsilon }) =>
    build(x!.dims, (index) => {
      const c = index[1]!;
      const deviation = Math.sqrt(variance!.data[c]! + (epsilon as number));
      return ((at(x!, index) - mean!.data[c]!) / deviation) * scale!.data[c]! + bias!.data[c]!;
    }),
  MaxPool: ([x]) => pool(x!, (values) => Math.max(...values)),
  AveragePool: ([x]) => pool(x!, (values) => values.reduce((a, b) => a + b) / values.length),
};

/** Windows of 2x2 with stride 2, sizes rounded down. */
function pool(x: Array64, reduce: (values: number[]) => number): Array64 {
  const [n, c, h, w] = x.dims as [number, number, number, number];
  return build([n, c, Math.floor(h / 2), Math.floor(w / 2)], ([i, k, y, column]) =>
    reduce([0, 1, 2, 3].map((j) => at(x, [i!, k!, 2 * y! + (j >> 1), 2 * column! + (j & 1)]))),
  );
}

/** Every tensor of a graph whose nodes are in order, by name. */
export function runGraph(
  nodes: readonly PlainNode[],
  given: ReadonlyMap<string, Array64>,
): ReadonlyMap<string, Array64> {
  const values = new Map(given);
  for (const { op, inputs, output, attributes } of nodes) {
    const operator = operators[op];
    if (!operator) throw new Error(`no oracle for ${op}`);
    values.set(
      output,
      operator(
        inputs.map((name) => values.get(name)!),
        attributes,
      ),
    );
  }
  return values;
}
