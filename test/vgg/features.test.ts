// Activations on the GPU against float64 chains of our own, and against PyTorch where its values
// are at hand.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import {
  buildFeatures,
  Vgg,
  type Layer,
  type LayerPadding,
  type Pooling,
} from '../../src/vgg/index.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { conv2d } from '../oracle/conv2d.ts';
import { avgPool, maxPool } from '../oracle/pool.ts';
import { sharedMissing, sharedPath } from '../shared.ts';
import { makeVgg } from './make-onnx.ts';

// Largest difference over RMS, in float32 through up to five convolutions of 27 to 1,152 products
// each.
const tolerance = 1e-5;

interface Activation {
  readonly shape: readonly [number, number, number];
  readonly data: ArrayLike<number>;
}

/** Every layer's activation in float64, from an input that is already preprocessed. */
function chain(
  layers: readonly Layer[],
  input: Activation,
  pooling?: Pooling,
): Map<string, Activation> {
  const result = new Map<string, Activation>();
  let x = input;
  for (const layer of layers) {
    const [h, w, c] = x.shape;
    if (layer.kind === 'conv') {
      const side = (layer.kernel[0] - 1) / 2;
      const one: [number, number] = [1, 1];
      const { cin, cout, padding: mode } = layer;
      const kernel: [number, number] = [...layer.kernel];
      const pad: [number, number, number, number] = [side, side, side, side];
      const g = { h, w, cin, cout, kernel, stride: one, dilation: one, pad, mode };
      x = { shape: [h, w, cout], data: conv2d(g, x.data, layer.weight, layer.bias) };
    } else if (layer.kind === 'relu') {
      x = { shape: x.shape, data: Array.from(x.data, (value) => Math.max(value, 0)) };
    } else {
      const windows = {
        shape: x.shape,
        size: [2, 2],
        stride: [2, 2],
        pads: [0, 0, 0, 0],
        countPadding: true,
      } as const;
      const data = ((pooling ?? layer.pooling) === 'max' ? maxPool : avgPool)(windows, x.data);
      x = { shape: [Math.floor(h / 2), Math.floor(w / 2), c], data };
    }
    result.set(layer.name, x);
  }
  return result;
}

/** The network's input in float64, from RGB in [0, 1]. */
function preprocessed(vgg: Vgg, rgb: ArrayLike<number>, h: number, w: number): Activation {
  const { order, scale, mean, std } = vgg.preprocessing;
  const data = Array.from(rgb, (_, i) => {
    const c = i % 3;
    const x = rgb[order === 'rgb' ? i : i - c + 2 - c]!;
    return (x * scale - mean[c]!) / std[c]!;
  });
  return { shape: [h, w, 3], data };
}

function picture(h: number, w: number, seed: number): Float32Array<ArrayBuffer> {
  return randomValues(h * w * 3, seed).map((value) => (value + 1) / 2);
}

describe('features equal a float64 chain', () => {
  test.each([
    ['rgb-mean-std', 'MaxPool', undefined],
    ['bgr-255', 'AveragePool', 'reflect'],
    ['bgr-255', 'MaxPool', 'edge'],
    ['rgb-mean-std', 'AveragePool', 'constant'],
  ] as const)('%s, %s, padding %s, odd sides', async (preprocessing, pool, pad) => {
    const made = await makeVgg({ blocks: [[4, 7], [9, 5], [6]], pool, ...(pad && { pad }) });
    const vgg = await Vgg.fromOnnx(made.bytes, { preprocessing });
    const [h, w] = [13, 10];
    const data = picture(h, w, 3);
    const names = vgg.layers.map((layer) => layer.name);
    const got = await vgg.features(await testDevice(), { data, width: w, height: h }, names);
    const expected = chain(vgg.layers, preprocessed(vgg, data, h, w));
    expect(Object.keys(got)).toEqual(names);
    for (const name of names) {
      expect(got[name]!.shape).toEqual(expected.get(name)!.shape);
      expect(relativeError(got[name]!.data, expected.get(name)!.data), name).toBeLessThan(
        tolerance,
      );
    }
  });

  test('a colour-mixing 1x1 convolution in front, on a BGR network, with zero padding behind it', async () => {
    const made = await makeVgg({ blocks: [[4]] });
    const plain = await Vgg.fromOnnx(made.bytes, { preprocessing: 'bgr-255' });
    const mix: Layer = {
      kind: 'conv',
      name: 'conv0',
      cin: 3,
      cout: 3,
      kernel: [1, 1],
      padding: 'zero',
      weight: randomValues(9, 5),
      bias: randomValues(3, 6),
    };
    const vgg = new Vgg({ ...plain, layers: [mix, ...plain.layers] });
    const data = picture(6, 5, 4);
    const got = await vgg.features(await testDevice(), { data, width: 5, height: 6 }, ['relu1_1']);
    const expected = chain(vgg.layers, preprocessed(vgg, data, 6, 5)).get('relu1_1')!;
    expect(relativeError(got.relu1_1.data, expected.data)).toBeLessThan(tolerance);
  });

  test("pooling replaces the network's own", async () => {
    const made = await makeVgg({ blocks: [[4], [5]] });
    const vgg = await Vgg.fromOnnx(made.bytes);
    const image = { data: picture(7, 9, 2), width: 9, height: 7 };
    const input = preprocessed(vgg, image.data, 7, 9);
    for (const pooling of ['max', 'average'] as const) {
      const got = await vgg.features(await testDevice(), image, ['relu2_1'], { pooling });
      const expected = chain(vgg.layers, input, pooling).get('relu2_1')!;
      expect(relativeError(got.relu2_1.data, expected.data), pooling).toBeLessThan(tolerance);
    }
  });
});

