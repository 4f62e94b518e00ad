import { beforeEach, describe, expect, test, vi } from 'vitest';
import { plan } from '../../src/style/index.ts';
import {
  defaultNetwork,
  namedPreprocessing,
  Vgg,
  type PreprocessingMap,
} from '../../src/vgg/index.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { encodeModel, floatTensor, makeVgg, node } from './make-onnx.ts';
import type { onnx } from 'onnx-proto';

const blocks = [[2]];

/** What a map makes of an RGB colour, from its definition. */
function apply({ order, scale, mean, std }: PreprocessingMap, rgb: readonly number[]): number[] {
  const colour = order === 'rgb' ? rgb : rgb.toReversed();
  return colour.map((x, i) => (x * scale - mean[i]!) / std[i]!);
}

/** A convolution behind the given nodes, which lead from `input` to `x`. */
async function behind(
  nodes: readonly onnx.INodeProto[],
  initializers: readonly onnx.ITensorProto[],
): Promise<Uint8Array> {
  return encodeModel({
    nodes: [...nodes, node('Conv', ['x', 'w'], ['y'], { pads: [1, 1, 1, 1] })],
    initializers: [...initializers, floatTensor('w', [2, 3, 3, 3], randomValues(54, 3))],
  });
}

const perChannel = (name: string, values: readonly number[]) =>
  floatTensor(name, [1, 3, 1, 1], values);

