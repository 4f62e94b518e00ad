// Random graphs of tape ops. An op is taken only where its derivative means something: not where float32 and float64
// may fall on different sides of a kink.

import type { Tape } from '../../src/autograd/index.ts';
import type { Dice } from './dice.ts';
import { add, ELEMENT_OPS, mean, meanSquared, mul, sum } from './element-ops.ts';
import { Graph, type Op, type Twin } from './graph.ts';
import { IMAGE_OPS } from './image-ops.ts';
import { MATRIX_OPS } from './matrix-ops.ts';
import { MOVING_OPS } from './moving-ops.ts';

const OPS: readonly Op[] = [...ELEMENT_OPS, ...MATRIX_OPS, ...MOVING_OPS, ...IMAGE_OPS];

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
    return sum(graph, weighed!)!;
  }
  return terms.reduce((total, term) => add(graph, total, term)!);
}

/** One number about a value. A random product comes first: some values add up to nothing by construction. */
function summary(graph: Graph, twin: Twin): Twin {
  const { shape } = twin.node;
  if (shape.length === 1 && shape[0] === 1) return twin;
  const { dice } = graph;
  if (dice.chance(0.3)) {
    const distance = meanSquared(graph, twin, graph.leaf(shape, 'constant'));
    if (distance) return distance;
  }
  const product = mul(graph, twin, graph.leaf(shape, 'constant'))!;
  return (dice.chance(0.5) ? sum(graph, product) : mean(graph, product))!;
}

/** Grows a graph of up to a dozen ops and closes it with a loss, its last twin. */
export function randomGraph(tape: Tape, dice: Dice): Graph {
  const graph = new Graph(tape, dice);
  const side = (): number => dice.pick([1, 2, 3, 4, 5, 7, 8, 9, 11]);
  const images = dice.whole(1, 2);
  for (let i = 0; i < images; i++) graph.leaf([side(), side(), dice.pick([1, 2, 3, 4, 5, 8, 12])], 'variable');
  const steps = dice.whole(1, 10);
  for (let i = 0; i < steps; i++) dice.pick(OPS)(graph);
  close(graph);
  return graph;
}
