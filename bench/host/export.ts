// The problem as a safetensors file, so that libraries outside JavaScript compute the very same: weights
// [3, 3, cin, cout] by `conv1_1/weight` and `conv1_1/bias`, pictures [side, side, 3] in [0, 1] by `64/content`,
// `64/style`, `64/start`; the constants of the formulas as JSON in the metadata.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unit } from '../problem/pictures.ts';
import { CONSTANTS, stepProblem } from '../problem/problem.ts';
import { MEAN, STD, type Pooling } from '../problem/vgg19.ts';

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Writes the file; gives its size in bytes. */
export function exportProblem(file: string, sides: readonly number[], pooling: Pooling): number {
  const bytes = encodeProblem(sides, pooling);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return bytes.length;
}

/** The file's bytes: eight of header length, a JSON header, the tensors one after another. */
export function encodeProblem(sides: readonly number[], pooling: Pooling, slim = 1): Uint8Array {
  const tensors: Tensor[] = [];
  for (const side of sides) {
    const problem = stepProblem(side, pooling, slim);
    for (const name of ['content', 'style', 'start'] as const) {
      tensors.push({ name: `${side}/${name}`, shape: [side, side, 3], data: unit(problem[name]) });
    }
  }
  const { chain } = stepProblem(16, pooling, slim);
  const layers = chain.map((layer) => layer.name);
  for (const layer of chain) {
    if (layer.kind === 'pool') continue;
    tensors.push({ name: `${layer.name}/weight`, shape: [3, 3, layer.cin, layer.cout], data: layer.weight });
    tensors.push({ name: `${layer.name}/bias`, shape: [layer.cout], data: layer.bias });
  }
  const problem = JSON.stringify({ ...CONSTANTS, mean: MEAN, std: STD, pooling, layers, sides });
  const header: Record<string, object> = { __metadata__: { problem } };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const unpadded = JSON.stringify(header);
  const text = new TextEncoder().encode(unpadded.padEnd(8 * Math.ceil(unpadded.length / 8)));
  const bytes = new Uint8Array(8 + text.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  for (const { data } of tensors) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
