// Turns a convolution found in a graph into a layer: OIHW to HWIO, and the per-channel arithmetic
// that followed it folded into weight and bias in double precision, rounded to float32 once.

import { WgpuStyleError } from '../gpu/errors.ts';
import { isOwn } from './byte-source.ts';
import type { ConvLayer, LayerPadding } from './layers.ts';
import type { OnnxGraph, OnnxNode } from './onnx-types.ts';
import { loadedFloats, needConstant } from './constants.ts';
import type { Affine } from './operators.ts';
import type { Triple } from './preprocessing.ts';
import { turned, turnInPlace } from './turn.ts';

/** A convolution as the walk finds it: its numbers still in the file. */
export interface ConvStep {
  readonly kind: 'conv';
  readonly name: string;
  readonly node: OnnxNode;
  readonly cin: number;
  readonly cout: number;
  readonly kernel: readonly [number, number];
  readonly padding: LayerPadding;
  /** What follows it, in order. */
  readonly affines: Affine[];
}

/**
 * Loads, decodes and folds. `y = scale * (w * x + b) + shift` is the convolution
 * `(scale * w) * x + (scale * b + shift)`. Weights that `isLast` says nobody will load again are
 * turned in the memory that they came in, where that is ours.
 */
export async function decodeConv(
  graph: OnnxGraph,
  step: ConvStep,
  where: string,
  isLast: boolean,
): Promise<ConvLayer> {
  const { name, cin, cout, kernel, padding } = step;
  const [kh, kw] = kernel;
  const { weight: given, bias } = await readConv(graph, step, where);
  const scale = new Float64Array(cout).fill(1);
  const offset = Float64Array.from(bias);
  for (const affine of step.affines) {
    const last = affine.scale.length - 1;
    for (let co = 0; co < cout; co++) {
      const factor = affine.scale[Math.min(co, last)]!;
      scale[co] = scale[co]! * factor;
      offset[co] = offset[co]! * factor + affine.shift[Math.min(co, last)]!;
    }
  }
  const shape = { cout, cin, taps: kh * kw };
  const isOurs = isLast && given instanceof Float32Array && isOwn(given);
  const weight = isOurs ? turnInPlace(given, shape, scale) : turned(given, shape, scale);
  const layer: ConvLayer = {
    kind: 'conv',
    name,
    cin,
    cout,
    kernel,
    padding,
    weight,
    bias: Float32Array.from(offset),
  };
  if (![...layer.bias].every(Number.isFinite) || !weight.every(Number.isFinite)) {
    throw badConv(step, 'weights that do not fit in float32 once what follows is folded in', where);
  }
  return layer;
}

/**
 * A leading 1x1 convolution that only reorders, scales and shifts the three channels, as the affine
 * map it is: exact as preprocessing, for zero padding comes after it. Undefined for any other
 * convolution.
 */
export async function frontConv(
  graph: OnnxGraph,
  step: ConvStep,
  where: string,
): Promise<(Affine & { readonly from: Triple }) | undefined> {
  if (step.kernel[0] !== 1 || step.cin !== 3 || step.cout !== 3) return undefined;
  const { weight, bias } = await readConv(graph, step, where);
  const rows = [0, 1, 2].map((co) => Array.from(weight.subarray(co * 3, co * 3 + 3)));
  const from = rows.map((row) => row.findIndex((value) => value !== 0));
  const isPermuted =
    rows.every((row) => row.filter((value) => value !== 0).length === 1) &&
    (from.join() === '0,1,2' || from.join() === '2,1,0');
  if (!isPermuted) return undefined;
  return {
    from: [from[0]!, from[1]!, from[2]!],
    scale: rows.map((row, co) => row[from[co]!]!),
    shift: Array.from(bias),
  };
}

async function readConv(
  graph: OnnxGraph,
  { node, cout, cin, kernel }: ConvStep,
  where: string,
): Promise<{
  weight: Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
  bias: Float32Array | Float64Array;
}> {
  const weight = await loadedFloats(needConstant(graph, node, 1, 'weight', where), where);
  const bias = node.inputs[2]
    ? await loadedFloats(needConstant(graph, node, 2, 'bias', where), where)
    : new Float64Array(cout);
  if (weight.length !== cout * cin * kernel[0] * kernel[1] || bias.length !== cout) {
    throw badConv({ node }, `a bias of ${bias.length} numbers, need ${cout}`, where);
  }
  return { weight, bias };
}

function badConv({ node }: Pick<ConvStep, 'node'>, what: string, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `${node.label} has ${what}`,
    where,
    fix: 'Export the model again in evaluation mode',
  });
}
