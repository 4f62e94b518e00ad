// The importer against networks that the tests write themselves: every field, exporter habit and
// depth has its case.

import { describe, expect, test } from 'vitest';
import { Vgg, type ConvLayer } from '../../src/vgg/index.ts';
import { randomValues, relativeError } from '../check.ts';
import { conv2d, type Geometry } from '../oracle/conv2d.ts';
import {
  encodeModel,
  floatTensor,
  intTensor,
  makeVgg,
  node,
  type MadeConv,
  type TensorStyle,
  type VggStyle,
} from './make-onnx.ts';

const small: VggStyle = { blocks: [[4, 5], [6]] };
const smallNames = 'conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 relu2_1';

function names(vgg: Vgg): string {
  return vgg.layers.map((layer) => layer.name).join(' ');
}

function convs(vgg: Vgg): readonly ConvLayer[] {
  return vgg.layers.filter((layer) => layer.kind === 'conv');
}

/** OIHW as HWIO, from the definition. */
function hwio({ weight, cin, cout }: Pick<MadeConv, 'weight' | 'cin' | 'cout'>): number[] {
  const result: number[] = [];
  for (let tap = 0; tap < 9; tap++)
    for (let ci = 0; ci < cin; ci++)
      for (let co = 0; co < cout; co++) result.push(weight[(co * cin + ci) * 9 + tap]!);
  return result;
}

async function expectExact(style: VggStyle): Promise<Vgg> {
  const made = await makeVgg(style);
  const vgg = await Vgg.fromOnnx(made.bytes);
  expect(convs(vgg)).toHaveLength(made.convs.length);
  convs(vgg).forEach((conv, i) => {
    expect(Array.from(conv.weight)).toEqual(hwio(made.convs[i]!));
    expect(Array.from(conv.bias)).toEqual(Array.from(made.convs[i]!.bias));
  });
  return vgg;
}

describe('topology', () => {
  test.each([
    ['VGG-11', [1, 1, 2, 2, 2]],
    ['VGG-13', [2, 2, 2, 2, 2]],
    ['VGG-16', [2, 2, 3, 3, 3]],
    ['VGG-19', [2, 2, 4, 4, 4]],
  ])('%s is recognised whole, with its classifier left out', async (name, counts) => {
    const blocks = counts.map((count, b) => Array.from({ length: count }, () => 2 + b));
    const made = await makeVgg({ blocks, head: true });
    const vgg = await Vgg.fromOnnx(made.bytes);
    expect(vgg.report.topology).toBe(`${name} to pool5`);
    expect(vgg.widths).toEqual([2, 3, 4, 5, 6]);
    expect(convs(vgg)).toHaveLength(made.convs.length);
    expect(vgg.minimumSize()).toBe(32);
    expect(vgg.minimumSize('relu1_1')).toBe(1);
    expect(vgg.minimumSize('conv3_1')).toBe(4);
  });

  test('layers get the names of the literature whatever the file calls its tensors', async () => {
    const odd = ['', '__proto__', 'constructor', 'weight', '卷积'];
    const naming = (i: number): string => `${odd[i % odd.length]}/${i}`;
    expect(names(await expectExact({ ...small, naming }))).toBe(smallNames);
  });

  test('nodes may stand in any order', async () => {
    expect(names(await expectExact({ ...small, reversed: true, constants: true }))).toBe(
      smallNames,
    );
  });

  test('Identity, Cast and Dropout are passed through', async () => {
    expect(names(await expectExact({ ...small, passThrough: true }))).toBe(smallNames);
  });

  test('initialisers may be listed among the inputs', async () => {
    await expectExact({ ...small, listsInitializers: true });
  });

  test('weights may be Constant nodes', async () => {
    await expectExact({ ...small, constants: true });
  });

  test.each([
    ['MaxPool', 'max'],
    ['AveragePool', 'average'],
  ] as const)('%s is the pooling %s', async (pool, pooling) => {
    const vgg = await expectExact({ ...small, pool });
    expect(vgg.layers.find((layer) => layer.kind === 'pool')).toEqual({
      kind: 'pool',
      name: 'pool1',
      pooling,
    });
  });

  test.each([
    ['reflect', 'reflect', 4],
    ['edge', 'replicate', 2],
    ['constant', 'zero', 2],
  ] as const)('Pad with mode %s is the padding %s', async (pad, padding, minimum) => {
    const vgg = await expectExact({ ...small, pad });
    expect(convs(vgg).map((conv) => conv.padding)).toEqual([padding, padding, padding]);
    expect(vgg.minimumSize()).toBe(minimum);
  });

  test('the walk ends where upTo says; what lies behind may be broken', async () => {
    const weight = floatTensor('w', [2, 3, 3, 3], randomValues(54, 1));
    const broken = floatTensor('v', [2, 2, 3, 3], [1, 2]);
    const pads = { pads: [1, 1, 1, 1] };
    const bytes = await encodeModel({
      initializers: [weight, broken],
      nodes: [
        node('Conv', ['input', 'w'], ['a'], pads),
        node('Relu', ['a'], ['b']),
        node('Conv', ['b', 'v'], ['c'], pads),
        node('NoSuchOp', ['c'], ['d']),
      ],
    });
    expect(names(await Vgg.fromOnnx(bytes, { upTo: 'relu1_1' }))).toBe('conv1_1 relu1_1');
    expect(names(await Vgg.fromOnnx(bytes, { upTo: 'conv1_1' }))).toBe('conv1_1');
    await expect(Vgg.fromOnnx(bytes)).rejects.toMatchObject({ code: 'unsupported-op' });
    await expect(Vgg.fromOnnx(bytes, { upTo: 'conv1_2' })).rejects.toMatchObject({
      code: 'bad-model',
    });
  });

  test('adaptive pooling before the classifier is no layer', async () => {
    const nodes = [
      node('Conv', ['input', 'w'], ['a'], { pads: [1, 1, 1, 1] }),
      node('MaxPool', ['a'], ['b'], { kernel_shape: [2, 2], strides: [2, 2] }),
      node('AveragePool', ['b'], ['c'], { kernel_shape: [3, 3], strides: [3, 3] }),
      node('Flatten', ['c'], ['d']),
    ];
    const initializers = [floatTensor('w', [2, 3, 3, 3], randomValues(54, 1))];
    expect(names(await Vgg.fromOnnx(await encodeModel({ nodes, initializers })))).toBe(
      'conv1_1 pool1',
    );
  });

  test("a view after the features (PyTorch's Shape, Gather, Concat, Reshape) is the classifier", async () => {
    const nodes = [
      node('Conv', ['input', 'w'], ['a'], { auto_pad: 'SAME_UPPER', kernel_shape: [3, 3] }),
      node('Shape', ['a'], ['s']),
      node('Reshape', ['a', 's'], ['d']),
    ];
    const initializers = [floatTensor('w', [2, 3, 3, 3], randomValues(54, 1))];
    expect(names(await Vgg.fromOnnx(await encodeModel({ nodes, initializers })))).toBe('conv1_1');
  });
});