describe('preprocessing', () => {
  test('a file that says nothing is taken as rgb-mean-std, and the network says that this was assumed', async () => {
    const vgg = await Vgg.fromOnnx((await makeVgg({ blocks })).bytes);
    expect(vgg.preprocessing).toEqual(namedPreprocessing['rgb-mean-std']);
    expect(vgg.preprocessingSource).toBe('assumed');
    expect(vgg.report.preprocessing).toBe('rgb-mean-std');
  });

  test('an option decides, by name or as a map', async () => {
    const { bytes } = await makeVgg({ blocks });
    const named = await Vgg.fromOnnx(bytes, { preprocessing: 'bgr-255' });
    expect(named.preprocessing).toEqual({
      order: 'bgr',
      scale: 255,
      mean: [103.939, 116.779, 123.68],
      std: [1, 1, 1],
    });
    expect(named.preprocessingSource).toBe('option');
    const map = { order: 'rgb', scale: 1, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
    const mapped = await Vgg.fromOnnx(bytes, { preprocessing: map });
    expect(mapped.preprocessing).toEqual(map);
    expect(mapped.report.preprocessing).toBe(JSON.stringify(map));
  });

  test.each([
    ['lab'],
    [''],
    [null],
    [{ order: 'rgb' }],
    [{ order: 'rgb', scale: 1, mean: [0, 0], std: [1, 1, 1] }],
    [{ order: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 0, 1] }],
    [{ order: 'rgb', scale: Number.NaN, mean: [0, 0, 0], std: [1, 1, 1] }],
    [{ order: 'grb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] }],
  ])('%j is refused as an option before the file is read', async (preprocessing) => {
    const loading = Vgg.fromOnnx('no/such/file.onnx', { preprocessing: preprocessing as never });
    await expect(loading).rejects.toMatchObject({ code: 'bad-option' });
    await expect(loading).rejects.toThrow(
      /preprocessing is not one: got .*Give 'rgb-mean-std', 'bgr-255' or/,
    );
  });

  test("the file's metadata decides where it speaks; nonsense there is a bad model", async () => {
    const nodes = [node('Conv', ['input', 'w'], ['y'], { pads: [1, 1, 1, 1] })];
    const initializers = [floatTensor('w', [2, 3, 3, 3], randomValues(54, 3))];
    const model = (text: string) =>
      encodeModel({ nodes, initializers, metadata: { 'wgpu-style.preprocessing': text } });
    const vgg = await Vgg.fromOnnx(await model('"bgr-255"'));
    expect(vgg.preprocessing).toEqual(namedPreprocessing['bgr-255']);
    expect(vgg.preprocessingSource).toBe('file');
    await expect(Vgg.fromOnnx(await model('{"order":'))).rejects.toMatchObject({
      code: 'bad-model',
    });
  });
});

describe('what had to be assumed is said', () => {
  beforeEach(() => void vi.mocked(console.warn).mockClear());
  const sentence =
    /^Vgg\.fromOnnx: nothing says what the network's input looks like; rgb-mean-std was assumed\. .*'bgr-255'\.$/;

  test('on the console, once', async () => {
    await Vgg.fromOnnx((await makeVgg({ blocks })).bytes);
    expect(vi.mocked(console.warn).mock.calls).toEqual([[expect.stringMatching(sentence)]]);
  });

  test('to onWarning instead, where that is given; by every way of loading', async () => {
    const { bytes } = await makeVgg({ blocks });
    const said: string[] = [];
    const options = { onWarning: (message: string) => said.push(message) };
    const vgg = await Vgg.fromOnnx(bytes, options);
    await Vgg.load(bytes, options);
    // A guess does not become a fact by being written down.
    const stored = await vgg.toSafetensors();
    await Vgg.fromSafetensors(stored, options);
    await Vgg.load(stored, options);
    const names = ['Vgg.fromOnnx', 'Vgg.load', 'Vgg.fromSafetensors', 'Vgg.load'];
    expect(said.map((message) => message.split(':')[0])).toEqual(names);
    expect(console.warn).not.toHaveBeenCalled();
  });

  test('by styleTransfer and plan too, which take an onWarning of their own', async () => {
    const { bytes } = await makeVgg({ blocks: [[4], [4]] });
    const picture = { data: new Float32Array(3 * 16 * 16), width: 16, height: 16 };
    const onWarning = vi.fn();
    const device = await testDevice();
    const layers = { contentLayers: { relu2_1: 1 }, styleLayers: { relu1_1: 1 } };
    await plan({ content: picture, style: picture, network: bytes, size: 16, device, ...layers, onWarning });
    expect(onWarning.mock.calls).toEqual([[expect.stringMatching(/^Vgg\.load: nothing says/)]]);
  });

  test.each([
    ['it is given', async () => (await makeVgg({ blocks })).bytes, { preprocessing: 'bgr-255' }],
    [
      'the graph shows it',
      () => behind([node('Sub', ['input', 'mean'], ['x'])], [perChannel('mean', [124, 117, 104])]),
      {},
    ],
    [
      'the file says it',
      () =>
        encodeModel({
          nodes: [node('Conv', ['input', 'w'], ['y'], { pads: [1, 1, 1, 1] })],
          initializers: [floatTensor('w', [2, 3, 3, 3], randomValues(54, 3))],
          metadata: { 'wgpu-style.preprocessing': '"bgr-255"' },
        }),
      {},
    ],
  ] as const)('nothing is said where %s', async (_, bytes, options) => {
    const vgg = await Vgg.fromOnnx(await bytes(), options);
    await Vgg.fromSafetensors(await vgg.toSafetensors());
    await defaultNetwork();
    expect(console.warn).not.toHaveBeenCalled();
  });

  test.each(['onWarning', 'onDownload'])('%s that is no function is refused', async (name) => {
    const loading = Vgg.fromOnnx(new Uint8Array(0), { [name]: 'aloud' });
    await expect(loading).rejects.toMatchObject({ code: 'bad-option' });
    await expect(loading).rejects.toThrow(`${name}: got "aloud". Give a function`);
  });
});

describe('nodes before the first convolution become preprocessing', () => {
  const colours = [
    [0, 0, 0],
    [1, 1, 1],
    [0.2, 0.5, 0.9],
  ];

  test('mean subtraction and division: torchvision normalisation inside the graph', async () => {
    const bytes = await behind(
      [node('Sub', ['input', 'mean'], ['a']), node('Div', ['a', 'std'], ['x'])],
      [perChannel('mean', [0.485, 0.456, 0.406]), perChannel('std', [0.229, 0.224, 0.225])],
    );
    const vgg = await Vgg.fromOnnx(bytes);
    expect(vgg.report).toMatchObject({
      preprocessing: 'rgb-mean-std',
      preprocessingSource: 'graph',
    });
  });

  test('a graph that takes 0..255 is told by its own numbers', async () => {
    const bytes = await behind(
      [node('Sub', ['input', 'mean'], ['x'])],
      [perChannel('mean', [123.68, 116.779, 103.939])],
    );
    const { preprocessing } = await Vgg.fromOnnx(bytes);
    apply(preprocessing, [1, 0.5, 0]).forEach((value, i) => {
      expect(value).toBeCloseTo([255 - 123.68, 127.5 - 116.779, -103.939][i]!, 4);
    });
  });

  test('batch norm in front, and an option for what the input itself expects, compose', async () => {
    const bytes = await behind(
      [node('BatchNormalization', ['input', 'g', 'b', 'm', 'v'], ['x'], { epsilon: { f: 0 } })],
      [
        floatTensor('g', [3], [1, 2, 3]),
        floatTensor('b', [3], [4, 5, 6]),
        floatTensor('m', [3], [7, 8, 9]),
        floatTensor('v', [3], [4, 16, 0.25]),
      ],
    );
    const { preprocessing } = await Vgg.fromOnnx(bytes, { preprocessing: 'bgr-255' });
    for (const rgb of colours) {
      const input = apply(namedPreprocessing['bgr-255'], rgb);
      const expected = input.map(
        (x, i) => ((x - [7, 8, 9][i]!) / [2, 4, 0.5][i]!) * (i + 1) + i + 4,
      );
      apply(preprocessing, rgb).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    }
  });

  test('a 1x1 convolution that only turns and scales channels is read as bgr-255', async () => {
    const turn = [0, 0, 255, 0, 255, 0, 255, 0, 0];
    const bytes = await behind(
      [node('Conv', ['input', 'turn', 'mean'], ['x'])],
      [
        floatTensor('turn', [3, 3, 1, 1], turn),
        floatTensor('mean', [3], [-103.939, -116.779, -123.68]),
      ],
    );
    const vgg = await Vgg.fromOnnx(bytes);
    expect(vgg.layers.map((layer) => layer.name)).toEqual(['conv1_1']);
    expect(vgg.report).toMatchObject({ preprocessing: 'bgr-255', preprocessingSource: 'graph' });
  });

  test('a 1x1 convolution that mixes colours stays a layer, conv0, fed with plain RGB', async () => {
    const mix = [1, 2, 255, 3, 255, 4, 255, 5, 6];
    const bytes = await behind(
      [node('Conv', ['input', 'mix', 'mean'], ['x'])],
      [floatTensor('mix', [3, 3, 1, 1], mix), floatTensor('mean', [3], [-103, -116, -123])],
    );
    const vgg = await Vgg.fromOnnx(bytes);
    expect(vgg.layers.map((layer) => layer.name)).toEqual(['conv0', 'conv1_1']);
    expect(vgg.preprocessing).toEqual({ order: 'rgb', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] });
    expect(vgg.preprocessingSource).toBe('graph');
    expect(vgg.layers[0]).toMatchObject({
      kernel: [1, 1],
      weight: Float32Array.of(1, 3, 255, 2, 255, 5, 255, 4, 6),
    });
  });

  test('a channel multiplied by zero is refused', async () => {
    const bytes = await behind([node('Mul', ['input', 'f'], ['x'])], [perChannel('f', [1, 0, 1])]);
    await expect(Vgg.fromOnnx(bytes)).rejects.toMatchObject({ code: 'unsupported-op' });
  });
});
