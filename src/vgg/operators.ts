// Single ONNX operators read as what a VGG can contain: a same-size 3x3 convolution, a 2x2 pool, a
// pad by one pixel, an affine map per channel. Whatever asks for anything else is refused by name.
// No graph here: topology.ts walks it.

import { WgpuStyleError } from '../gpu/errors.ts';
import { findConstant, needConstant } from './constants.ts';
import { unsupported } from './graph.ts';
import type { LayerPadding, Pooling } from './layers.ts';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from './attributes.ts';
import type { OnnxGraph, OnnxNode } from './onnx-types.ts';
import { tensorDims, tensorFloats, tensorIntegers } from './tensor.ts';

/**
 * `scale[c] * x + shift[c]`; one entry where the same numbers go for every channel. In double
 * precision.
 */
export interface Affine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/**
 * The padding that a convolution itself asks for: 1 on every side for a 3x3 kernel, 0, or an error.
 */
export function convPads(node: OnnxNode, kernel: readonly number[], where: string): 0 | 1 {
  const refuse = (what: string): never => {
    throw unsupported(node, what, where);
  };
  const shape = intsAttribute(node, 'kernel_shape') ?? kernel;
  const isKnown = shape.length === 2 && shape[0] === shape[1] && (shape[0] === 3 || shape[0] === 1);
  if (!isKnown) refuse(`kernel ${shape.join('x')}, need 3x3`);
  const strides = intsAttribute(node, 'strides') ?? [1, 1];
  if (strides.some((stride) => stride !== 1))
    refuse(`strides [${strides.join(', ')}], need [1, 1]`);
  const dilations = intsAttribute(node, 'dilations') ?? [1, 1];
  if (dilations.some((dilation) => dilation !== 1)) {
    refuse(`dilations [${dilations.join(', ')}], need [1, 1]`);
  }
  const group = intAttribute(node, 'group', 1);
  if (group !== 1) refuse(`group ${group}, need 1`);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') return shape[0] === 3 ? 1 : 0;
  const pads = auto === 'VALID' ? [0, 0, 0, 0] : (intsAttribute(node, 'pads') ?? [0, 0, 0, 0]);
  if (pads.length === 4 && pads.every((pad) => pad === 0)) return 0;
  if (pads.length === 4 && pads.every((pad) => pad === 1) && shape[0] === 3) return 1;
  return refuse(`pads [${pads.join(', ')}], need 1 on every side of a 3x3 kernel`);
}

/**
 * Whether a convolution is the 7x7 form of VGG's first fully connected layer, where the features
 * end.
 */
export function isDenseConv(node: OnnxNode, kernel: readonly number[]): boolean {
  const shape = intsAttribute(node, 'kernel_shape') ?? kernel;
  return shape[0] === 7 && (intsAttribute(node, 'pads') ?? []).every((pad) => pad === 0);
}

/**
 * Whether a pool leaves its input as it is: a 1x1 window, as adaptive pooling to the same size is
 * exported.
 */
export function isIdentityPool(node: OnnxNode): boolean {
  const ones = (name: string): boolean => (intsAttribute(node, name) ?? [1]).every((n) => n === 1);
  return (
    intsAttribute(node, 'kernel_shape') !== undefined && ones('kernel_shape') && ones('strides')
  );
}

/** The pooling of a MaxPool or AveragePool node with a 2x2 window and stride 2, or an error. */
export function poolingOf(node: OnnxNode, where: string): Pooling {
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const strides = intsAttribute(node, 'strides') ?? [1, 1];
  const pads = intsAttribute(node, 'pads') ?? [0, 0, 0, 0];
  const dilations = intsAttribute(node, 'dilations') ?? [1, 1];
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const is = (list: readonly number[], value: number): boolean => list.every((n) => n === value);
  if (kernel.length !== 2 || !is(kernel, 2) || !is(strides, 2)) {
    const got = `window ${kernel.join('x') || 'unknown'} with strides [${strides.join(', ')}]`;
    throw unsupported(node, `${got}, need 2x2 with [2, 2]`, where);
  }
  if (!is(pads, 0) || !is(dilations, 1) || auto.startsWith('SAME')) {
    const got = auto.startsWith('SAME') ? `auto_pad ${auto}` : `pads [${pads.join(', ')}]`;
    throw unsupported(node, `${got} and dilations [${dilations.join(', ')}], need none`, where);
  }
  if (intAttribute(node, 'ceil_mode', 0) !== 0) {
    throw unsupported(node, 'ceil_mode 1 (sizes rounded up), need 0', where);
  }
  return node.op === 'MaxPool' ? 'max' : 'average';
}

/**
 * A Pad node as what a following 3x3 convolution does at its border; undefined when it pads
 * nothing.
 */
