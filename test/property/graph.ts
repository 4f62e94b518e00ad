// A graph that grows on the tape and on the float64 tape (test/oracle/tape.ts) side by side.

import type { Tape, Tensor } from '../../src/autograd/index.ts';
import { leaf, valueOf, type OracleNode, type Values } from '../oracle/tape.ts';
import type { Dice } from './dice.ts';

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

/** Adds itself to a graph, to given operands or to some that fit; undefined where nothing fits. */
export type Op = (graph: Graph, ...operands: Twin[]) => Twin | undefined;

/** Which operands an op takes. */
export const anyTwin = (): boolean => true;
export const isImage = ({ node }: Twin): boolean => node.shape.length === 3;
export const channels = ({ node }: Twin): number => node.shape.at(-1)!;
export const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

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
