// The habits of the exporters that published VGGs come from, each on a small network, with the
// activations on the GPU compared to the graph itself, run in float64.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host } from '../../src/gpu/host.ts';
import { openPath } from '../../src/node/files.ts';
import { namedPreprocessing, Vgg, type PreprocessingMap, type VggOptions } from '../../src/vgg/index.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { runGraph, type Array64, type PlainNode } from '../oracle/onnx.ts';
import { encodeModel, floatTensor, intTensor, node, type ModelParts } from './make-onnx.ts';
import { countedStream } from './sources.ts';

// Largest difference over RMS: float32 through up to four convolutions of 27 to 72 products each.
const tolerance = 1e-5;
const side = 12;

/** A graph in the making: its nodes and constants for both the encoder and the oracle. */
class Graph {
  readonly plain: PlainNode[] = [];
  readonly values = new Map<string, Array64>();
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
  make(op: string, inputs: readonly string[], output: string, attributes: PlainNode['attributes'] = {}): string {
    this.plain.push({ op, inputs, output, attributes });
    return output;
  }

  /** A node on the chain. */
  add(op: string, more: readonly string[], output: string, attributes: PlainNode['attributes'] = {}): void {
    this.last = this.make(op, [this.last, ...more], output, attributes);
  }

  encode(parts: Partial<ModelParts> = {}): ReturnType<typeof encodeModel> {
    const nodes = this.plain.map(({ op, inputs, output, attributes }) =>
      node(op, inputs, [output], attributes as Parameters<typeof node>[3], output),
    );
    return encodeModel({ nodes, initializers: this.initializers, ...parts });
  }
}

const conv = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 };
const halve = { kernel_shape: [2, 2], strides: [2, 2] };

