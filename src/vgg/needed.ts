// Which tensors a network needs up to a layer, told from the nodes alone, before any tensor has
// come: for streams, which cannot go back. Rather too many than too few; topology.ts decides.

import { headOps } from './graph.ts';
import type { OnnxNode } from './onnx-types.ts';
import { isDenseConv, isIdentityPool } from './operators.ts';
import { intsAttribute } from './attributes.ts';

/**
 * Names that nodes up to the layer `upTo` (default: to the classifier) read and no node makes:
 * weights, and the image input.
 */
export function neededTensors(
  nodes: readonly OnnxNode[],
  upTo: string | undefined,
): ReadonlySet<string> {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const names = new Set<string>();
  for (const node of nodes.slice(0, endOf(nodes, upTo))) {
    for (const name of node.inputs) if (name !== '' && !made.has(name)) names.add(name);
  }
  return names;
}

/** The first node that is not needed. All are where the nodes are not in order. */
function endOf(nodes: readonly OnnxNode[], upTo: string | undefined): number {
  if (!areInOrder(nodes)) return nodes.length;
  const isConv = (node: OnnxNode): boolean =>
    node.op === 'Conv' && !isDenseConv(node, intsAttribute(node, 'kernel_shape') ?? []);
  const isPool = ({ op }: OnnxNode): boolean => op === 'MaxPool' || op === 'AveragePool';
  const last = upTo?.replace('relu', 'conv');
  let block = 1;
  let index = 0;
  let isReached = false;
  for (const [i, node] of nodes.entries()) {
    if (isPool(node) && !isIdentityPool(node)) {
      if (isReached) return i;
      if (last === `pool${block}`) return i + 1;
      block++;
      index = 0;
    } else if (isConv(node)) {
      if (isReached) return i;
      // Only a stated 3x3 kernel counts: a layer counted too few is only read too far.
      if (intsAttribute(node, 'kernel_shape')?.every((side) => side === 3)) index++;
      isReached = last === `conv${block}_${index}`;
    }
  }
  const lastConv = nodes.findLastIndex(isConv);
  const behind = behindConvs(nodes);
  const isHead = (node: OnnxNode): boolean => headOps.has(node.op) && behind.has(node);
  const head = nodes.findIndex((node, i) => i > lastConv && isHead(node));
  return head < 0 ? nodes.length : head;
}

/** Nodes that work on activations: a Reshape of a bias is no classifier. */
function behindConvs(nodes: readonly OnnxNode[]): ReadonlySet<OnnxNode> {
  const tensors = new Set<string>();
  const behind = new Set<OnnxNode>();
  for (const node of nodes) {
    const isBehind = node.inputs.some((name) => tensors.has(name));
    if (isBehind) behind.add(node);
    if (isBehind || node.op === 'Conv') for (const name of node.outputs) tensors.add(name);
  }
  return behind;
}

function areInOrder(nodes: readonly OnnxNode[]): boolean {
  const all = new Set(nodes.flatMap((node) => node.outputs));
  const made = new Set<string>();
  for (const node of nodes) {
    if (node.inputs.some((name) => all.has(name) && !made.has(name))) return false;
    for (const name of node.outputs) made.add(name);
  }
  return true;
}
