// The ops of the tape as random graphs meet them: operands that fit, random settings, and the oracle's rules. Each
// gives its result, or undefined where the graph has nothing that fits.

import * as binary from '../oracle/binary.ts';
import * as copy from '../oracle/copy.ts';
import * as matrix from '../oracle/matmul.ts';
import * as norm from '../oracle/normalize.ts';
import * as reduce from '../oracle/reduce.ts';
import * as statistics from '../oracle/statistics.ts';
import type { Values } from '../oracle/tape.ts';
import * as functions from '../oracle/unary.ts';
import * as variation from '../oracle/total-variation.ts';
import { IMAGE_OPS } from './image-ops.ts';
import { hasSpread, isFarFromZero } from './kinks.ts';
import type { Graph, Twin } from './random-graph.ts';

type Op = (graph: Graph, ...operands: Twin[]) => Twin | undefined;

const anyTwin = (): boolean => true;
const isImage = ({ node }: Twin): boolean => node.shape.length === 3;
const isMatrix = ({ node }: Twin): boolean => node.shape.length === 2;
const channels = ({ node }: Twin): number => node.shape.at(-1)!;
const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
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

const sum: Op = (graph, x = graph.choose(anyTwin)!) =>
  graph.add({
    label: 'sum',
    shape: [1],
    inputs: [x],
    record: (t) => graph.tape.sum(t!),
    forward: (v) => Float64Array.of(reduce.sum(v!)),
    backward: (dY, v) => [new Float64Array(v!.length).fill(dY[0]!)],
  });

const mean: Op = (graph, x = graph.choose(anyTwin)!) =>
  graph.add({
    label: 'mean',
    shape: [1],
    inputs: [x],
    record: (t) => graph.tape.mean(t!),
    forward: (v) => Float64Array.of(reduce.sum(v!) / v!.length),
    backward: (dY, v) => [new Float64Array(v!.length).fill(dY[0]! / v!.length)],
  });

