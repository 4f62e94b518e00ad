// What is no VGG, or no ONNX file, is refused with a code and the name of the first thing that is
// wrong.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Vgg, type VggOptions } from '../../src/vgg/index.ts';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { randomValues } from '../check.ts';
import { sharedMissing, sharedPath } from '../shared.ts';
import {
  encodeModel,
  floatTensor,
  intTensor,
  makeVgg,
  node,
  type ModelParts,
} from './make-onnx.ts';

const same = { pads: [1, 1, 1, 1] };
const w3 = floatTensor('w', [2, 3, 3, 3], randomValues(54, 1));
const conv = node('Conv', ['input', 'w'], ['a'], same, 'first');

async function refusal(bytes: Uint8Array, options?: VggOptions): Promise<WgpuStyleError> {
  const error: unknown = await Vgg.fromOnnx(bytes, options).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WgpuStyleError);
  return error as WgpuStyleError;
}

async function refusedModel(parts: ModelParts): Promise<string> {
  const { code, message } = await refusal(await encodeModel(parts));
  return `${code}: ${message}`;
}

describe('operators that no VGG has are named', () => {
  test.each([
    ['a stride', { ...same, strides: [2, 2] }, /strides \[2, 2\], need \[1, 1\]/],
    ['a dilation', { pads: [2, 2, 2, 2], dilations: [2, 2] }, /dilations \[2, 2\]/],
    ['groups', { ...same, group: 3 }, /group 3, need 1/],
    ['no padding', {}, /pads \[0, 0, 0, 0\], need 1/],
    ['padding on one side', { pads: [1, 1, 0, 0] }, /pads \[1, 1, 0, 0\], need 1/],
    ['a 5x5 kernel', { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }, /kernel 5x5, need 3x3/],
  ])('a convolution with %s', async (_, attributes, message) => {
    const nodes = [node('Conv', ['input', 'w'], ['a'], attributes, 'odd one')];
    const refused = await refusedModel({ nodes, initializers: [w3] });
    expect(refused).toMatch(/^unsupported-op: .*node 'odd one' \(Conv\)/);
    expect(refused).toMatch(message);
  });

  test.each([
    ['a 3x3 window', { kernel_shape: [3, 3], strides: [2, 2] }, /window 3x3/],
    ['stride 1', { kernel_shape: [2, 2] }, /strides \[1, 1\]/],
    ['pads', { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 1, 1] }, /pads \[0, 0, 1, 1\]/],
    [
      'auto_pad',
      { kernel_shape: [2, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' },
      /auto_pad SAME_UPPER/,
    ],
    ['sizes rounded up', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, /ceil_mode 1/],
  ])('a pool with %s', async (_, attributes, message) => {
    const nodes = [conv, node('MaxPool', ['a'], ['b'], attributes, 'odd pool')];
    const refused = await refusedModel({ nodes, initializers: [w3] });
    expect(refused).toMatch(/^unsupported-op: .*node 'odd pool' \(MaxPool\)/);
    expect(refused).toMatch(message);
  });

  test.each(['LeakyRelu', 'InstanceNormalization', 'ConvTranspose', 'Concat', 'Sigmoid', 'Resize'])(
    '%s',
    async (op) => {
      const nodes = [conv, node(op, ['a'], ['b'], {}, 'guest')];
      expect(await refusedModel({ nodes, initializers: [w3] })).toMatch(
        new RegExp(`^unsupported-op: .*node 'guest' \\(${op}\\)`),
      );
    },
  );

  test('an operator of another domain', async () => {
    const nodes = [conv, { ...node('Relu', ['a'], ['b'], {}, 'r'), domain: 'com.example' }];
    expect(await refusedModel({ nodes, initializers: [w3] })).toMatch(/\(com\.example\.Relu\)/);
  });

  test('a branch: two nodes that read one tensor', async () => {
    const nodes = [
      conv,
      node('Relu', ['a'], ['b'], {}, 'left'),
      node('Conv', ['a', 'v'], ['c'], {}, 'right'),
    ];
    expect(await refusedModel({ nodes, initializers: [w3] })).toMatch(
      /'left' \(Relu\).*'right' \(Conv\).*branches/,
    );
  });

  test('a Reshape in the middle is not mistaken for the classifier', async () => {
    const nodes = [
      conv,
      node('Reshape', ['a', 's'], ['b'], {}, 'middle'),
      node('Conv', ['b', 'v'], ['c'], same),
    ];
    expect(await refusedModel({ nodes, initializers: [w3] })).toMatch(/'middle' \(Reshape\)/);
  });

  test.each([
    [[0, 0, 2, 2, 0, 0, 2, 2], 'reflect', /pads \[0, 0, 2, 2, 0, 0, 2, 2\]/],
    [[0, 1, 1, 1, 0, 0, 1, 1], 'reflect', /pads/],
    [[0, 0, 1, 1, 0, 0, 1, 1], 'wrap', /mode 'wrap'/],
  ])('a Pad of %j with mode %s', async (pads, mode, message) => {
    const nodes = [
      node('Pad', ['input', 'p'], ['x'], { mode }, 'pad'),
      node('Conv', ['x', 'w'], ['a']),
    ];
    const refused = await refusedModel({ nodes, initializers: [w3, intTensor('p', pads)] });
    expect(refused).toMatch(/^unsupported-op: .*'pad' \(Pad\)/);
    expect(refused).toMatch(message);
  });

  test('a Pad with no convolution directly behind it', async () => {
    const pads = [0, 0, 1, 1, 0, 0, 1, 1];
    const nodes = [conv, node('Pad', ['a'], ['x'], { pads }, 'pad'), node('Relu', ['x'], ['b'])];
    expect(await refusedModel({ nodes, initializers: [w3] })).toMatch(/'pad' \(Pad\)/);
  });

  test('weights that are computed', async () => {
    const nodes = [
      node('Mul', ['w', 's'], ['v'], {}, 'scaler'),
      node('Conv', ['input', 'v'], ['a'], same),
    ];
    const initializers = [w3, floatTensor('s', [], [2])];
    expect(await refusedModel({ nodes, initializers })).toMatch(
      /weight is computed by node 'scaler' \(Mul\)/,
    );
  });

  test('quantised weights', async () => {
    const weights = { name: 'w', dims: [2, 3, 3, 3], dataType: 3, rawData: new Uint8Array(54) };
    expect(await refusedModel({ nodes: [conv], initializers: [weights] })).toMatch(
      /^unsupported-op: .*data type 3/,
    );
  });
});

describe('files that are broken', () => {
  test('every truncation of a file is refused or the same network', async () => {
    const { bytes } = await makeVgg({ blocks: [[2], [3]] });
    const whole = await Vgg.fromOnnx(bytes);
    for (let length = 0; length < bytes.length; length += length < 200 ? 1 : 13) {
      const outcome: unknown = await Vgg.fromOnnx(bytes.slice(0, length)).catch(
        (error: unknown) => error,
      );
      if (outcome instanceof Vgg) expect(outcome.layers).toEqual(whole.layers);
      else expect(outcome).toMatchObject({ name: 'WgpuStyleError', code: 'bad-model' });
    }
  });

  test.each([
    ['nothing', new Uint8Array(0)],
    ['zeros', new Uint8Array(100)],
    ['ones', new Uint8Array(1000).fill(255)],
    ['text', new TextEncoder().encode('<!DOCTYPE html><html><body>404</body></html>')],
    ['noise', Uint8Array.from(randomValues(4096, 5), (value) => value * 128)],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xd, 0xa, 0x1a, 0xa, 0, 0, 0, 0xd)],
    // 100,000 nested groups: a recursive reader must fail, not crash.
    ['nested groups', new Uint8Array(100_000).fill(0x7b)],
  ])('%s', async (_, bytes) => {
    const { code, message } = await refusal(bytes);
    expect(code).toBe('bad-model');
    expect(message).toMatch(/Give the bytes of a complete \.onnx file/);
  });

  test.each([
    [
      'too few numbers',
      floatTensor('w', [2, 3, 3, 3], [1, 2, 3]),
      /has 12 bytes, its shape needs 216/,
    ],
    ['a shape beyond all memory', { ...w3, dims: [1e9, 1e9, 3, 3] }, /impossible shape/],
    ['a negative side', { ...w3, dims: [-2, 3, 3, 3] }, /impossible shape/],
    [
      'NaN',
      floatTensor('w', [2, 3, 3, 3], randomValues(54, 1).fill(Number.NaN, 7)),
      /NaN at index 7/,
    ],
    ['external data', { ...w3, rawData: new Uint8Array(0), dataLocation: 1 }, /external data/],
    [
      'four input channels',
      floatTensor('w', [2, 4, 3, 3], randomValues(72, 1)),
      /takes 4 channels, but 3/,
    ],
  ])('weights with %s', async (_, weight, message) => {
    const refused = await refusedModel({ nodes: [conv], initializers: [weight] });
    expect(refused).toMatch(/^bad-model: /);
    expect(refused).toMatch(message);
  });

  test('a bias of another length', async () => {
    const nodes = [node('Conv', ['input', 'w', 'b'], ['a'], same)];
    const refused = await refusedModel({
      nodes,
      initializers: [w3, floatTensor('b', [3], [1, 2, 3])],
    });
    expect(refused).toMatch(/^bad-model: .*bias of 3 numbers, need 2/);
  });

  test('weights that are nowhere', async () => {
    expect(await refusedModel({ nodes: [conv] })).toMatch(
      /^bad-model: .*nothing in the file is called 'w'/,
    );
  });

  test('a graph that runs in a circle', async () => {
    const nodes = [
      node('Identity', ['input'], ['a']),
      node('Identity', ['a'], ['b']),
      node('Identity', ['b'], ['input']),
    ];
    expect(await refusedModel({ nodes })).toMatch(
      /^bad-model: .*runs in a circle through node 'a'/,
    );
  });

  test('constants that name each other in a circle', async () => {
    const nodes = [
      node('Identity', ['v'], ['w']),
      node('Identity', ['w'], ['v']),
      node('Conv', ['input', 'w'], ['a'], same),
    ];
    expect(await refusedModel({ nodes })).toMatch(/^unsupported-op: /);
  });

  test('no picture among the inputs, or two', async () => {
    const nodes = [conv];
    expect(await refusedModel({ nodes, initializers: [w3], inputs: [] })).toMatch(
      /^bad-model: .*got none/,
    );
    const two = await refusedModel({ nodes, initializers: [w3], inputs: ['input', 'other'] });
    expect(two).toMatch(/^bad-model: .*got 'input', 'other'/);
  });

  test('no convolution at all', async () => {
    expect(await refusedModel({ nodes: [node('Identity', ['input'], ['y'])] })).toMatch(
      /^bad-model: .*no convolution follows the image input 'input'/,
    );
  });
});

