// A network as the bytes of a safetensors file; weights.ts says what is in it, and reads it.

import { narrowToHalf } from './half.ts';
import type { PreprocessingSource } from './preprocessing.ts';
import { badWeights, type StoredTensor } from './safetensors.ts';
import { assumedKey, reserved, type StoredNetwork } from './weights.ts';

/** The bytes of a weights file. Throws `bad-weights` when a number does not fit in float16. */
export function encodeNetwork(
  { layers, preprocessing, preprocessingSource, metadata }: StoredNetwork & { readonly preprocessingSource?: PreprocessingSource },
  dtype: 'f16' | 'f32',
  where: string,
): Uint8Array<ArrayBuffer> {
  const convs = layers.filter((layer) => layer.kind === 'conv');
  const pools = layers.filter((layer) => layer.kind === 'pool');
  const tensors = new Map<string, StoredTensor>();
  for (const { name, kernel, cin, cout, weight, bias } of convs) {
    tensors.set(`${name}.weight`, { shape: [...kernel, cin, cout], data: weight });
    tensors.set(`${name}.bias`, { shape: [cout], data: bias });
  }
  const entries: [string, string][] = [
    ['format', 'wgpu-style'],
    ['version', '1'],
    ['layout', 'hwio'],
    ['topology', JSON.stringify(layers.map((layer) => layer.name))],
    ['preprocessing', JSON.stringify(preprocessing)],
    [
      'padding',
      wordsFor(
        convs.map(({ name, padding }) => [name, padding]),
        'zero',
      ),
    ],
    [
      'pooling',
      wordsFor(
        pools.map(({ name, pooling }) => [name, pooling]),
        'max',
      ),
    ],
    ...[...metadata].filter(([key]) => !reserved.has(key)),
    ...(preprocessingSource === 'assumed' ? [[assumedKey, 'assumed'] as [string, string]] : []),
  ];
  return writeSafetensors(tensors, new Map(entries), dtype, where);
}

/** One word where all layers agree, else a JSON object. */
function wordsFor(words: readonly (readonly [string, string])[], otherwise: string): string {
  const distinct = new Set(words.map(([, word]) => word));
  if (distinct.size > 1) return JSON.stringify(Object.fromEntries(words));
  return words[0]?.[1] ?? otherwise;
}

/**
 * Writes tensors in the given order. Throws `bad-weights` when a number is not finite, or too large
 * for float16 (from 65,520 up).
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
  dtype: 'f16' | 'f32',
  where: string,
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [['__metadata__', Object.fromEntries(metadata)]];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const numbers = dtype === 'f16' ? narrowToHalf(data) : data;
    if (dtype === 'f16' && (numbers as Uint16Array).some((half) => (half & 0x7c00) === 0x7c00)) {
      throw badWeights(
        `'${name}' has numbers too large for float16`,
        where,
        "Write with dtype 'f32'",
      );
    }
    const raw = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const data_offsets = [offset, offset + raw.length];
    entries.push([name, { dtype: dtype.toUpperCase(), shape, data_offsets }]);
    parts.push(raw);
    offset += raw.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(text.length / 8) * 8; // the data starts aligned
  const file = new Uint8Array(8 + headerLength + offset).fill(0x20, 8, 8 + headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(text, 8);
  let position = 8 + headerLength;
  for (const part of parts) {
    file.set(part, position);
    position += part.length;
  }
  return file;
}