const meanSquared: Op = (graph, x = graph.choose(anyTwin)!, given?: Twin) => {
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

const gram: Op = (graph, x = graph.choose(({ node }) => node.shape.length >= 2)!) => {
  const c = channels(x);
  const factor = Math.fround(graph.dice.pick([1, 0.5, c / count(x.node.shape)]));
  const product = graph.add({
    label: `gram ${factor}`,
    shape: [c, c],
    inputs: [x],
    record: (t) => graph.tape.gram(t!, factor),
    forward: (v) => matrix.gram(c, factor, v!),
    backward: (dY, v) => [matrix.gramBackward(c, factor, dY, v!)],
  });
  // As a style loss has it: a distance to a target, which is fused with the product.
  return product && graph.dice.chance(0.5) ? meanSquared(graph, product, graph.leaf(product.node.shape, 'constant')) : product;
};

const matmul: Op = (graph, a = graph.choose(({ node }) => node.shape.length >= 2)!) => {
  const { dice } = graph;
  const transposeA = isMatrix(a) && dice.chance(0.4);
  const transposeB = dice.chance(0.4);
  const [rows, columns] = [count(a.node.shape) / channels(a), channels(a)];
  const [m, k] = transposeA ? [columns, rows] : [rows, columns];
  const n = dice.pick([1, 2, 3, 4, 5, 8]);
  const shape = transposeB ? [n, k] : [k, n];
  const b = graph.choose((twin) => twin.node.shape.join() === shape.join()) ?? graph.weights(shape, 1);
  const plain = (transposed: boolean, r: number, c: number, v: Values): Values =>
    transposed ? matrix.transpose(r, c, v) : v;
  return graph.add({
    label: `matmul${transposeA ? ' Aᵀ' : ''}${transposeB ? ' Bᵀ' : ''}`,
    shape: transposeA ? [m, n] : [...a.node.shape.slice(0, -1), n],
    inputs: [a, b],
    record: (s, t) => graph.tape.matmul(s!, t!, { transposeA, transposeB }),
    forward: (u, v) => matrix.matmul(m, n, k, plain(transposeA, k, m, u!), plain(transposeB, n, k, v!)),
    backward: (dY, u, v) => {
      const [left, right] = [plain(transposeA, k, m, u!), plain(transposeB, n, k, v!)];
      const dA = matrix.matmul(m, k, n, dY, matrix.transpose(k, n, right));
      const dB = matrix.matmul(k, n, m, matrix.transpose(m, k, left), dY);
      return [plain(transposeA, m, k, dA), plain(transposeB, k, n, dB)];
    },
  });
};

const meanStd: Op = (graph, x = graph.choose(({ node }) => node.shape.length >= 2)!) => {
  const c = channels(x);
  if (!hasSpread(c, graph.valueOf(x))) return undefined;
  const epsilon = 1e-5;
  return graph.add({
    label: 'meanStd',
    shape: [2, c],
    inputs: [x],
    record: (t) => graph.tape.meanStd(t!, { epsilon }),
    forward: (v) => statistics.meanStd(c, epsilon, v!),
    backward: (dY, v) => [statistics.meanStdBackward(c, epsilon, dY, v!)],
  });
};

/** Of a Gram matrix and the identity, whose eigenvalues are from 1 up. */
const sqrtm: Op = (graph, x = graph.choose(({ node }) => node.shape.length >= 2)!) => {
  const c = channels(x);
  if (c > 8) return undefined; // the oracle turns every pair of rows
  const factor = Math.fround(1 / (count(x.node.shape) / c));
  // Newton and Schulz lose what is small beside the largest eigenvalue.
  const largest = matrix.gram(c, factor, graph.valueOf(x)).reduce((sum, v) => sum + Math.abs(v), 0);
  if (largest > 100) return undefined;
  return graph.add({
    label: 'sqrtm(gram + 1)',
    shape: [c, c],
    inputs: [x],
    record: (t) => graph.tape.sqrtm(graph.tape.add(graph.tape.gram(t!, factor), graph.tape.identity(c))),
    forward: (v) => statistics.sqrtm(c, plusOne(c, matrix.gram(c, factor, v!))),
    backward: (dY, v) => {
      const dG = statistics.sqrtmBackward(c, dY, plusOne(c, matrix.gram(c, factor, v!)));
      return [matrix.gramBackward(c, factor, dG, v!)];
    },
  });
};

function plusOne(n: number, values: Float64Array): Float64Array {
  return values.map((v, i) => (i % (n + 1) === 0 ? v + 1 : v));
}

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
  const spread = OPS.sigmoid(graph, graph.weights([c], 1));
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

const reshape: Op = (graph, x = graph.choose(anyTwin)!) => {
  const size = count(x.node.shape);
  const divisors = Array.from({ length: 12 }, (_, i) => i + 1).filter((n) => size % n === 0);
  const last = graph.dice.pick(divisors);
  const shape = graph.dice.pick([[size / last, last], [1, size / last, last], [size]]);
  return graph.add({
    label: 'reshape',
    shape,
    inputs: [x],
    record: (t) => graph.tape.reshape(t!, shape),
    forward: (v) => Float64Array.from(v!),
    backward: (dY) => [dY],
    isExact: x.isExact,
  });
};

const slice: Op = (graph, x = graph.choose(anyTwin)!) => {
  const { shape } = x.node;
  const begin = shape.map((n) => graph.dice.whole(0, n - 1));
  const size = shape.map((n, i) => graph.dice.whole(1, n - begin[i]!));
  return graph.add({
    label: `slice ${begin.join(',')}`,
    shape: size,
    inputs: [x],
    record: (t) => graph.tape.slice(t!, begin, size),
    forward: (v) => copy.slice(shape, begin, size, v!),
    backward: (dY) => [copy.sliceBackward(shape, begin, size, dY)],
    isExact: x.isExact,
  });
};

const concat: Op = (graph, x = graph.choose(anyTwin)!) => {
  const { dice } = graph;
  const axis = dice.whole(0, x.node.shape.length - 1);
  const fits = ({ node }: Twin): boolean =>
    node.shape.length === x.node.shape.length && node.shape.every((n, i) => i === axis || n === x.node.shape[i]);
  const parts = [x, ...Array.from({ length: dice.whole(0, 2) }, () => graph.choose(fits)!)];
  const shapes = parts.map(({ node }) => node.shape);
  const whole = x.node.shape.map((n, i) => (i === axis ? shapes.reduce((total, shape) => total + shape[axis]!, 0) : n));
  return graph.add({
    label: `concat ${axis}`,
    shape: whole,
    inputs: parts,
    record: (...all) => graph.tape.concat(all, axis),
    forward: (...all) => copy.concat(shapes, axis, all),
    backward: (dY) => {
      let offset = 0;
      return shapes.map((shape) => {
        const begin = shape.map((_, i) => (i === axis ? offset : 0));
        offset += shape[axis]!;
        return copy.slice(whole, begin, shape, dY);
      });
    },
    isExact: parts.every((part) => part.isExact),
  });
};

export const OPS = {
  relu: unary('relu'),
  tanh: unary('tanh'),
  sigmoid: unary('sigmoid'),
  square: unary('square'),
  abs: unary('abs'),
  add: pairwise('add'),
  sub: pairwise('sub'),
  mul: pairwise('mul'),
  sum,
  mean,
  meanSquared,
  totalVariation,
  gram,
  matmul,
  meanStd,
  sqrtm,
  normalize,
  instanceNorm,
  reshape,
  slice,
  concat,
  ...IMAGE_OPS,
} as const;
