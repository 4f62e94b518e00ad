// A tape in float64, made of the oracles beside it: graphs of any ops, their values and the gradients of a scalar.

/** Row-major values without padding. */
export type Values = ArrayLike<number>;

/** A value of a graph: a leaf, or what an op makes of its inputs. */
export interface OracleNode {
  readonly shape: readonly number[];
  readonly inputs: readonly OracleNode[];
  readonly forward: (...inputs: Values[]) => Float64Array;
  /** dY and the inputs → d of each input. */
  readonly backward: (dY: Float64Array, ...inputs: Values[]) => readonly Values[];
}

/** Every node's value and, where the scalar depends on it, its gradient. */
export interface Evaluated {
  readonly values: ReadonlyMap<OracleNode, Float64Array>;
  readonly gradients: ReadonlyMap<OracleNode, Float64Array>;
}

/** A leaf. */
export function leaf(shape: readonly number[], values: Values): OracleNode {
  const own = Float64Array.from(values);
  return { shape, inputs: [], forward: () => own, backward: () => [] };
}

/** What one node makes of known inputs. */
export function valueOf(node: OracleNode, known: ReadonlyMap<OracleNode, Float64Array>): Float64Array {
  return node.forward(...node.inputs.map((input) => known.get(input)!));
}

/**
 * Evaluates `nodes`, each behind its inputs, and differentiates the last of them, a scalar. `round` is applied to every
 * result on the way: with Math.fround the difference to a run without it tells how much of the result is rounding.
 */
export function evaluate(nodes: readonly OracleNode[], round?: (value: number) => number): Evaluated {
  const rounded = (made: Values): Float64Array => (round ? Float64Array.from(made, round) : Float64Array.from(made));
  const values = new Map<OracleNode, Float64Array>();
  for (const node of nodes) values.set(node, rounded(valueOf(node, values)));
  const gradients = new Map<OracleNode, Float64Array>([[nodes.at(-1)!, Float64Array.of(1)]]);
  for (const node of [...nodes].reverse()) {
    const dY = gradients.get(node);
    if (!dY || node.inputs.length === 0) continue;
    const terms = node.backward(dY, ...node.inputs.map((input) => values.get(input)!));
    node.inputs.forEach((input, i) => {
      const term = terms[i]!;
      const before = gradients.get(input) ?? new Float64Array(term.length);
      gradients.set(input, rounded(before.map((v, at) => v + term[at]!)));
    });
  }
  return { values, gradients };
}
