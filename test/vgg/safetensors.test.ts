// Weights files: a network there and back, the file that ships with the library, and every way in
// which one can be wrong.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultNetwork, Vgg, type ConvLayer, type Layer } from '../../src/vgg/index.ts';
import { widenHalf } from '../../src/vgg/half.ts';
import { makeVgg } from './make-onnx.ts';

const weights = path.resolve(import.meta.dirname, '../../weights');

/** A file from a header and data, written by hand. */
function pack(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function unpack(bytes: Uint8Array): { header: Record<string, never>; data: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as never;
  return { header, data: bytes.subarray(8 + length) };
}

const metadata = {
  format: 'wgpu-style',
  version: '1',
  layout: 'hwio',
  topology: '["conv1_1","relu1_1"]',
  preprocessing: '{"order":"rgb","scale":1,"mean":[0,0,0],"std":[1,1,1]}',
};
const tensors = {
  'conv1_1.weight': { dtype: 'F32', shape: [3, 3, 3, 1], data_offsets: [0, 108] },
  'conv1_1.bias': { dtype: 'F32', shape: [1], data_offsets: [108, 112] },
};
const data = new Uint8Array(Float32Array.from({ length: 28 }, (_, i) => i / 4).buffer);

describe('a network there and back', () => {
  let vgg: Vgg;
  beforeAll(async () => {
    const made = await makeVgg({ blocks: [[4, 5], [6]], pool: 'AveragePool', pad: 'reflect' });
    vgg = await Vgg.fromOnnx(made.bytes, { preprocessing: 'bgr-255' });
  });

  test('f32 gives the same layers and preprocessing, bit for bit', async () => {
    const back = await Vgg.fromSafetensors(await vgg.toSafetensors({ dtype: 'f32' }));
    expect(back.layers).toEqual(vgg.layers);
    expect(back.preprocessing).toEqual(vgg.preprocessing);
    expect(back.preprocessingSource).toBe('file');
  });

  test('f16 halves the file; numbers that float16 holds come back exactly', async () => {
    const half = await vgg.toSafetensors();
    const full = await vgg.toSafetensors({ dtype: 'f32' });
    expect(unpack(half).data.length * 2).toBe(unpack(full).data.length);
    expect((await Vgg.fromSafetensors(half)).layers).toEqual(vgg.layers);
  });

  test('writing what was read gives the same bytes', async () => {
    const once = await vgg.toSafetensors();
    expect(await (await Vgg.fromSafetensors(once)).toSafetensors()).toEqual(once);
  });

  test('layers may differ in padding and pooling', async () => {
    const layers = vgg.layers.map((layer): Layer =>
      layer.name === 'conv1_1' ? { ...(layer as ConvLayer), padding: 'replicate' } : layer,
    );
    const mixed = new Vgg({ ...vgg, layers });
    expect((await Vgg.fromSafetensors(await mixed.toSafetensors())).layers).toEqual(layers);
  });

  test('metadata of its own travels along', async () => {
    const named = new Vgg({
      ...vgg,
      metadata: new Map([
        ['name', 'Näme'],
        ['licence', 'MIT'],
      ]),
    });
    const back = await Vgg.fromSafetensors(await named.toSafetensors());
    expect([...back.metadata]).toEqual([...named.metadata]);
  });

  test('bytes in the middle of a larger buffer are read where they are', async () => {
    const bytes = await vgg.toSafetensors();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect((await Vgg.fromSafetensors(shifted.subarray(3))).layers).toEqual(vgg.layers);
  });

  test('a weight that float16 cannot hold is refused, and f32 holds it', async () => {
    const layers = vgg.layers.map((layer): Layer =>
      layer.kind === 'conv' ? { ...layer, bias: layer.bias.map(() => 70_000) } : layer,
    );
    const large = new Vgg({ ...vgg, layers });
    await expect(large.toSafetensors()).rejects.toThrow(
      /too large for float16\. Write with dtype 'f32'/,
    );
    expect((await Vgg.fromSafetensors(await large.toSafetensors({ dtype: 'f32' }))).layers).toEqual(
      layers,
    );
  });

  test('another dtype is refused', async () => {
    const writing = vgg.toSafetensors({ dtype: 'q8' as never });
    await expect(writing).rejects.toMatchObject({ code: 'bad-option' });
  });

  test('load tells the two kinds of file apart', async () => {
    const { bytes } = await makeVgg({ blocks: [[4]] });
    expect((await Vgg.load(bytes)).preprocessingSource).toBe('assumed');
    expect((await Vgg.load(await vgg.toSafetensors())).preprocessingSource).toBe('file');
    const both = Vgg.load(await vgg.toSafetensors(), { preprocessing: 'bgr-255' });
    await expect(both).rejects.toMatchObject({ code: 'bad-option' });
    await expect(Vgg.load(new Uint8Array(5))).rejects.toMatchObject({ code: 'bad-model' });
  });
});

describe('the embedded network', () => {
  test('is a VGG-19 to relu5_1 with its own preprocessing', async () => {
    const vgg = await defaultNetwork();
    expect(vgg.report.topology).toBe('VGG-19 to relu5_1');
    expect(vgg.preprocessingSource).toBe('file');
    expect(vgg.metadata.get('licence')).toBe('MIT');
    expect(await defaultNetwork()).toBe(vgg);
  });

  test('its ONNX export imports as the same numbers', async () => {
    const vgg = await defaultNetwork();
    const onnx = await Vgg.fromOnnx(
      new Uint8Array(readFileSync(path.join(weights, 'default.onnx'))),
    );
    expect(onnx.layers).toEqual(vgg.layers);
  });

  test('its tensors are the bytes of the file, widened', async () => {
    const { header, data: raw } = unpack(
      new Uint8Array(readFileSync(path.join(weights, 'default.safetensors'))),
    );
    const vgg = await defaultNetwork();
    for (const layer of vgg.layers) {
      if (layer.kind !== 'conv') continue;
      const { data_offsets } = header[`${layer.name}.weight`]! as {
        data_offsets: [number, number];
      };
      const halfs = new Uint16Array(raw.slice(...data_offsets).buffer);
      expect(layer.weight).toEqual(widenHalf(halfs));
    }
  });
});

describe('broken files are refused as bad-weights, saying why', () => {
  const withMetadata = (change: Record<string, unknown>) =>
    pack({ __metadata__: { ...metadata, ...change }, ...tensors }, data);
  const withTensor = (name: string, change: Record<string, unknown>) =>
    pack(
      { __metadata__: metadata, ...tensors, [name]: { ...tensors['conv1_1.weight'], ...change } },
      data,
    );

  test('the file that the following cases break is sound', async () => {
    const vgg = await Vgg.fromSafetensors(withMetadata({}));
    expect(vgg.parameters).toBe(28);
  });

  test.each([
    ['empty', new Uint8Array(0), /got 0 bytes/],
    [
      'a header longer than the file',
      Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0, 123),
      /header of 255 bytes in a file of 9/,
    ],
    ['a header of 2^63 bytes', new Uint8Array(9).fill(255), /header of 18446744073709551615 bytes/],
    ['a header that is no JSON', pack('{"a":'), /its header is not JSON/],
    ['a header that is no UTF-8', pack('{}').fill(0xff, 8), /its header is not JSON/],
    ['a header that is a list', pack('[]'), /not a JSON object/],
    ['no metadata', pack(tensors, data), /not weights of a VGG: got format ''/],
    ['another format', withMetadata({ format: 'pt' }), /format 'pt'/],
    ['a later version', withMetadata({ version: '2' }), /version '2'/],
    ['another layout', withMetadata({ layout: 'oihw' }), /layout 'oihw'/],
    ['metadata that is no text', withMetadata({ version: 1 }), /not an object of texts/],
    [
      'topology that is no JSON',
      withMetadata({ topology: 'conv1_1' }),
      /topology in the metadata is not JSON/,
    ],
    [
      'unknown layers',
      withMetadata({ topology: '["conv1_1","gelu1_1"]' }),
      /topology is not a list of layers/,
    ],
    [
      'a layer twice',
      withMetadata({ topology: '["conv1_1","conv1_1"]' }),
      /topology is not a list/,
    ],
    ['no layers', withMetadata({ topology: '[]' }), /topology is not a list/],
    [
      'a layer without tensors',
      withMetadata({ topology: '["conv1_1","conv1_2"]' }),
      /no tensor 'conv1_2\.weight'/,
    ],
    [
      'preprocessing of another form',
      withMetadata({ preprocessing: '"lab"' }),
      /preprocessing is not one: got "lab"/,
    ],
    ['unknown padding', withMetadata({ padding: 'wrap' }), /padding of conv1_1 is "wrap"/],
    ['padding for some layers only', withMetadata({ padding: '{"conv2_1":"wrap"}' }), undefined],
    [
      'a tensor outside the file',
      withTensor('conv1_1.weight', { data_offsets: [8, 116] }),
      /outside the file/,
    ],
    [
      'a tensor that ends before it begins',
      withTensor('conv1_1.weight', { data_offsets: [8, 4] }),
      /outside the file/,
    ],
    [
      'a shape that does not fit',
      withTensor('conv1_1.weight', { shape: [3, 3, 3, 2] }),
      /has 108 bytes .* need 216/,
    ],
    [
      'a shape for other channels',
      withTensor('conv1_1.weight', { shape: [3, 3, 1, 3] }),
      /need \[3, 3, 3, cout\]/,
    ],
    [
      'a shape beyond all memory',
      withTensor('conv1_1.weight', { shape: [1e15, 1e15] }),
      /bytes for/,
    ],
    ['a negative side', withTensor('conv1_1.weight', { shape: [-1] }), /not described by/],
    [
      'a bias of another length',
      withTensor('conv1_1.bias', { shape: [27] }),
      /conv1_1\.bias is \[27\], need \[1\]/,
    ],
    [
      'another dtype',
      withTensor('conv1_1.weight', { dtype: 'I32' }),
      /of type I32, need F32, F16 or BF16/,
    ],
    ['no dtype', withTensor('conv1_1.weight', { dtype: undefined }), /not described by dtype/],
  ] as const)('%s', async (_, bytes, message) => {
    if (message === undefined) return void (await Vgg.fromSafetensors(bytes));
    const reading = Vgg.fromSafetensors(bytes);
    await expect(reading).rejects.toMatchObject({ name: 'WgpuStyleError', code: 'bad-weights' });
    await expect(reading).rejects.toThrow(message);
  });

  test('NaN among the weights', async () => {
    const numbers = new Float32Array(28);
    numbers[5] = Number.NaN;
    const bytes = pack({ __metadata__: metadata, ...tensors }, new Uint8Array(numbers.buffer));
    await expect(Vgg.fromSafetensors(bytes)).rejects.toThrow(
      /'conv1_1\.weight' holds NaN at index 5/,
    );
  });

  test('every truncation', async () => {
    const whole = withMetadata({});
    for (let length = 0; length < whole.length; length++) {
      await expect(Vgg.fromSafetensors(whole.slice(0, length))).rejects.toMatchObject({
        code: 'bad-weights',
      });
    }
  });

  test('keys that are special to JavaScript are keys like any other', async () => {
    const text = JSON.stringify({ __metadata__: metadata, ...tensors }).replace(
      '{',
      '{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},',
    );
    await Vgg.fromSafetensors(pack(text, data));
    expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false);
  });

  test('an unknown upTo lists the layers', async () => {
    const reading = Vgg.fromSafetensors(withMetadata({}), { upTo: 'pool1' });
    await expect(reading).rejects.toMatchObject({ code: 'bad-option' });
    await expect(reading).rejects.toThrow(/Take one of conv1_1, relu1_1/);
  });
});
