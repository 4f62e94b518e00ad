// Small ONNX files for the importer's tests, encoded with onnx-proto itself, and a generator of
// VGGs of any width, depth and manner of export. Returns the numbers that went in, so that tests
// need not read them back.

import type { onnx } from 'onnx-proto';
import { randomValues } from '../check.ts';

type Proto = (typeof import('onnx-proto'))['onnx'];

/** Every way in which a float tensor can be written. */
export interface TensorStyle {
  readonly type: 'float' | 'float16' | 'bfloat16' | 'double';
  readonly field: 'raw' | 'typed';
}

const typeNumbers = { float: 1, float16: 10, double: 11, bfloat16: 16 } as const;

async function proto(): Promise<Proto> {
  const module = (await import('onnx-proto')) as unknown as {
    default?: { onnx: Proto };
    onnx: Proto;
  };
  return (module.default ?? module).onnx;
}

/** A float tensor. 16-bit types take bit patterns, so that tests choose the exact numbers. */
export function floatTensor(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number>,
  { type, field }: TensorStyle = { type: 'float', field: 'raw' },
): onnx.ITensorProto {
  const base = { name, dims: [...dims], dataType: typeNumbers[type] };
  const list = Array.from(values);
  const isHalf = type === 'float16' || type === 'bfloat16';
  if (field === 'typed') {
    if (isHalf) return { ...base, int32Data: list };
    return type === 'double' ? { ...base, doubleData: list } : { ...base, floatData: list };
  }
  const array = isHalf
    ? Uint16Array.from(list)
    : type === 'double'
      ? Float64Array.from(list)
      : Float32Array.from(list);
  return { ...base, rawData: new Uint8Array(array.buffer) };
}

/** An int64 tensor, as shapes and pads come. */
export function intTensor(name: string, values: readonly number[]): onnx.ITensorProto {
  const rawData = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
  return { name, dims: [values.length], dataType: 7, rawData };
}

/**
 * A node; attributes by type of value: whole number, `{ f }` for floats, list of whole numbers,
 * text, tensor.
 */
export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<
    Record<string, number | string | readonly number[] | { f: number } | { t: onnx.ITensorProto }>
  > = {},
  name: string = '',
): onnx.INodeProto {
  const attribute = Object.entries(attributes).map(([key, value]): onnx.IAttributeProto => {
    if (typeof value === 'number') return { name: key, i: value, type: 2 };
    if (typeof value === 'string')
      return { name: key, s: new TextEncoder().encode(value), type: 3 };
    if (Array.isArray(value)) return { name: key, ints: [...value], type: 7 };
    return { name: key, ...(value as { f: number }) };
  });
  return { opType, input: [...input], output: [...output], attribute, name };
}

/** What goes into a model. */
export interface ModelParts {
  readonly nodes: readonly onnx.INodeProto[];
  readonly initializers?: readonly onnx.ITensorProto[];
  /** Also lists every initialiser among the inputs, as exporters before IR version 4 had to. */
  readonly listsInitializers?: boolean;
  readonly inputs?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of a model. */
export async function encodeModel(parts: ModelParts): Promise<Uint8Array<ArrayBuffer>> {
  const { nodes, initializers = [], listsInitializers = false, inputs = ['input'] } = parts;
  const { ModelProto } = await proto();
  const picture = (name: string): onnx.IValueInfoProto => ({
    name,
    type: {
      tensorType: {
        elemType: 1,
        shape: {
          dim: [{ dimValue: 1 }, { dimValue: 3 }, { dimParam: 'h' }, { dimParam: 'w' }],
        },
      },
    },
  });
  const listed = initializers.map(({ name, dims }): onnx.IValueInfoProto => ({
    name: name ?? '',
    type: {
      tensorType: { elemType: 1, shape: { dim: (dims ?? []).map((dimValue) => ({ dimValue })) } },
    },
  }));
  const message = {
    irVersion: 7,
    producerName: 'test',
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: Object.entries(parts.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'graph',
      node: [...nodes],
      initializer: [...initializers],
      input: [...(listsInitializers ? listed : []), ...inputs.map(picture)],
      output: [{ name: nodes.at(-1)?.output?.[0] ?? '' }],
    },
  };
  return new Uint8Array(ModelProto.encode(ModelProto.fromObject(message)).finish());
}

/** The same model with the fields of its graph backwards: tensors before nodes. */
export function reorderGraph(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  interface Part {
    readonly number: number;
    readonly bytes: Uint8Array;
    readonly body: Uint8Array;
  }
  const split = (message: Uint8Array): Part[] => {
    const list: Part[] = [];
    for (let at = 0; at < message.length;) {
      const start = at;
      const varint = (): number => {
        let value = 0;
        for (let shift = 1; ; shift *= 128) {
          const byte = message[at++]!;
          value += (byte & 127) * shift;
          if (byte < 128) return value;
        }
      };
      const tag = varint();
      const length = tag % 8 === 2 ? varint() : (varint(), 0);
      at += length;
      const body = message.subarray(at - length, at);
      list.push({ number: Math.floor(tag / 8), bytes: message.subarray(start, at), body });
    }
    return list;
  };
  const model = split(bytes);
  const graph = model.find(({ number }) => number === 7)!;
  const turned = split(graph.body).sort((a, b) => b.number - a.number);
  const head = graph.bytes.subarray(0, graph.bytes.length - graph.body.length);
  return new Uint8Array(
    Buffer.concat([
      ...model.filter((part) => part !== graph).map((part) => part.bytes),
      head,
      ...turned.map((part) => part.bytes),
    ]),
  );
}

/** The same model with `count` zeros behind it, in a field that nobody knows. */
export function withPadding(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const head = [...varint(100 * 8 + 2), ...varint(count)];
  const result = new Uint8Array(bytes.length + head.length + count);
  result.set(bytes);
  result.set(head, bytes.length);
  return result;
}

/** How `makeVgg` writes a network. */
export interface VggStyle {
  /** Output channels of every convolution, block by block. */
  readonly blocks: readonly (readonly number[])[];
  readonly tensors?: TensorStyle;
  readonly listsInitializers?: boolean;
  readonly batchNorm?: boolean;
  readonly pool?: 'MaxPool' | 'AveragePool';
  /** A Pad node before each convolution instead of its own pads. */
  readonly pad?: 'reflect' | 'edge' | 'constant';
  /** Weights as Constant nodes instead of initialisers. */
  readonly constants?: boolean;
  /** Dropout, Identity and Cast strewn in. */
  readonly passThrough?: boolean;
  /** Flatten, Gemm, Relu, Gemm after the last pool. */
  readonly head?: boolean;
  /** Order of the nodes in the file. */
  readonly reversed?: boolean;
  /** The name of tensor number i. */
  readonly naming?: (i: number) => string;
  readonly seed?: number;
}

/** One convolution that went in: weights OIHW, and the batch norm behind it. */
export interface MadeConv {
  readonly cin: number;
  readonly cout: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly norm?: {
    readonly gamma: Float32Array;
    readonly beta: Float32Array;
    readonly mean: Float32Array;
    readonly variance: Float32Array;
    readonly epsilon: number;
  };
}

/** Numbers that float16, bfloat16 and float32 all hold exactly: multiples of 1/64 below 1. */
function exactValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  return randomValues(count, seed).map((value) => Math.round(value * 64) / 64);
}