describe('weights', () => {
  const styles = (['float', 'float16', 'bfloat16', 'double'] as const).flatMap((type) =>
    (['raw', 'typed'] as const).map((field): TensorStyle => ({ type, field })),
  );
  test.each(styles)('$type in $field fields arrives exactly', async (tensors) => {
    await expectExact({ ...small, tensors });
  });

  test('only the parameters of layers that are kept are counted', async () => {
    const { bytes } = await makeVgg(small);
    const vgg = await Vgg.fromOnnx(bytes, { upTo: 'relu1_1' });
    expect(vgg.parameters).toBe(3 * 4 * 9 + 4);
  });

  test('a bias may be missing', async () => {
    const nodes = [node('Conv', ['input', 'w'], ['a'], { pads: [1, 1, 1, 1] })];
    const initializers = [floatTensor('w', [2, 3, 3, 3], randomValues(54, 1))];
    const vgg = await Vgg.fromOnnx(await encodeModel({ nodes, initializers }));
    expect(Array.from(convs(vgg)[0]!.bias)).toEqual([0, 0]);
  });

  test('two convolutions may share their weights, one of them through an Identity', async () => {
    const pads = { pads: [1, 1, 1, 1] };
    const nodes = [
      node('Identity', ['w'], ['v']),
      node('Conv', ['input', 'w'], ['a'], pads),
      node('Conv', ['a', 'v'], ['b'], pads),
    ];
    const initializers = [floatTensor('w', [3, 3, 3, 3], randomValues(81, 1))];
    const vgg = await Vgg.fromOnnx(await encodeModel({ nodes, initializers }));
    expect(convs(vgg)[1]!.weight).toEqual(convs(vgg)[0]!.weight);
  });
});