describe('buildFeatures', () => {
  test("a variable in the network's own space and one in [0, 1] give the same features", async () => {
    const made = await makeVgg({ blocks: [[4], [5]] });
    const vgg = await Vgg.fromOnnx(made.bytes, { preprocessing: 'bgr-255' });
    const device = await testDevice();
    const tape = new Tape(device);
    const rgb = picture(8, 8, 3);
    const mean = [123.68, 116.779, 103.939] as const;
    const unit = tape.variable([8, 8, 3], rgb);
    const shifted = tape.variable(
      [8, 8, 3],
      rgb.map((x, i) => x * 255 - mean[i % 3]!),
    );
    const a = buildFeatures(tape, vgg, unit, ['relu2_1']).get('relu2_1')!;
    const b = buildFeatures(tape, vgg, shifted, ['relu2_1'], { space: { scale: 255, mean } }).get(
      'relu2_1',
    )!;
    const program = tape.compile([a, b]);
    await program.run();
    const expected = chain(vgg.layers, preprocessed(vgg, rgb, 8, 8)).get('relu2_1')!;
    expect(relativeError(await program.read(a), expected.data)).toBeLessThan(tolerance);
    expect(relativeError(await program.read(b), expected.data)).toBeLessThan(tolerance);
    program.destroy();
    tape.destroy();
  });

  test('records nothing behind the deepest wanted layer, and uploads weights once per tape', async () => {
    const made = await makeVgg({ blocks: [[4], [5], [6]] });
    const vgg = await Vgg.fromOnnx(made.bytes);
    const tape = new Tape(await testDevice());
    const uploads: string[] = [];
    const constant = tape.constant.bind(tape);
    tape.constant = (shape, data, label) => {
      uploads.push(label ?? '');
      return constant(shape, data, label);
    };
    const image = tape.variable([8, 8, 3]);
    const found = buildFeatures(tape, vgg, image, ['relu2_1', 'relu1_1']);
    buildFeatures(tape, vgg, tape.variable([9, 9, 3]), ['relu2_1']);
    expect([...found.keys()].toSorted()).toEqual(['relu1_1', 'relu2_1']);
    expect(uploads.filter((label) => label.startsWith('conv'))).toEqual([
      'conv1_1/weight',
      'conv1_1/bias',
      'conv2_1/weight',
      'conv2_1/bias',
    ]);
    tape.destroy();
  });
});

