// Random graphs of tape ops, recorded on the tape and on the float64 tape (test/oracle/tape.ts) side by side. An op is
// taken only where its derivative means something: not where float32 and float64 may fall on different sides of a kink.

import type { Tape, Tensor } from '../../src/autograd/index.ts';
import { leaf, valueOf, type OracleNode, type Values } from '../oracle/tape.ts';
import type { Dice } from './dice.ts';
import { OPS } from './ops.ts';

/** A tensor and its float64 twin. */
export interface Twin {
  readonly tensor: Tensor;
  readonly node: OracleNode;
  readonly kind: 'variable' | 'constant' | 'value';
  /** True where equal values are equal in float32 too: leaves, zeros of a ReLU, and what only moves them. */
  readonly isExact: boolean;
}

/** What an op gives to {@link Graph.add}. */
export interface NewOp {
  readonly label: string;
  readonly shape: readonly number[];
  readonly inputs: readonly Twin[];
  readonly record: (...inputs: Tensor[]) => Tensor;
  readonly forward: (...inputs: Values[]) => Float64Array;
  readonly backward: (dY: Float64Array, ...inputs: Values[]) => readonly Values[];
  readonly isExact?: boolean;
}

/** Values whose RMS leaves this range are scaled back: float32 has no digits to lose. */
const [SMALLEST, LARGEST] = [0.05, 4];
/** Values whose RMS is below this have cancelled out: rounding is all that would be left of them. */
const CANCELLED = 1e-3;
const MOST_ELEMENTS = 3000;

/** A graph that grows op by op. */
export class Graph {
  readonly tape: Tape;
  readonly dice: Dice;
  readonly twins: Twin[] = [];
  /** One line per leaf and op: what a failure shows. */
  readonly text: string[] = [];
  readonly #values = new Map<OracleNode, Float64Array>();
  /** Set while the loss is put together, which takes values of any size. */
  isClosing = false;

  constructor(tape: Tape, dice: Dice) {
    this.tape = tape;
    this.dice = dice;
  }

  valueOf({ node }: Twin): Float64Array {
    return this.#values.get(node)!;
  }

  #name(twin: Twin): string {
    return `t${this.twins.indexOf(twin)}`;
  }

  #push(twin: Twin, text: string): Twin {
    this.twins.push(twin);
    this.#values.set(twin.node, valueOf(twin.node, this.#values));
    this.text.push(`t${this.twins.length - 1} = ${text} [${twin.node.shape.join(', ')}]`);
    return twin;
  }

  /** A variable or constant of random values. */
  leaf(shape: readonly number[], kind: 'variable' | 'constant', spread = 1): Twin {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = this.dice.values(count).map((v) => v * spread);
    return this.#push({ tensor: this.tape[kind](shape, values), node: leaf(shape, values), kind, isExact: true }, kind);
  }

  /** Mostly a variable. */
  weights(shape: readonly number[], spread: number): Twin {
    return this.leaf(shape, this.dice.chance(0.6) ? 'variable' : 'constant', spread);
  }

  /** Records an op; undefined, and nothing happens, where its result is too large, no number, or cancelled out. */
  add({ label, shape, inputs, record, forward, backward, isExact = false }: NewOp): Twin | undefined {
    if (shape.reduce((product, size) => product * size, 1) > MOST_ELEMENTS) return undefined;
    const node: OracleNode = { shape, inputs: inputs.map((twin) => twin.node), forward, backward };
    const value = valueOf(node, this.#values);
    const size = Math.sqrt(value.reduce((sum, v) => sum + v * v, 0) / value.length);
    if (!this.isClosing && !(size < Infinity && (size === 0 || size > CANCELLED))) return undefined;
    const tensor = record(...inputs.map((twin) => twin.tensor));
    const text = `${label}(${inputs.map((input) => this.#name(input)).join(', ')})`;
    const twin = this.#push({ tensor, node, kind: 'value', isExact }, text);
    const isOutside = size > LARGEST || (size > 0 && size < SMALLEST);
    return isOutside && !this.isClosing ? this.scale(twin, Math.fround(1 / size)) : twin;
  }

  scale(x: Twin, factor: number): Twin | undefined {
    return this.add({
      label: `${factor} ·`,
      shape: x.node.shape,
      inputs: [x],
      record: (t) => this.tape.scale(t!, factor),
      forward: (v) => Float64Array.from(v!, (value) => factor * value),
      backward: (dY) => [dY.map((value) => factor * value)],
      isExact: x.isExact,
    });
  }

  /** A value to go on with: often the newest, else any that `fits`. */
  choose(fits: (twin: Twin) => boolean): Twin | undefined {
    const fitting = this.twins.filter(fits);
    if (fitting.length === 0) return undefined;
    return this.dice.chance(0.6) ? fitting.at(-1) : this.dice.pick(fitting);
  }
}

/** A loss: a random weighing of every value that nothing has read yet. */
function close(graph: Graph): Twin {
  const { tape, dice, twins } = graph;
  graph.isClosing = true;
  const read = new Set(twins.flatMap(({ node }) => node.inputs));
  const open = twins.filter(({ node }) => !read.has(node));
  const terms = open.map((twin) => summary(graph, twin));
  // Both ways to a sum of terms: the weighted vector that losses are made of, and plain additions.
  if (dice.chance(0.5)) {
    const weights = graph.leaf([terms.length], 'constant');
    const weighed = graph.add({
      label: 'weigh',
      shape: [terms.length],
      inputs: [...terms, weights],
      record: (...all) => tape.weigh(all.slice(0, -1), all.at(-1)!),
      forward: (...all) => Float64Array.from(terms, (_, i) => all[i]![0]! * all.at(-1)![i]!),
      backward: (dY, ...all) => [
        ...terms.map((_, i) => [dY[i]! * all.at(-1)![i]!]),
        new Float64Array(terms.length), // weights are data there
      ],
    });
    return OPS.sum(graph, weighed!)!;
  }
  return terms.reduce((sum, term) => OPS.add(graph, sum, term)!);
}

/** One number about a value. A random product comes first: some values add up to nothing by construction. */
function summary(graph: Graph, twin: Twin): Twin {
  const { shape } = twin.node;
  if (shape.length === 1 && shape[0] === 1) return twin;
  const { dice } = graph;
  if (dice.chance(0.3)) {
    const distance = OPS.meanSquared(graph, twin, graph.leaf(shape, 'constant'));
    if (distance) return distance;
  }
  const product = OPS.mul(graph, twin, graph.leaf(shape, 'constant'))!;
  return (dice.chance(0.5) ? OPS.sum(graph, product) : OPS.mean(graph, product))!;
}

/** Grows a graph of up to a dozen ops and closes it with a loss, its last twin. */
export function randomGraph(tape: Tape, dice: Dice): Graph {
  const graph = new Graph(tape, dice);
  const side = (): number => dice.pick([1, 2, 3, 4, 5, 7, 8, 9, 11]);
  const images = dice.whole(1, 2);
  for (let i = 0; i < images; i++) graph.leaf([side(), side(), dice.pick([1, 2, 3, 4, 5, 8, 12])], 'variable');
  const kinds = Object.keys(OPS) as (keyof typeof OPS)[];
  const steps = dice.whole(1, 10);
  for (let i = 0; i < steps; i++) OPS[dice.pick(kinds)](graph);
  close(graph);
  return graph;
}
