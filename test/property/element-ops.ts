// Elementwise ops, sums and normalisations as random graphs meet them, with the oracle's rules.

import * as binary from '../oracle/binary.ts';
import * as norm from '../oracle/normalize.ts';
import * as reduce from '../oracle/reduce.ts';
import * as functions from '../oracle/unary.ts';
import * as variation from '../oracle/total-variation.ts';
import { anyTwin, channels, count, isImage, type Op, type Twin } from './graph.ts';
import { hasSpread, isFarFromZero } from './kinks.ts';

const same = (a: Twin, b: Twin): boolean => a.node.shape.join() === b.node.shape.join();

function unary(name: 'relu' | 'tanh' | 'sigmoid' | 'square' | 'abs'): Op {
  const { value, slope } = functions[name];
  return (graph, x = graph.choose(anyTwin)!) => {
    const hasKink = name === 'relu' || name === 'abs';
    if (hasKink && !isFarFromZero(graph.valueOf(x), x.isExact)) return undefined;
    return graph.add({
      label: name,
      shape: x.node.shape,
      inputs: [x],
      record: (t) => graph.tape[name](t!),
      forward: (v) => Float64Array.from(v!, value),
      backward: (dY, v) => [dY.map((d, i) => d * slope(v![i]!))],
      isExact: name === 'relu' && x.isExact,
    });
  };
}

const sigmoid = unary('sigmoid');

/** With another value of the shape, itself, a value per channel, or a scalar. */
function pairwise(op: binary.BinaryOp): Op {
  return (graph, x = graph.choose(anyTwin)!, given?: Twin) => {
    const { dice } = graph;
    const other = (): Twin => {
      const found = graph.choose((twin) => same(twin, x));
      if (found && dice.chance(0.5)) return found;
      return graph.weights(dice.pick([x.node.shape, [channels(x)], [1]]), 1);
    };
    const operands: readonly Twin[] = given ? [x, given] : dice.chance(0.8) ? [x, other()] : [other(), x];
    const [a, b] = operands as [Twin, Twin];
    const larger = count(a.node.shape) >= count(b.node.shape) && a.node.shape.length >= b.node.shape.length ? a : b;
    const c = channels(larger);
    return graph.add({
      label: op,
      shape: larger.node.shape,
      inputs: [a, b],
      record: (s, t) => graph.tape[op](s!, t!),
      forward: (u, v) => binary.binary(op, c, u!, v!),
      backward: (dY, u, v) => binary.binaryBackward(op, c, dY, u!, v!),
    });
  };
}

export const add: Op = pairwise('add');
export const mul: Op = pairwise('mul');

export const sum: Op = (graph, x = graph.choose(anyTwin)!) =>
  graph.add({
    label: 'sum',
    shape: [1],
    inputs: [x],
    record: (t) => graph.tape.sum(t!),
    forward: (v) => Float64Array.of(reduce.sum(v!)),
    backward: (dY, v) => [new Float64Array(v!.length).fill(dY[0]!)],
  });

export const mean: Op = (graph, x = graph.choose(anyTwin)!) =>
  graph.add({
    label: 'mean',
    shape: [1],
    inputs: [x],
    record: (t) => graph.tape.mean(t!),
    forward: (v) => Float64Array.of(reduce.sum(v!) / v!.length),
    backward: (dY, v) => [new Float64Array(v!.length).fill(dY[0]! / v!.length)],
  });

export const meanSquared: Op = (graph, x = graph.choose(anyTwin)!, given?: Twin) => {
  const target = given ?? (graph.dice.chance(0.5) ? graph.choose((twin) => same(twin, x) && twin !== x) : undefined);
  const negative = (v: Float64Array): Float64Array => v.map((d) => -d);
  return graph.add({
    label: 'meanSquared',
    shape: [1],
    inputs: target ? [x, target] : [x],
    record: (t, u) => graph.tape.meanSquared(t!, u),
    forward: (v, u) => Float64Array.of(reduce.meanSquared(v!, u)),
    backward: (dY, v, u) => {
      const dX = reduce.meanSquaredBackward(dY[0]!, v!, u);
      return u ? [dX, negative(dX)] : [dX];
    },
  });
};

const totalVariation: Op = (graph, x = graph.choose(isImage)!) => {
  const form = graph.dice.pick(['squared', 'absolute', 'power', 'nine-point', 'mean-squared'] as const);
  const { shape } = x.node;
  // Differences near 0: a kink of the first, and of the power's second derivative.
  const isPlain = x.kind !== 'value' && shape[0]! > 1 && shape[1]! > 1;
  if (!isPlain && form !== 'squared' && form !== 'nine-point') return undefined;
  return graph.add({
    label: `totalVariation ${form}`,
    shape: [1],
    inputs: [x],
    record: (t) => graph.tape.totalVariation(t!, { form }),
    forward: (v) => Float64Array.of(variation.totalVariation(shape, form, v!)),
    backward: (dY, v) => [variation.totalVariationBackward(shape, form, dY[0]!, v!)],
  });
};

const normalize: Op = (graph, x = graph.choose(anyTwin)!) => {
  const { dice } = graph;
  const c = channels(x);
  const numbers = Array.from({ length: c }, () => Math.fround(0.5 + dice.next()));
  if (dice.chance(0.5)) {
    return graph.add({
      label: 'normalize by numbers',
      shape: x.node.shape,
      inputs: [x],
      record: (t) => graph.tape.normalize(t!, { mean: numbers, std: numbers }),
      forward: (v) => norm.normalize(v!, numbers, numbers),
      backward: (dY, v) => norm.normalizeBackward(dY, v!, numbers, numbers).slice(0, 1),
    });
  }
  const center = graph.weights([c], 1);
  const spread = sigmoid(graph, graph.weights([c], 1));
  return graph.add({
    label: 'normalize',
    shape: x.node.shape,
    inputs: [x, center, spread!],
    record: (t, u, s) => graph.tape.normalize(t!, { mean: u!, std: s! }),
    forward: (v, u, s) => norm.normalize(v!, u!, s!),
    backward: (dY, v, u, s) => norm.normalizeBackward(dY, v!, u!, s!),
  });
};

const instanceNorm: Op = (graph, x = graph.choose(isImage)!) => {
  const c = channels(x);
  if (!hasSpread(c, graph.valueOf(x))) return undefined;
  const [scale, bias] = [graph.weights([c], 1), graph.weights([c], 1)];
  return graph.add({
    label: 'instanceNorm',
    shape: x.node.shape,
    inputs: [x, scale, bias],
    record: (t, s, b) => graph.tape.instanceNorm(t!, { scale: s, bias: b }),
    forward: (v, s, b) => norm.instanceNorm(1e-5, v!, s!, b!),
    backward: (dY, v, s) => norm.instanceNormBackward(1e-5, dY, v!, s!),
  });
};

export const ELEMENT_OPS: readonly Op[] = [
  ...[unary('relu'), unary('tanh'), sigmoid, unary('square'), unary('abs')],
  ...[add, pairwise('sub'), mul],
  ...[sum, mean, meanSquared, totalVariation, normalize, instanceNorm],
];