/** conv1_1 … conv2_2 with 4, 4, 8, 8 channels; `layer` adds one convolution of a style of its own. */
function chain(
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
  randomValues(data.length, 99).forEach((value, i) => (data[i] = i % 4 === 3 ? 255 : (value + 1) * 127));
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

const unit: PreprocessingMap = { order: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

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

async function check({ graph, input, bytes, expects, layout = 'nchw', options, outputs }: Case): Promise<Vgg> {
  const encoded = bytes ?? (await graph.encode({ inputs: [input] }));
  const vgg = await Vgg.fromOnnx(encoded, options);
  const reference = runGraph(graph.plain, new Map([...graph.values, [input, inputFor(expects, layout)]]));
  const found = await vgg.features(await testDevice(), picture, ['relu1_2', 'relu2_2']);
  (['relu1_2', 'relu2_2'] as const).forEach((name, i) => {
    const { dims, data } = reference.get(outputs[i]!)!;
    const [, c, h, w] = dims as [number, number, number, number];
    const { shape, data: got } = found[name];
    expect(shape).toEqual([h, w, c]);
    const turned = Array.from(got, (_, k) => data[((k % c) * h + Math.floor(k / c / w)) * w + (Math.floor(k / c) % w)]!);
    expect(relativeError(got, turned)).toBeLessThan(tolerance);
  });
  return vgg;
}

function pytorch(seed = 1, folded = true): Graph {
  const graph = new Graph('input', seed);
  let n = 0;
  const layer = (_: string, dims: readonly [number, number, number, number]): void => {
    const name = `features.${n}`;
    n += 2;
    const inputs = [graph.weights(`${name}.weight`, dims), graph.weights(`${name}.bias`, [dims[0]])];
    if (folded) return graph.add('Conv', inputs, `/${name}/Conv_output_0`, conv);
    const made = inputs.map((given) => graph.make('Identity', [given], `${given}/same`));
    graph.add('Conv', made, `/${name}/Conv_output_0`, conv);
  };
  chain(graph, layer, (i) => `relu${i}`, 'pool');
  return graph;
}

describe('PyTorch', () => {
  test.each([true, false])('features.N.weight, constant folding %s', async (folded) => {
    const outputs = ['relu1', 'relu3'] as const;
    const options = { preprocessing: unit } as const;
    await check({ graph: pytorch(1, folded), input: 'input', expects: unit, options, outputs });
  });

  test('normalisation inside the model becomes preprocessing', async () => {
    const { mean, std } = namedPreprocessing['rgb-mean-std'];
    const graph = new Graph('input', 7);
    graph.add('Sub', [graph.floats('mean', [1, 3, 1, 1], mean)], 'centred');
    graph.add('Div', [graph.floats('std', [1, 3, 1, 1], std)], 'scaled');
    chain(
      graph,
      (name, dims) =>
        graph.add('Conv', [graph.weights(`${name}.weight`, dims), graph.weights(`${name}.bias`, [dims[0]])], `conv${name}`, conv),
      (i) => `relu${i}`,
      'pool',
    );
    const vgg = await check({ graph, input: 'input', expects: unit, outputs: ['relu1', 'relu3'] });
    expect(vgg.report).toMatchObject({ preprocessing: 'rgb-mean-std', preprocessingSource: 'graph' });
  });

  test('batch norm, folded exactly', async () => {
    const graph = new Graph('input', 20);
    chain(
      graph,
      (name, dims) => {
        graph.add('Conv', [graph.weights(`${name}.weight`, dims)], `conv${name}`, conv);
        const stats = (['weight', 'bias', 'running_mean', 'running_var'] as const).map((part) =>
          graph.weights(`bn${name}.${part}`, [dims[0]], part === 'running_var' ? 1 : 0),
        );
        graph.add('BatchNormalization', stats, `norm${name}`, { epsilon: { f: 1e-5 } });
      },
      (i) => `relu${i}`,
      'pool',
    );
    const bytes = await graph.encode();
    const plain = graph.plain.map((one) => ('epsilon' in one.attributes ? { ...one, attributes: { epsilon: 1e-5 } } : one));
    graph.plain.splice(0, graph.plain.length, ...plain);
    const options = { preprocessing: unit } as const;
    await check({ graph, input: 'input', bytes, expects: unit, options, outputs: ['relu1', 'relu3'] });
  });
});

test('MXNet model zoo: vgg0_convN_weight, initialisers listed as inputs, classifier behind Dropout', async () => {
  const graph = new Graph('data', 2);
  chain(
    graph,
    (name, dims) => {
      const inputs = [graph.weights(`vgg0_conv${name}_weight`, dims), graph.weights(`vgg0_conv${name}_bias`, [dims[0]])];
      graph.add('Conv', inputs, `vgg0_conv${name}_fwd`, conv);
    },
    (i) => `vgg0_relu${i}_fwd`,
    'vgg0_pool0_fwd',
  );
  const bytes = await graph.encode({ inputs: ['data'], listsInitializers: true });
  const expects = namedPreprocessing['rgb-mean-std'];
  const options = { preprocessing: 'rgb-mean-std' } as const;
  const outputs = ['vgg0_relu1_fwd', 'vgg0_relu3_fwd'] as const;
  await check({ graph, input: 'data', bytes, expects, options, outputs });
});

test('Caffe2: conv1_1_w_0, BGR 0..255', async () => {
  const graph = new Graph('data_0', 3);
  const names = ['conv1_1', 'conv1_2', 'conv2_1', 'conv2_2'];
  chain(
    graph,
    (i, dims) => {
      const name = names[Number(i)]!;
      const inputs = [graph.weights(`${name}_w_0`, dims), graph.weights(`${name}_b_0`, [dims[0]])];
      graph.add('Conv', inputs, `${name}_1`, { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] });
    },
    (i) => `${names[i]!}_2`,
    'pool1_1',
  );
  const options = { preprocessing: 'bgr-255' } as const;
  const expects = namedPreprocessing['bgr-255'];
  await check({ graph, input: 'data_0', expects, options, outputs: ['conv1_2_2', 'conv2_2_2'] });
});

describe('Keras by way of tf2onnx: pictures with channels last', () => {
  /** `swap`: how red and blue change places inside the model; `weights`: how OIHW comes about. */
  function keras(weights: 'oihw' | 'hwio', swap?: 'Slice' | 'Gather'): Graph {
    const graph = new Graph('input_1:0', 4);
    if (swap === 'Slice') {
      const at = [[-1], [-(2 ** 31)], [3], [-1]].map((list, i) => graph.ints(`slice${i}`, list));
      graph.add('Slice', at, 'bgr');
    }
    if (swap === 'Gather') graph.add('Gather', [graph.ints('order', [2, 1, 0])], 'bgr', { axis: 3 });
    if (swap) graph.add('Add', [graph.floats('minus', [3], [-103.939, -116.779, -123.68])], 'centred');
    graph.add('Transpose', [], 'nchw', { perm: [0, 3, 1, 2] });
    const same = { kernel_shape: [3, 3], strides: [1, 1], auto_pad: 'SAME_UPPER' };
    chain(
      graph,
      (name, [cout, cin, kh, kw]) => {
        const kernel = `block/conv${name}/kernel`;
        const weight =
          weights === 'oihw'
            ? graph.weights(kernel, [cout, cin, kh, kw])
            : graph.make(
                'Transpose',
                [graph.make('Cast', [graph.weights(kernel, [kh, kw, cin, cout])], `${kernel}:cast`, { to: 1 })],
                `${kernel}:turned`,
                { perm: [3, 2, 0, 1] },
              );
        if (name === '0' || weights === 'oihw') {
          return graph.add('Conv', [weight, graph.weights(`bias${name}`, [cout])], `conv${name}`, same);
        }
        // BiasAdd as an Add of its own, its constant reshaped in the graph.
        graph.add('Conv', [weight], `bare${name}`, conv);
        const shape = graph.ints(`shape${name}`, [1, -1, 1, 1]);
        const bias = graph.make('Reshape', [graph.weights(`bias${name}`, [cout]), shape], `bias${name}:4d`);
        graph.add('Add', [bias], `conv${name}`);
      },
      (i) => `relu${i}`,
      'pool',
    );
    return graph;
  }
  const outputs = ['relu1', 'relu3'] as const;

  test.each(['oihw', 'hwio'] as const)('weights %s', async (weights) => {
    const options = { preprocessing: 'bgr-255' } as const;
    const expects = namedPreprocessing['bgr-255'];
    const graph = keras(weights);
    await check({ graph, input: 'input_1:0', expects, layout: 'nhwc', options, outputs });
    const { stream } = countedStream(await graph.encode({ inputs: ['input_1:0'] }), 100);
    const whole = await Vgg.fromOnnx(await graph.encode({ inputs: ['input_1:0'] }), options);
    expect((await Vgg.fromOnnx(stream, options)).layers).toEqual(whole.layers);
  });

  test.each(['Slice', 'Gather'] as const)('preprocessing inside the model, by %s', async (swap) => {
    const expects: PreprocessingMap = { ...unit, scale: 255 };
    const graph = keras('oihw', swap);
    const vgg = await check({ graph, input: 'input_1:0', expects, layout: 'nhwc', outputs });
    expect(vgg.report).toMatchObject({ preprocessing: 'bgr-255', preprocessingSource: 'graph' });
  });

  test('channels that are never brought first are refused by name', async () => {
    const graph = new Graph('input', 5);
    graph.add('Transpose', [], 'odd', { perm: [0, 2, 1, 3] });
    graph.add('Conv', [graph.weights('w', [4, 3, 3, 3])], 'conv', conv);
    const refused = Vgg.fromOnnx(await graph.encode());
    await expect(refused).rejects.toMatchObject({ code: 'unsupported-op' });
    await expect(refused).rejects.toThrow(/'odd' \(Transpose\) has perm \[0,2,1,3\]/);
  });

  test('a mean picture in front is refused: it is no map per channel', async () => {
    const graph = new Graph('input', 6);
    graph.add('Sub', [graph.weights('meanimage', [1, 3, 160, 160])], 'centred');
    graph.add('Conv', [graph.weights('w', [4, 3, 3, 3])], 'conv', conv);
    const refused = Vgg.fromOnnx(await graph.encode());
    await expect(refused).rejects.toThrow(/'centred' \(Sub\) has a constant of shape \[1, 3, 160, 160\]/);
  });
});

describe('external data', () => {
  let folder: string;
  const { openFile } = host;
  beforeAll(() => {
    host.openFile = openPath;
    folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-external-'));
  });
  afterAll(() => {
    if (openFile) host.openFile = openFile;
    else delete host.openFile;
    rmSync(folder, { recursive: true });
  });

  /** The model with every tensor in one other file. */
  async function split(location: string): Promise<{ model: Uint8Array<ArrayBuffer>; data: Uint8Array<ArrayBuffer>; graph: Graph }> {
    const graph = pytorch(30);
    let offset = 0;
    const parts: Uint8Array[] = [];
    const initializers = graph.initializers.map(({ rawData, ...tensor }) => {
      const entry = { location, offset: String(offset), length: String(rawData!.length) };
      parts.push(rawData!);
      offset += rawData!.length;
      const externalData = Object.entries(entry).map(([key, value]) => ({ key, value }));
      return { ...tensor, dataLocation: 1, externalData };
    });
    return { model: await graph.encode({ initializers }), data: new Uint8Array(Buffer.concat(parts)), graph };
  }

  test('beside a path, and handed over', async () => {
    const { model, data, graph } = await split('net.onnx.data');
    writeFileSync(path.join(folder, 'net.onnx'), model);
    writeFileSync(path.join(folder, 'net.onnx.data'), data);
    const reference = await Vgg.fromOnnx(await graph.encode());
    expect((await Vgg.fromOnnx(path.join(folder, 'net.onnx'))).layers).toEqual(reference.layers);
    const handed = await Vgg.fromOnnx(model, { externalData: { 'net.onnx.data': new Blob([data]) } });
    expect(handed.layers).toEqual(reference.layers);
    writeFileSync(path.join(folder, 'net.onnx.data'), data.subarray(0, 500));
    await expect(Vgg.fromOnnx(path.join(folder, 'net.onnx'))).rejects.toMatchObject({ code: 'bad-model' });
    await expect(Vgg.fromOnnx(model)).rejects.toThrow(/another file \(external data\): 'net.onnx.data'/);
  });

  test.each(['../secret', '/etc/passwd', 'C:\\secret', 'http://example.org/x', ''])(
    'the name %j leads nowhere',
    async (location) => {
      writeFileSync(path.join(folder, 'odd.onnx'), (await split(location)).model);
      const refused = Vgg.fromOnnx(path.join(folder, 'odd.onnx'));
      await expect(refused).rejects.toThrow(/keeps its numbers in another file/);
    },
  );
});
