// Finds the VGG in a graph: from the image input along Conv, Relu and pools to the classifier.
// Nothing is read from names; layers get the literature's. Weights are decoded only for layers that
// are kept, batch norm and other per-channel arithmetic after a convolution is folded into it, the
// same before the first one becomes preprocessing.

import { WgpuStyleError } from '../gpu/errors.ts';
import { decodeConv, frontConv, type ConvStep } from './folding.ts';
import { findConstant, needConstant } from './constants.ts';
import { layoutOfInput, reversalOf, transposeOf } from './front.ts';
import { cyclic, headOps, imageInput, leadsToConv, nextNode, unsupported } from './graph.ts';
import { unknownLayer, type Layer, type LayerPadding, type Pooling } from './layers.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './onnx-types.ts';
import {
  affineOf,
  convPads,
  isDenseConv,
  isIdentityPool,
  paddingOf,
  poolingOf,
  type Affine,
} from './operators.ts';
import type { ChannelAffine, Triple } from './preprocessing.ts';
import { tensorBytes, tensorDims } from './tensor.ts';

type Step =
  | ConvStep
  | { readonly kind: 'relu'; readonly name: string }
  | { readonly kind: 'pool'; readonly name: string; readonly pooling: Pooling };

/** The network in a graph, and the affine map found before its first convolution, if any. */
export interface FoundNetwork {
  readonly layers: readonly Layer[];
  readonly front: ChannelAffine | undefined;
}

const passThrough: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'Cast']);

/**
 * The layers of the VGG in `graph`, up to and including `upTo` or else to the classifier. Throws
 * `unsupported-op` naming the first node that no VGG has, `bad-model` when there is no chain at
 * all, `bad-option` when `upTo` is not in it. `onPlan` is told how many bytes of weights are still
 * to be read.
 */
export async function findNetwork(
  graph: OnnxGraph,
  upTo: string | undefined,
  where: string,
  onPlan?: (bytes: number) => void,
): Promise<FoundNetwork> {
  const { steps, front } = await walk(graph, upTo, where);
  if (!steps.some((step) => step.kind === 'conv')) {
    throw new WgpuStyleError('bad-model', {
      what: `no convolution follows the image input '${imageInput(graph, where)}'`,
      where,
      fix: 'Give the ONNX file of a VGG-11, -13, -16 or -19',
    });
  }
  if (upTo !== undefined && !steps.some((step) => step.name === upTo)) {
    throw unknownLayer(steps, upTo, where);
  }
  onPlan?.(steps.reduce((sum, step) => sum + unreadBytes(graph, step, where), 0));
  const layers: Layer[] = [];
  // One after the other: each needs a few times its size while it is turned.
  for (const [i, step] of steps.entries()) {
    if (step.kind !== 'conv') layers.push(step);
    else {
      const isLast = !isSharedLater(graph, step, steps.slice(i + 1), where);
      layers.push(await decodeConv(graph, step, where, isLast));
      if (isLast) weightOf(graph, step, where)?.release?.();
    }
  }
  return { layers, front };
}

/** Bytes of a layer's weights that are still in the file. */
function unreadBytes(graph: OnnxGraph, step: Step, where: string): number {
  const weight = step.kind === 'conv' ? weightOf(graph, step, where) : undefined;
  return weight?.load ? tensorBytes(weight, where) : 0;
}

/** Whether a later convolution has the same weights. */
function isSharedLater(
  graph: OnnxGraph,
  step: ConvStep,
  later: readonly Step[],
  where: string,
): boolean {
  const release = weightOf(graph, step, where)?.release;
  return later.some(
    (other) => other.kind === 'conv' && weightOf(graph, other, where)?.release === release,
  );
}

function weightOf(graph: OnnxGraph, { node }: ConvStep, where: string): OnnxTensor | undefined {
  return findConstant(graph, node.inputs[1] ?? '', where);
}

