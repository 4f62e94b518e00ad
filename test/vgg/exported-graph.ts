// What the tests of exporters share: a graph written once for the encoder and for the oracle, and the
// comparison of an import's activations on the GPU with the graph itself, run in float64.

import { expect } from 'vitest';
import { Vgg, type PreprocessingMap, type VggOptions } from '../../src/vgg/index.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { runGraph, type Array64, type PlainNode } from '../oracle/onnx.ts';
import { encodeModel, floatTensor, intTensor, node, type ModelParts } from './make-onnx.ts';

// Largest difference over RMS: float32 through up to four convolutions of 27 to 72 products each.
const tolerance = 1e-5;
const side = 12;

/** A graph in the making: its nodes and constants for both the encoder and the oracle. */
export class Graph {
  readonly plain: PlainNode[] = [];
  readonly values: Map<string, Array64> = new Map();
  readonly initializers: NonNullable<ModelParts['initializers']>[number][] = [];
  last: string;
  #seed: number;

  constructor(input: string, seed: number) {
    this.last = input;
    this.#seed = seed;
  }

  /** Random numbers, small and the same in float16 and bfloat16. */
  weights(name: string, dims: readonly number[], shift = 0): string {
    const count = dims.reduce((a, b) => a * b, 1);
    const values = randomValues(count, this.#seed++).map((v) => Math.round(v * 64) / 128 + shift);
    return this.floats(name, dims, [...values]);
  }

  floats(name: string, dims: readonly number[], data: readonly number[]): string {
    this.values.set(name, { dims, data });
    this.initializers.push(floatTensor(name, dims, data));
    return name;
  }

  ints(name: string, data: readonly number[]): string {
    this.values.set(name, { dims: [data.length], data });
    this.initializers.push(intTensor(name, data));
    return name;
  }

  /** A node on constants alone. */
  make(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: PlainNode['attributes'] = {},
  ): string {
    this.plain.push({ op, inputs, output, attributes });
    return output;
  }

  /** A node on the chain. */
  add(
    op: string,
    more: readonly string[],
    output: string,
    attributes: PlainNode['attributes'] = {},
  ): void {
    this.last = this.make(op, [this.last, ...more], output, attributes);
  }

  encode(parts: Partial<ModelParts> = {}): ReturnType<typeof encodeModel> {
    const nodes = this.plain.map(({ op, inputs, output, attributes }) =>
      node(op, inputs, [output], attributes as Parameters<typeof node>[3], output),
    );
    return encodeModel({ nodes, initializers: this.initializers, ...parts });
  }
}

export const conv: Readonly<Record<string, number | readonly number[]>> = {
  kernel_shape: [3, 3],
  strides: [1, 1],
  pads: [1, 1, 1, 1],
  dilations: [1, 1],
  group: 1,
};
export const halve: Readonly<Record<string, readonly number[]>> = {
  kernel_shape: [2, 2],
  strides: [2, 2],
};

/** conv1_1 … conv2_2 with 4, 4, 8, 8 channels; `layer` adds one convolution of a style of its own. */
export function chain(
  graph: Graph,
  layer: (name: string, dims: readonly [number, number, number, number]) => void,
  relu: (i: number) => string,
  pool: string,
): void {
  const widths = [3, 4, 4, 8, 8];
  for (let i = 0; i < 4; i++) {
    layer(String(i), [widths[i + 1]!, widths[i]!, 3, 3]);
    graph.add('Relu', [], relu(i));
    if (i === 1) graph.add('MaxPool', [], pool, halve);
  }
}

const picture = { width: side, height: side, data: randomPicture() };

function randomPicture(): Uint8ClampedArray {
  const data = new Uint8ClampedArray(side * side * 4);
  randomValues(data.length, 99).forEach(
    (value, i) => (data[i] = i % 4 === 3 ? 255 : (value + 1) * 127),
  );
  return data;
}

/** The picture as the file's own input wants it, in the given layout. */
function inputFor({ order, scale, mean, std }: PreprocessingMap, layout: 'nchw' | 'nhwc'): Array64 {
  const value = (y: number, x: number, c: number): number => {
    const channel = order === 'rgb' ? c : 2 - c;
    return ((picture.data[(y * side + x) * 4 + channel]! / 255) * scale - mean[c]!) / std[c]!;
  };
  const data: number[] = [];
  const dims = layout === 'nchw' ? [1, 3, side, side] : [1, side, side, 3];
  for (let a = 0; a < dims[1]!; a++)
    for (let b = 0; b < dims[2]!; b++)
      for (let c = 0; c < dims[3]!; c++) {
        data.push(layout === 'nchw' ? value(b, c, a) : value(a, b, c));
      }
  return { dims, data };
}

export const unit: PreprocessingMap = { order: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

interface Case {
  readonly graph: Graph;
  readonly input: string;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** What the file's own input is. */
  readonly expects: PreprocessingMap;
  readonly layout?: 'nchw' | 'nhwc';
  readonly options?: VggOptions;
  /** Tensors of the graph that are relu1_2 and relu2_2. */
  readonly outputs: readonly [string, string];
}

export async function check({
  graph,
  input,
  bytes,
  expects,
  layout = 'nchw',
  options,
  outputs,
}: Case): Promise<Vgg> {
  const encoded = bytes ?? (await graph.encode({ inputs: [input] }));
  const vgg = await Vgg.fromOnnx(encoded, options);
  const reference = runGraph(
    graph.plain,
    new Map([...graph.values, [input, inputFor(expects, layout)]]),
  );
  const found = await vgg.features(await testDevice(), picture, ['relu1_2', 'relu2_2']);
  (['relu1_2', 'relu2_2'] as const).forEach((name, i) => {
    const { dims, data } = reference.get(outputs[i]!)!;
    const [, c, h, w] = dims as [number, number, number, number];
    const { shape, data: got } = found[name];
    expect(shape).toEqual([h, w, c]);
    const turned = Array.from(
      got,
      (_, k) => data[((k % c) * h + Math.floor(k / c / w)) * w + (Math.floor(k / c) % w)]!,
    );
    expect(relativeError(got, turned)).toBeLessThan(tolerance);
  });
  return vgg;
}

/** conv1_1 … conv2_2 as PyTorch writes them, with or without constant folding. */
export function pytorch(seed = 1, folded = true): Graph {
  const graph = new Graph('input', seed);
  let n = 0;
  const layer = (_: string, dims: readonly [number, number, number, number]): void => {
    const name = `features.${n}`;
    n += 2;
    const inputs = [
      graph.weights(`${name}.weight`, dims),
      graph.weights(`${name}.bias`, [dims[0]]),
    ];
    if (folded) return graph.add('Conv', inputs, `/${name}/Conv_output_0`, conv);
    const made = inputs.map((given) => graph.make('Identity', [given], `${given}/same`));
    graph.add('Conv', made, `/${name}/Conv_output_0`, conv);
  };
  chain(graph, layer, (i) => `relu${i}`, 'pool');
  return graph;
}