describe('options', () => {
  test('an unknown layer is refused with the list of those there are', async () => {
    const { bytes } = await makeVgg({ blocks: [[2], [3]] });
    const { code, message } = await refusal(bytes, { upTo: 'relu9_9' });
    expect(code).toBe('bad-option');
    expect(message).toMatch(
      /no layer 'relu9_9'\. Take one of conv1_1, relu1_1, pool1, conv2_1, relu2_1/,
    );
    const vgg = await Vgg.fromOnnx(bytes);
    expect(() => vgg.upTo('pool7')).toThrow(/no layer 'pool7'/);
    expect(() => vgg.minimumSize('pool7')).toThrow(/no layer 'pool7'/);
  });

  test('upTo that is no text', async () => {
    expect(await refusal(new Uint8Array(1), { upTo: 5 as never })).toMatchObject({
      code: 'bad-option',
    });
  });
});

describe('published networks of other kinds', () => {
  test.for([
    ['squeezenet1_1-notop.onnx', "node 'conv1' (Conv) has strides [2, 2]"],
    ['transformer-wave.onnx', "node 'conv1' (Conv) has kernel 9x9"],
    ['transformer-udnie.onnx', "node 'conv1' (Conv) has kernel 9x9"],
  ] as const)('%s', async ([file, what], { skip }) => {
    const reason = sharedMissing(`data/${file}`);
    skip(reason !== undefined, reason);
    const { code, message } = await refusal(new Uint8Array(readFileSync(sharedPath('data', file))));
    expect(code).toBe('unsupported-op');
    expect(message).toContain(what);
  });
});
