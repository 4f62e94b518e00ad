// The constant behind a name: an initialiser or Constant node, or what exporters make of one by
// turning and reshaping it (Keras weights arrive as HWIO behind a Transpose, biases behind a
// Reshape). Numbers that are still in the file stay there until loaded.

import { WgpuStyleError } from '../gpu/errors.ts';
import { intsAttribute } from './attributes.ts';
import { unsupported } from './graph.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './onnx-types.ts';
import { tensorDims, tensorFloats, tensorIntegers } from './tensor.ts';

const unchanging: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Dropout']);
const reshaping: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze']);
/** No exporter writes longer chains. */
const longestChain = 32;

/**
 * A constant by name, through Identity, Cast, Dropout, Transpose, Reshape, Squeeze and Unsqueeze of
 * constants; undefined when it is computed by other means. Throws `bad-model` on impossible shapes.
 */
export function findConstant(
  graph: OnnxGraph,
  name: string,
  where: string,
  depth: number = longestChain,
): OnnxTensor | undefined {
  const tensor = graph.constants.get(name);
  if (tensor) return tensor;
  const maker = graph.makers.get(name);
  if (!maker || depth === 0) return undefined;
  const isShape = reshaping.has(maker.op);
  if (!unchanging.has(maker.op) && !isShape && maker.op !== 'Transpose') return undefined;
  const inner = findConstant(graph, maker.inputs[0] ?? '', where, depth - 1);
  if (!inner || unchanging.has(maker.op)) return inner;
  const dims = tensorDims(inner, where);
  if (maker.op === 'Transpose') return transposed(inner, dims, maker, where);
  const listed = maker.inputs[1]
    ? findConstant(graph, maker.inputs[1], where, depth - 1)
    : undefined;
  if (maker.inputs[1] && !listed) return undefined;
  const list = listed ? tensorIntegers(listed, where) : undefined;
  return reshaped(inner, newDims(dims, maker, list, where));
}

/** Like `findConstant`, but a missing constant is an error that says what computes it. */
export function needConstant(
  graph: OnnxGraph,
  node: OnnxNode,
  index: number,
  role: string,
  where: string,
): OnnxTensor {
  const name = node.inputs[index] ?? '';
  const tensor = findConstant(graph, name, where);
  if (tensor) return tensor;
  const maker = graph.makers.get(name);
  if (maker)
    throw unsupported(node, `its ${role} is computed by ${maker.label}, need a constant`, where);
  throw new WgpuStyleError('bad-model', {
    what: `${node.label} has no ${role}: nothing in the file is called '${name}'`,
    where,
    fix: 'Export the model again with its weights inside one .onnx file',
  });
}

/** The numbers of a constant, loaded where they are still in the file. Errors as of `tensorFloats`. */
export async function loadedFloats(
  tensor: OnnxTensor,
  where: string,
): Promise<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  return tensorFloats(tensor.load ? await tensor.load() : tensor, where);
}

function transposed(
  tensor: OnnxTensor,
  dims: readonly number[],
  node: OnnxNode,
  where: string,
): OnnxTensor {
  const axes = dims.map((_, axis) => axis);
  const perm = intsAttribute(node, 'perm') ?? [...axes].reverse();
  if ([...perm].sort((a, b) => a - b).join() !== axes.join()) {
    const got = `perm [${perm.join(', ')}] for a shape [${dims.join(', ')}]`;
    throw unsupported(node, got, where);
  }
  const name = tensor.name ?? '';
  const shape = perm.map((axis) => dims[axis]!);
  const turn = (given: OnnxTensor): OnnxTensor => {
    const values = permuted(tensorFloats(given, where), dims, perm);
    const dataType = values instanceof Float64Array ? 11 : 1;
    return { name, dims: shape, dataType, rawData: new Uint8Array(values.buffer) };
  };
  const { load, dataType } = tensor;
  if (!load) return turn(tensor);
  const { rawData: _none, ...rest } = tensor;
  return { ...rest, dims: shape, dataType: dataType ?? 0, load: async () => turn(await load()) };
}

function permuted<T extends Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  values: T,
  dims: readonly number[],
  perm: readonly number[],
): T {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const steps = perm.map((axis) => strides[axis]!);
  const sides = perm.map((axis) => dims[axis]!);
  const result = values.slice() as T;
  const index = sides.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = sides.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < sides[axis]!) break;
      from -= steps[axis]! * sides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function reshaped(tensor: OnnxTensor, dims: number[]): OnnxTensor {
  const { load } = tensor;
  if (!load) return { ...tensor, dims };
  return { ...tensor, dims, load: async () => ({ ...(await load()), dims }) };
}

/** What Reshape (0 keeps a side, -1 is the rest), Squeeze or Unsqueeze makes of a shape. */
function newDims(
  dims: readonly number[],
  node: OnnxNode,
  listed: readonly number[] | undefined,
  where: string,
): number[] {
  const list = listed ?? intsAttribute(node, node.op === 'Reshape' ? 'shape' : 'axes');
  if (node.op === 'Squeeze') {
    const axes = list?.map((axis) => (axis < 0 ? axis + dims.length : axis));
    return dims.filter((side, axis) => (axes ? !axes.includes(axis) : side !== 1));
  }
  if (node.op === 'Unsqueeze') {
    const rank = dims.length + (list?.length ?? 0);
    const axes = new Set(list?.map((axis) => (axis < 0 ? axis + rank : axis)));
    const rest = [...dims];
    return Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1)));
  }
  const kept = (list ?? []).map((side, i) => (side === 0 ? (dims[i] ?? 0) : side));
  const count = dims.reduce((a, b) => a * b, 1);
  const others = kept.filter((side) => side !== -1).reduce((a, b) => a * b, 1);
  const shape = kept.map((side) => (side === -1 ? count / others : side));
  if (shape.reduce((a, b) => a * b, 1) !== count || !shape.every(Number.isSafeInteger)) {
    const got = `shape [${kept.join(', ')}] for [${dims.join(', ')}]`;
    throw unsupported(node, got, where);
  }
  return shape;
}
