// What exporters put around a network without changing its numbers: pictures turned from channels
// last to channels first (TensorFlow), and red and blue swapped.

import { intAttribute, intsAttribute } from './attributes.ts';
import { findConstant } from './constants.ts';
import { leadsToConv, unsupported } from './graph.ts';
import type { OnnxGraph, OnnxNode } from './onnx-types.ts';
import type { Affine, Layout } from './operators.ts';
import type { Triple } from './preprocessing.ts';
import { tensorIntegers } from './tensor.ts';

/**
 * The layout behind a Transpose that moves the channels to the other end; undefined for any other
 * node, and for a Transpose that belongs to the classifier.
 */
export function transposeOf(
  graph: OnnxGraph,
  node: OnnxNode,
  layout: Layout,
  where: string,
): Layout | undefined {
  if (node.op !== 'Transpose' || !leadsToConv(graph, node)) return undefined;
  const perm = intsAttribute(node, 'perm')?.join();
  if (perm === '0,3,1,2' && layout === 'nhwc') return 'nchw';
  if (perm === '0,2,3,1' && layout === 'nchw') return 'nhwc';
  throw unsupported(node, `perm [${perm ?? ''}], need one that moves the channels`, where);
}

/** Where the picture's channels are: last when the first Transpose behind it brings them first. */
export function layoutOfInput(graph: OnnxGraph, image: string): Layout {
  let tensor = image;
  for (let step = 0; step < 32; step++) {
    const node = graph.readers.get(tensor)?.find(({ op }) => op !== 'Shape');
    if (!node || node.op === 'Conv') break;
    if (node.op === 'Transpose') {
      return intsAttribute(node, 'perm')?.join() === '0,3,1,2' ? 'nhwc' : 'nchw';
    }
    tensor = node.outputs[0] ?? '';
  }
  return 'nchw';
}

/** A Gather of channels 2, 1, 0 or a Slice that runs backwards over them; else undefined. */
export function reversalOf(
  graph: OnnxGraph,
  node: OnnxNode,
  layout: Layout,
  where: string,
): (Affine & { readonly from: Triple }) | undefined {
  const axis = layout === 'nchw' ? 1 : 3;
  const isChannelAxis = (given: number | undefined): boolean =>
    given === axis || given === axis - 4;
  const list = (index: number): readonly number[] | undefined => {
    const tensor = findConstant(graph, node.inputs[index] ?? '', where);
    return tensor && tensorIntegers(tensor, where);
  };
  const isReversal =
    (node.op === 'Gather' &&
      isChannelAxis(intAttribute(node, 'axis', 0)) &&
      list(1)?.join() === '2,1,0') ||
    (node.op === 'Slice' && isBackwards(list(1), list(2), list(3), list(4), isChannelAxis));
  return isReversal ? { from: [2, 1, 0], scale: [1], shift: [0] } : undefined;
}

/** Starts, ends, axes and steps of a Slice that keeps everything and turns the channels round. */
function isBackwards(
  starts: readonly number[] | undefined,
  ends: readonly number[] | undefined,
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
  isChannelAxis: (axis: number | undefined) => boolean,
): boolean {
  if (!starts || !ends || !steps) return false;
  return steps.every((step, i) => {
    const axis = axes ? axes[i] : i;
    const [start, end] = [starts[i] ?? Number.NaN, ends[i] ?? Number.NaN];
    if (isChannelAxis(axis)) return step === -1 && (start === -1 || start >= 2) && end < -3;
    return step === 1 && start === 0 && end >= 2 ** 31 - 1;
  });
}