describe('refusals, before anything is allocated', () => {
  test('unknown layers, no layers', async () => {
    const vgg = await Vgg.fromOnnx((await makeVgg({ blocks: [[4]] })).bytes);
    const device = await testDevice();
    const image = { data: picture(4, 4, 1), width: 4, height: 4 };
    const unknown = vgg.features(device, image, ['relu1_1', 'relu4_2']);
    await expect(unknown).rejects.toMatchObject({ code: 'bad-option' });
    await expect(unknown).rejects.toThrow(/no layer 'relu4_2'\. Take one of conv1_1, relu1_1/);
    await expect(vgg.features(device, image, [])).rejects.toMatchObject({ code: 'bad-option' });
  });

  test.each([
    ['constant', 4],
    ['reflect', 8],
  ] as const)('a picture too small for the deepest layer, padding %s', async (pad, side) => {
    const vgg = await Vgg.fromOnnx((await makeVgg({ blocks: [[2], [2], [2]], pad })).bytes);
    const device = await testDevice();
    const image = (w: number, h: number) => ({ data: picture(h, w, 1), width: w, height: h });
    const small = vgg.features(device, image(side - 1, 50), ['relu3_1']);
    await expect(small).rejects.toMatchObject({ code: 'bad-image' });
    await expect(small).rejects.toThrow(
      `too small for relu3_1: got ${side - 1}x50, need at least ${side}x${side}`,
    );
    const { relu3_1 } = await vgg.features(device, image(side, side), ['relu3_1']);
    expect(relu3_1.shape).toEqual([side / 4, side / 4, 2]);
  });
});

function sharedFloats(...parts: readonly string[]): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(sharedPath(...parts))).buffer);
}

/** Planar [c, h, w] to interleaved [h, w, c]. */
function interleaved(planar: Float32Array, c: number): Float32Array<ArrayBuffer> {
  const area = planar.length / c;
  return new Float32Array(planar.length).map((_, i) => planar[(i % c) * area + Math.floor(i / c)]!);
}

describe('activations of PyTorch', () => {
  const layers = [
    'conv1_1',
    'relu1_1',
    'pool1',
    'relu2_1',
    'relu3_1',
    'relu4_1',
    'relu4_2',
    'relu5_1',
  ] as const;
  test.for(['max', 'average'] as const)(
    'VGG-19 topology, %s pooling',
    async (pooling, { skip }) => {
      const reason = sharedMissing('oracle/a/net.onnx');
      skip(reason !== undefined, reason);
      const vgg = await Vgg.fromOnnx(
        new Uint8Array(readFileSync(sharedPath('oracle/a/net.onnx'))),
        {
          upTo: 'relu5_1',
          preprocessing: 'rgb-mean-std',
        },
      );
      const image = {
        data: interleaved(sharedFloats('oracle/a/content.f32'), 3),
        width: 52,
        height: 40,
      };
      const got = await vgg.features(await testDevice(), image, layers, { pooling });
      for (const layer of layers) {
        const { shape, data } = got[layer];
        const reference = interleaved(
          sharedFloats('oracle/a', `${pooling}.${layer}.f32`),
          shape[2],
        );
        expect(relativeError(data, reference), layer).toBeLessThan(tolerance);
      }
    },
  );
});

describe('published networks', () => {
  async function load(file: string, preprocessing?: 'bgr-255'): Promise<Vgg> {
    const bytes = new Uint8Array(readFileSync(sharedPath('data', file)));
    return Vgg.fromOnnx(bytes, preprocessing && { preprocessing });
  }
  const cases: readonly [string, 'bgr-255' | undefined, string, number, LayerPadding][] = [
    ['vgg19-conv3_4.onnx', 'bgr-255', 'VGG-19 to relu3_4', 2_325_568, 'zero'],
    ['vgg19-slim16x-conv5_1.onnx', undefined, 'VGG-19 to relu5_1', 810_140, 'zero'],
    ['vgg19-slim16x-conv5_1-reflect.onnx', undefined, 'VGG-19 to relu5_1', 810_140, 'reflect'],
  ];
  test.for(cases)(
    '%s imports and computes',
    async ([file, option, topology, parameters, padding], { skip }) => {
      const reason = sharedMissing(`data/${file}`);
      skip(reason !== undefined, reason);
      const vgg = await load(file, option);
      expect(vgg.report).toMatchObject({ topology, parameters });
      const convs = vgg.layers.filter((layer) => layer.kind === 'conv' && layer.name !== 'conv0');
      expect(convs.every((layer) => layer.kind === 'conv' && layer.padding === padding)).toBe(true);
      const { layers } = vgg.upTo('relu2_1');
      const data = picture(9, 11, 5);
      const got = await vgg.features(await testDevice(), { data, width: 11, height: 9 }, [
        'relu2_1',
      ]);
      const expected = chain(layers, preprocessed(vgg, data, 9, 11)).get('relu2_1')!;
      expect(relativeError(got.relu2_1.data, expected.data)).toBeLessThan(tolerance);
    },
  );
});