export function paddingOf(
  graph: OnnxGraph,
  node: OnnxNode,
  where: string,
): LayerPadding | undefined {
  const listed = intsAttribute(node, 'pads') ?? intsAttribute(node, 'paddings');
  const pads = listed ?? tensorIntegers(needConstant(graph, node, 1, 'pads', where), where);
  if (pads.every((pad) => pad === 0)) return undefined;
  const axesName = node.inputs[3];
  const axes = axesName
    ? tensorIntegers(needConstant(graph, node, 3, 'axes', where), where)
    : [0, 1, 2, 3];
  const full = new Array<number>(8).fill(0);
  axes.forEach((axis, i) => {
    const side = axis < 0 ? axis + 4 : axis;
    full[side] = pads[i] ?? Number.NaN;
    full[side + 4] = pads[i + axes.length] ?? Number.NaN;
  });
  if (full.join() !== '0,0,1,1,0,0,1,1' || pads.length !== 2 * axes.length) {
    throw unsupported(
      node,
      `pads [${pads.join(', ')}], need 1 on each side of height and width`,
      where,
    );
  }
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode === 'reflect') return 'reflect';
  if (mode === 'edge') return 'replicate';
  if (mode !== 'constant') {
    throw unsupported(node, `mode '${mode}', need 'constant', 'reflect' or 'edge'`, where);
  }
  const value = node.inputs[2]
    ? tensorFloats(needConstant(graph, node, 2, 'value', where), where)[0]
    : floatAttribute(node, 'value', 0);
  if (value !== 0) throw unsupported(node, `padding with ${value}, need 0`, where);
  return 'zero';
}

/** Which axis of the picture's tensor holds its channels: [n, c, h, w] or [n, h, w, c]. */
export type Layout = 'nchw' | 'nhwc';

/**
 * BatchNormalization, or Add, Sub, Mul, Div with a constant per channel, as an affine map;
 * undefined for other operators and for arithmetic between two computed tensors. `tensor` is the
 * input that is not the constant.
 */
export function affineOf(
  graph: OnnxGraph,
  node: OnnxNode,
  tensor: string,
  layout: Layout,
  where: string,
): Affine | undefined {
  if (node.op === 'BatchNormalization') {
    if (layout === 'nchw') return batchNormOf(graph, node, where);
    throw unsupported(node, 'channels on the last axis, need them on the second', where);
  }
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.op)) return undefined;
  const side = node.inputs[0] === tensor ? 1 : 0;
  const constant = findConstant(graph, node.inputs[side] ?? '', where);
  if (!constant || node.inputs.length !== 2) return undefined;
  const dims = tensorDims(constant, where);
  const count = dims.reduce((product, length) => product * length, 1);
  // For channels first [c, 1, 1] and [1, c, 1, 1] broadcast over pixels; [c] alone would run along
  // the width. For channels last it is [c].
  const isPerChannel = count === 1 || dims.at(layout === 'nchw' ? -3 : -1) === count;
  if (!isPerChannel || dims.length > 4) {
    throw unsupported(
      node,
      `a constant of shape [${dims.join(', ')}], need one per channel`,
      where,
    );
  }
  const values = Array.from(tensorFloats(constant, where));
  const zeros = values.map(() => 0);
  const ones = values.map(() => 1);
  switch (node.op) {
    case 'Add':
      return { scale: ones, shift: values };
    case 'Sub':
      return side === 1
        ? { scale: ones, shift: values.map((value) => -value) }
        : { scale: values.map(() => -1), shift: values };
    case 'Mul':
      return { scale: values, shift: zeros };
    default:
      if (side === 0)
        throw unsupported(node, 'a division by the picture, need by a constant', where);
      if (values.includes(0)) throw unsupported(node, 'a division by zero', where);
      return { scale: values.map((value) => 1 / value), shift: zeros };
  }
}

/** Inference form: (x - mean) / sqrt(variance + epsilon) * gamma + beta. */
function batchNormOf(graph: OnnxGraph, node: OnnxNode, where: string): Affine {
  if (intAttribute(node, 'training_mode', 0) !== 0 || intAttribute(node, 'spatial', 1) !== 1) {
    throw unsupported(
      node,
      'training mode or statistics per pixel, need the inference form',
      where,
    );
  }
  const roles = ['scale', 'bias', 'mean', 'variance'] as const;
  const [gamma, beta, mean, variance] = roles.map((role, i) =>
    Array.from(tensorFloats(needConstant(graph, node, i + 1, role, where), where)),
  ) as [number[], number[], number[], number[]];
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const count = gamma.length;
  const isWhole = [beta, mean, variance].every((list) => list.length === count);
  if (!isWhole || variance.some((value) => value + epsilon <= 0)) {
    throw new WgpuStyleError('bad-model', {
      what: `${node.label} has statistics of unequal length or a negative variance`,
      where,
      fix: 'Export the model again in evaluation mode',
    });
  }
  const scale = gamma.map((value, c) => value / Math.sqrt(variance[c]! + epsilon));
  return { scale, shift: beta.map((value, c) => value - mean[c]! * scale[c]!) };
}