/** Bit patterns of numbers from `exactValues`. */
function halfBits(values: Float32Array, type: 'float16' | 'bfloat16'): number[] {
  return Array.from(values, (value) => {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    if (value === 0) return sign;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = Math.abs(value) / 2 ** exponent - 1;
    return type === 'float16'
      ? sign | ((exponent + 15) << 10) | (fraction * 1024)
      : sign | ((exponent + 127) << 7) | (fraction * 128);
  });
}

/** A VGG as ONNX bytes, with the numbers in it. */
export async function makeVgg(
  style: VggStyle,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly convs: readonly MadeConv[] }> {
  const { tensors = { type: 'float', field: 'raw' }, naming = (i) => `t${i}`, seed = 1 } = style;
  const nodes: onnx.INodeProto[] = [];
  const initializers: onnx.ITensorProto[] = [];
  const convs: MadeConv[] = [];
  let count = 0;
  let last = 'input';
  const next = (): string => naming(count++);
  const weights = (dims: readonly number[], values: Float32Array): string => {
    const name = next();
    const isHalf = tensors.type === 'float16' || tensors.type === 'bfloat16';
    const list = isHalf ? halfBits(values, tensors.type as 'float16') : values;
    const tensor = floatTensor(name, dims, list, tensors);
    if (style.constants) nodes.push(node('Constant', [], [name], { value: { t: tensor } }));
    else initializers.push(tensor);
    return name;
  };
  const add = (op: string, inputs: readonly string[], attributes = {}): void => {
    const output = next();
    nodes.push(node(op, [last, ...inputs], [output], attributes));
    last = output;
  };

  let cin = 3;
  style.blocks.forEach((block, b) => {
    for (const cout of block) {
      const conv: MadeConv = {
        cin,
        cout,
        weight: exactValues(cout * cin * 9, seed + convs.length * 10),
        bias: exactValues(cout, seed + convs.length * 10 + 1),
        ...(style.batchNorm && { norm: makeNorm(cout, seed + convs.length * 10 + 2) }),
      };
      if (style.pad) {
        const pads = next();
        initializers.push(intTensor(pads, [0, 0, 1, 1, 0, 0, 1, 1]));
        add('Pad', [pads], { mode: style.pad });
      }
      const inputs = [weights([cout, cin, 3, 3], conv.weight), weights([cout], conv.bias)];
      const pad = style.pad ? 0 : 1;
      add('Conv', inputs, { kernel_shape: [3, 3], pads: [pad, pad, pad, pad], strides: [1, 1] });
      if (conv.norm) {
        const { gamma, beta, mean, variance, epsilon } = conv.norm;
        const names = [gamma, beta, mean, variance].map((values) => weights([cout], values));
        add('BatchNormalization', names, { epsilon: { f: epsilon } });
      }
      if (style.passThrough) add('Identity', []);
      add('Relu', []);
      if (style.passThrough) add('Cast', [], { to: 1 });
      convs.push(conv);
      cin = cout;
    }
    if (b === style.blocks.length - 1 && !style.head) return;
    add(style.pool ?? 'MaxPool', [], { kernel_shape: [2, 2], strides: [2, 2] });
    if (style.passThrough) add('Dropout', []);
  });
  if (style.head) {
    add('Flatten', []);
    add('Gemm', [
      weights([5, cin * 49], new Float32Array(5 * cin * 49)),
      weights([5], new Float32Array(5)),
    ]);
    add('Relu', []);
  }
  if (style.reversed) nodes.reverse();
  const { listsInitializers = false } = style;
  return { bytes: await encodeModel({ nodes, initializers, listsInitializers }), convs };
}

function makeNorm(channels: number, seed: number): NonNullable<MadeConv['norm']> {
  return {
    gamma: exactValues(channels, seed),
    beta: exactValues(channels, seed + 1),
    mean: exactValues(channels, seed + 2),
    variance: exactValues(channels, seed + 3).map((value) => Math.abs(value) + 1 / 64),
    epsilon: 1e-3,
  };
}