async function walk(
  graph: OnnxGraph,
  upTo: string | undefined,
  where: string,
): Promise<{ steps: readonly Step[]; front: ChannelAffine | undefined }> {
  const steps: Step[] = [];
  const visited = new Set<OnnxNode>();
  let tensor = imageInput(graph, where);
  let front: ChannelAffine | undefined;
  let pad: { readonly node: OnnxNode; readonly padding: LayerPadding } | undefined;
  let layout = layoutOfInput(graph, tensor);
  let block = 1;
  let index = 0;

  for (;;) {
    const isReached = upTo !== undefined && steps.at(-1)?.name === upTo;
    if (isReached && steps.at(-1)?.kind !== 'conv') break;
    const node = nextNode(graph, tensor, where, isReached);
    if (!node) break;
    if (visited.has(node)) throw cyclic(node, where);
    visited.add(node);
    const last = steps.at(-1);

    if (passThrough.has(node.op)) {
      tensor = node.outputs[0] ?? '';
      continue;
    }
    const turned = pad ? undefined : transposeOf(graph, node, layout, where);
    if (turned) {
      layout = turned;
      tensor = node.outputs[0] ?? '';
      continue;
    }
    const reversal = last ? undefined : reversalOf(graph, node, layout, where);
    if (reversal) {
      front = composeFront(front, reversal, node, where);
      tensor = node.outputs[0] ?? '';
      continue;
    }
    const affine = affineOf(graph, node, tensor, layout, where);
    if (affine && !pad && (last === undefined || last.kind === 'conv')) {
      if (last === undefined) front = composeFront(front, affine, node, where);
      else last.affines.push(checkedAffine(affine, last.cout, node, where));
      tensor = node.outputs[0] ?? '';
      continue;
    }
    // Everything below opens a new layer; what belonged to the last wanted one is folded by now.
    if (isReached) break;
    if (layout === 'nhwc' && !['Relu', ...headOps].includes(node.op)) {
      throw unsupported(node, 'channels on the last axis, need a Transpose before it', where);
    }

    if (node.op === 'Conv') {
      const dims = tensorDims(needConstant(graph, node, 1, 'weight', where), where);
      if (block > 5 && isDenseConv(node, dims.slice(2))) break;
      const step = convStep(graph, node, dims, pad?.padding, where);
      checkChannels(step, steps, where);
      const colour = last === undefined && !pad ? await frontConv(graph, step, where) : undefined;
      if (colour) front = composeFront(front, colour, node, where);
      else if (step.kernel[0] === 1) {
        if (last !== undefined || pad) throw unsupported(node, 'kernel 1x1, need 3x3', where);
        steps.push({ ...step, name: 'conv0' });
      } else {
        index++;
        steps.push({ ...step, name: `conv${block}_${index}` });
      }
      pad = undefined;
    } else if (pad) {
      throw unsupported(pad.node, `no 3x3 Conv directly after it, but ${node.label}`, where);
    } else if (node.op === 'Pad') {
      const padding = paddingOf(graph, node, where);
      if (padding) pad = { node, padding };
    } else if (node.op === 'Relu') {
      if (!last) throw unsupported(node, 'no convolution before it', where);
      if (last.kind === 'conv')
        steps.push({ kind: 'relu', name: last.name.replace('conv', 'relu') });
      // A Relu of a Relu, or of a pool of one, changes nothing.
      else if (!steps.some((step) => step.kind === 'relu')) {
        throw unsupported(node, 'a pool before it, need Conv, Relu, pool in this order', where);
      }
    } else if (node.op === 'MaxPool' || node.op === 'AveragePool') {
      if (isIdentityPool(node)) {
        tensor = node.outputs[0] ?? '';
        continue;
      }
      // Adaptive pooling before the classifier: a second pool in a row that no convolution follows.
      if (last?.kind === 'pool' && !leadsToConv(graph, node)) break;
      if (!last) throw unsupported(node, 'no convolution before it', where);
      steps.push({ kind: 'pool', name: `pool${block}`, pooling: poolingOf(node, where) });
      block++;
      index = 0;
    } else if (headOps.has(node.op) && steps.length > 0 && !leadsToConv(graph, node)) {
      break;
    } else {
      throw unsupported(node, 'no place in one', where);
    }
    tensor = node.outputs[0] ?? '';
  }
  return { steps, front };
}

function convStep(
  graph: OnnxGraph,
  node: OnnxNode,
  dims: readonly number[],
  outer: LayerPadding | undefined,
  where: string,
): ConvStep {
  const [cout, cin, kh, kw] = dims;
  if (dims.length !== 4 || !cout || !cin || !kh || !kw) {
    throw unsupported(
      node,
      `a weight of shape [${dims.join(', ')}], need [cout, cin, 3, 3]`,
      where,
    );
  }
  const pads = convPads(node, [kh, kw], where);
  if (node.inputs[2]) needConstant(graph, node, 2, 'bias', where);
  if (kh === 3 && pads === 0 && !outer) {
    throw unsupported(node, 'pads [0, 0, 0, 0], need 1 on every side', where);
  }
  if (outer && (pads === 1 || kh !== 3)) {
    throw unsupported(node, 'padding of its own after a Pad, need one of the two', where);
  }
  const padding = outer ?? 'zero';
  return { kind: 'conv', name: '', node, cin, cout, kernel: [kh, kw], padding, affines: [] };
}

function checkChannels(step: ConvStep, before: readonly Step[], where: string): void {
  const previous = before.findLast((other) => other.kind === 'conv');
  const needed = previous?.cout ?? 3;
  if (step.cin === needed) return;
  throw new WgpuStyleError('bad-model', {
    what: `${step.node.label} takes ${step.cin} channels, but ${needed} come ${
      previous ? 'out of the layer before' : 'from an RGB picture'
    }`,
    where,
    fix: 'Give the ONNX file of a VGG for colour pictures',
  });
}

function checkedAffine(affine: Affine, channels: number, node: OnnxNode, where: string): Affine {
  const count = affine.scale.length;
  if (count === 1 || count === channels) return affine;
  throw unsupported(node, `${count} channels, need ${channels}`, where);
}

/** What stands in front so far, followed by another affine map or a permuting 1x1 convolution. */
function composeFront(
  front: ChannelAffine | undefined,
  next: Affine & { readonly from?: Triple },
  node: OnnxNode,
  where: string,
): ChannelAffine {
  const { scale, shift } = checkedAffine(next, 3, node, where);
  const before = front ?? { from: [0, 1, 2], gain: [1, 1, 1], shift: [0, 0, 0] };
  const from = next.from ?? [0, 1, 2];
  const at = (list: readonly number[], i: number): number => list[list.length === 1 ? 0 : i]!;
  const each = (value: (i: number) => number): Triple => [value(0), value(1), value(2)];
  return {
    from: each((i) => before.from[from[i]!]!),
    gain: each((i) => at(scale, i) * before.gain[from[i]!]!),
    shift: each((i) => at(scale, i) * before.shift[from[i]!]! + at(shift, i)),
  };
}
