// Questions to a graph: where does the picture come in, who reads a tensor. Nothing is interpreted
// here: constants.ts finds constants, operators.ts reads nodes, topology.ts walks them.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { OnnxGraph, OnnxNode } from './onnx-types.ts';

/** Operators after which a classifier begins, provided that no convolution follows. */
export const headOps: ReadonlySet<string> = new Set([
  'Flatten',
  'Reshape',
  'Gemm',
  'MatMul',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'ReduceMean',
  'ReduceMax',
  'Squeeze',
  'Transpose',
  'Softmax',
]);

/**
 * The one operator that reads `tensor`; undefined at the end of the graph. Size queries (Shape) do
 * not count.
 */
export function nextNode(
  graph: OnnxGraph,
  tensor: string,
  where: string,
  isReached: boolean,
): OnnxNode | undefined {
  const readers = (graph.readers.get(tensor) ?? []).filter((node) => node.op !== 'Shape');
  if (readers.length < 2) return readers[0];
  // A classifier may branch as it likes, and so may whatever follows the last layer asked for.
  if (isReached || readers.every((node) => headOps.has(node.op) && !leadsToConv(graph, node))) {
    return readers.find((node) => headOps.has(node.op));
  }
  const others = readers.slice(1).map((node) => node.label);
  throw unsupported(
    readers[0]!,
    `the same input as ${others.join(', ')}: the graph branches`,
    where,
  );
}

/** Whether any convolution depends on `start`'s output. */
export function leadsToConv(graph: OnnxGraph, start: OnnxNode): boolean {
  const reached = new Set([start]);
  // A Set grows while it is iterated: this visits every node downstream once.
  for (const node of reached) {
    for (const name of node.outputs) {
      for (const reader of graph.readers.get(name) ?? []) {
        if (reader.op === 'Conv' || reader.op === 'ConvTranspose') return true;
        reached.add(reader);
      }
    }
  }
  return false;
}

/**
 * The name of the picture among the graph's inputs: the only one, or the only one with four axes.
 */
export function imageInput(graph: OnnxGraph, where: string): string {
  const { inputs } = graph;
  const pictures = inputs.length > 1 ? inputs.filter((input) => input.dims?.length === 4) : inputs;
  if (pictures.length === 1) return pictures[0]!.name;
  const names = inputs.map((input) => `'${input.name}'`).join(', ') || 'none';
  throw new WgpuStyleError('bad-model', {
    what: `no single image input: got ${names}, need one with shape [n, 3, h, w]`,
    where,
    fix: 'Export the model with one picture as its input',
  });
}

/** `bad-model` for a chain that comes back to where it was. */
export function cyclic(node: OnnxNode, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `the graph runs in a circle through ${node.label}`,
    where,
    fix: 'Export the model again',
  });
}

/** `unsupported-op`, naming the node, its operator and what it asked for. */
export function unsupported(node: OnnxNode, what: string, where: string): WgpuStyleError {
  return new WgpuStyleError('unsupported-op', {
    what: `not a VGG: ${node.label} has ${what}`,
    where,
    fix: 'Give a VGG-11, -13, -16 or -19 (3x3 Conv, Relu, 2x2 pools), or stop before with upTo',
  });
}
