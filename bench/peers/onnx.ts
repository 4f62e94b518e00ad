// The chain as an ONNX file: what onnxruntime reads.

import type { onnx } from 'onnx-proto';
import { MEAN, reluOf, STD, type ChainLayer, type Pooling } from '../problem/vgg19.ts';

/** Bytes of a model that maps `picture` [1, 3, side, side], RGB in [0, 1], to `relu5_1`. */
export async function encodeChain(chain: readonly ChainLayer[], side: number, pooling: Pooling): Promise<Uint8Array> {
  type Module = typeof import('onnx-proto');
  const module = (await import('onnx-proto')) as unknown as Module & { default?: Module };
  const { ModelProto } = (module.default ?? module).onnx;
  const initializer: onnx.ITensorProto[] = [];
  const nodes: onnx.INodeProto[] = [];
  const tensor = (name: string, dims: number[], values: Float32Array): string => {
    initializer.push({ name, dims, dataType: 1, rawData: new Uint8Array(values.buffer) });
    return name;
  };
  const ints = (name: string, values: number[]): onnx.IAttributeProto => ({ name, ints: values, type: 7 });
  const add = (opType: string, input: string[], output: string, attribute: onnx.IAttributeProto[] = []): void => {
    nodes.push({ opType, input, output: [output], attribute, name: output });
  };
  add('Sub', ['picture', tensor('mean', [1, 3, 1, 1], Float32Array.from(MEAN))], 'centred');
  add('Div', ['centred', tensor('std', [1, 3, 1, 1], Float32Array.from(STD))], 'normalized');
  let last = 'normalized';
  for (const layer of chain) {
    const { name } = layer;
    if (layer.kind === 'pool') {
      const op = pooling === 'max' ? 'MaxPool' : 'AveragePool';
      add(op, [last], name, [ints('kernel_shape', [2, 2]), ints('strides', [2, 2])]);
      last = name;
      continue;
    }
    const { cin, cout, weight, bias } = layer;
    const turned = new Float32Array(weight.length);
    for (let tap = 0; tap < 9; tap++)
      for (let i = 0; i < cin; i++)
        for (let o = 0; o < cout; o++) turned[(o * cin + i) * 9 + tap] = weight[(tap * cin + i) * cout + o]!;
    const inputs = [last, tensor(`${name}/weight`, [cout, cin, 3, 3], turned), tensor(`${name}/bias`, [cout], bias)];
    add('Conv', inputs, name, [ints('kernel_shape', [3, 3]), ints('pads', [1, 1, 1, 1])]);
    add('Relu', [name], reluOf(name));
    last = reluOf(name);
  }
  const value = (name: string, sizes: number[]): onnx.IValueInfoProto => ({
    name,
    type: { tensorType: { elemType: 1, shape: { dim: sizes.map((dimValue) => ({ dimValue })) } } },
  });
  const model = {
    irVersion: 7,
    producerName: 'wgpu-style/bench',
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'vgg',
      node: nodes,
      initializer,
      input: [value('picture', [1, 3, side, side])],
      output: [{ name: last }],
    },
  };
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}