describe('folding', () => {
  // Both sides are the same real numbers; what is left is the rounding of the folded weights to
  // float32 (6e-8 each).
  const tolerance = 5e-7;
  const size = { h: 5, w: 4 };

  function geometry(cin: number, cout: number): Geometry {
    const one: [number, number] = [1, 1];
    const pad: [number, number, number, number] = [1, 1, 1, 1];
    return { ...size, cin, cout, kernel: [3, 3], stride: one, dilation: one, pad, mode: 'zero' };
  }

  test('batch norm folded into the convolution before it computes the same in float64', async () => {
    const made = await makeVgg({ ...small, batchNorm: true });
    const vgg = await Vgg.fromOnnx(made.bytes);
    expect(names(vgg)).toBe(smallNames);
    made.convs.forEach((conv, i) => {
      const { gamma, beta, mean, variance, epsilon } = conv.norm!;
      const g = geometry(conv.cin, conv.cout);
      const x = randomValues(size.h * size.w * conv.cin, 7 + i);
      const reference = conv2d(g, x, hwio(conv), conv.bias).map((value, k) => {
        const c = k % conv.cout;
        const deviation = Math.sqrt(variance[c]! + epsilon);
        return ((value - mean[c]!) / deviation) * gamma[c]! + beta[c]!;
      });
      const folded = convs(vgg)[i]!;
      expect(relativeError(conv2d(g, x, folded.weight, folded.bias), reference)).toBeLessThan(
        tolerance,
      );
    });
  });

  test('arithmetic per channel after a convolution is folded in, in order', async () => {
    const values = (seed: number): Float32Array => randomValues(2, seed).map((v) => v + 2);
    const [add, multiply, subtract, divide] = [values(1), values(2), values(3), values(4)];
    const perChannel = (name: string, list: Float32Array) => floatTensor(name, [1, 2, 1, 1], list);
    const weight = randomValues(54, 5);
    const bytes = await encodeModel({
      initializers: [
        floatTensor('w', [2, 3, 3, 3], weight),
        perChannel('add', add!),
        floatTensor('mul', [2, 1, 1], multiply!),
        perChannel('sub', subtract!),
        perChannel('div', divide!),
        floatTensor('half', [], [0.5]),
      ],
      nodes: [
        node('Conv', ['input', 'w'], ['a'], { pads: [1, 1, 1, 1] }),
        node('Add', ['a', 'add'], ['b']),
        node('Mul', ['mul', 'b'], ['c']),
        node('Sub', ['sub', 'c'], ['d']),
        node('Div', ['d', 'div'], ['e']),
        node('Mul', ['e', 'half'], ['f']),
        node('Relu', ['f'], ['g']),
      ],
    });
    const [folded] = convs(await Vgg.fromOnnx(bytes));
    const x = randomValues(size.h * size.w * 3, 9);
    const g = geometry(3, 2);
    const reference = conv2d(g, x, hwio({ weight, cin: 3, cout: 2 })).map((value, i) => {
      const c = i % 2;
      return (0.5 * (subtract![c]! - multiply![c]! * (value + add![c]!))) / divide![c]!;
    });
    expect(relativeError(conv2d(g, x, folded!.weight, folded!.bias), reference)).toBeLessThan(
      tolerance,
    );
  });

  test('upTo a convolution includes the batch norm behind it', async () => {
    const made = await makeVgg({ ...small, batchNorm: true });
    const whole = await Vgg.fromOnnx(made.bytes);
    const cut = await Vgg.fromOnnx(made.bytes, { upTo: 'conv1_2' });
    expect(convs(cut)[1]).toEqual(convs(whole)[1]);
  });

  test('batch norm behind a Relu is refused: it does not fold exactly under zero padding', async () => {
    const ones = (name: string) => floatTensor(name, [2], [1, 1]);
    const bytes = await encodeModel({
      initializers: [
        floatTensor('w', [2, 3, 3, 3], randomValues(54, 5)),
        ones('g'),
        ones('b'),
        ones('m'),
        ones('v'),
      ],
      nodes: [
        node('Conv', ['input', 'w'], ['a'], { pads: [1, 1, 1, 1] }),
        node('Relu', ['a'], ['r']),
        node('BatchNormalization', ['r', 'g', 'b', 'm', 'v'], ['n'], {}, 'late'),
      ],
    });
    await expect(Vgg.fromOnnx(bytes)).rejects.toThrow(/'late' \(BatchNormalization\)/);
  });
});

describe('pads', () => {
  test('opset 18 pads with axes are understood', async () => {
    const bytes = await encodeModel({
      initializers: [
        floatTensor('w', [2, 3, 3, 3], randomValues(54, 5)),
        intTensor('pads', [1, 1, 1, 1]),
        intTensor('axes', [2, -1]),
      ],
      nodes: [
        node('Pad', ['input', 'pads', '', 'axes'], ['p'], { mode: 'reflect' }),
        node('Conv', ['p', 'w'], ['a']),
      ],
    });
    expect(convs(await Vgg.fromOnnx(bytes))[0]!.padding).toBe('reflect');
  });

  test('a Pad that pads nothing is passed through', async () => {
    const bytes = await encodeModel({
      initializers: [floatTensor('w', [2, 3, 3, 3], randomValues(54, 5))],
      nodes: [
        node('Pad', ['input'], ['p'], { mode: 'constant', pads: [0, 0, 0, 0, 0, 0, 0, 0] }),
        node('Conv', ['p', 'w'], ['a'], { pads: [1, 1, 1, 1] }),
      ],
    });
    expect(convs(await Vgg.fromOnnx(bytes))[0]!.padding).toBe('zero');
  });
});
