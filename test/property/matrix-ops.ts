// Products, statistics and roots of matrices as random graphs meet them, with the oracle's rules.

import * as matrix from '../oracle/matmul.ts';
import * as statistics from '../oracle/statistics.ts';
import type { Values } from '../oracle/tape.ts';
import { meanSquared } from './element-ops.ts';
import { channels, count, type Op, type Twin } from './graph.ts';
import { hasSpread } from './kinks.ts';

const isMatrix = ({ node }: Twin): boolean => node.shape.length === 2;

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

export const MATRIX_OPS: readonly Op[] = [gram, matmul, meanStd, sqrtm];
