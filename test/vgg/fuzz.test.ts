// Damaged and random files: every outcome is a network or a WgpuStyleError, in bounded time. Fixed
// seeds; WGPU_STYLE_FUZZ=100000 runs more of them.

import { afterAll, describe, expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { Vgg, type VggSource } from '../../src/vgg/index.ts';
import { makeVgg, reorderGraph, type VggStyle } from './make-onnx.ts';
import { countedStream } from './sources.ts';

const rounds = Number(process.env['WGPU_STYLE_FUZZ'] ?? 600);

/** Whole numbers below `n` from a seed (mulberry32). */
function dice(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** One to eight small injuries: bits, bytes, runs, cuts, insertions, and lengths made huge. */
function damaged(bytes: Uint8Array, seed: number): Uint8Array<ArrayBuffer> {
  const roll = dice(seed);
  let result = new Uint8Array(bytes);
  for (let i = roll(8); i >= 0; i--) {
    if (result.length === 0) break;
    // Structure is at the beginning and the end; the middle is numbers.
    const at = roll(3) > 0 ? roll(Math.min(400, result.length)) : roll(result.length);
    const kind = roll(7);
    if (kind === 0) result[at]! ^= 1 << roll(8);
    else if (kind === 1) result[at] = roll(256);
    else if (kind === 2) result = result.slice(0, at);
    else if (kind === 3) result.fill(255, at, at + 1 + roll(9));
    else if (kind === 4) result.fill(0, at, at + 1 + roll(9));
    else if (kind === 5) result.copyWithin(at, roll(result.length), roll(result.length));
    else {
      const more = Uint8Array.from({ length: 1 + roll(20) }, () => roll(256));
      result = new Uint8Array(Buffer.concat([result.subarray(0, at), more, result.subarray(at)]));
    }
  }
  return result;
}

async function outcome(
  source: VggSource,
  load: 'fromOnnx' | 'fromSafetensors' | 'load',
): Promise<void> {
  try {
    const vgg = await Vgg[load](source);
    expect(vgg.layers.length).toBeGreaterThan(0);
  } catch (error) {
    if (!(error instanceof WgpuStyleError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
  }
}

const styles: readonly VggStyle[] = [
  { blocks: [[2], [3]], head: true },
  {
    blocks: [[2], [3]],
    constants: true,
    naming: (i) => ['__proto__', 'constructor', 'x'][i] ?? `t${i}`,
  },
  {
    blocks: [[2, 2]],
    batchNorm: true,
    pad: 'reflect',
    tensors: { type: 'float16', field: 'typed' },
  },
  // A tensor above the size that is decoded at once.
  { blocks: [[50, 60]], listsInitializers: true },
];
const before = Object.getOwnPropertyNames(Object.prototype).length;
afterAll(() => expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before));

describe('a network or a WgpuStyleError comes of', () => {
  test.each([0, 1, 2, 3])('ONNX files of kind %i, damaged', async (kind) => {
    const { bytes } = await makeVgg(styles[kind]!);
    for (let seed = 0; seed < rounds; seed++) {
      const file = damaged(seed % 2 ? bytes : reorderGraph(bytes), seed * 10 + kind);
      await outcome(file, 'fromOnnx');
      // The same file in chunks takes the way of streams.
      if (seed % 3 === 0) await outcome(countedStream(file, 97).stream, 'load');
      if (seed % 3 === 1) await outcome(new Blob([file]), 'fromOnnx');
    }
  });

  test('safetensors files, damaged', async () => {
    const vgg = await Vgg.fromOnnx((await makeVgg(styles[0]!)).bytes);
    const bytes = await vgg.toSafetensors();
    for (let seed = 0; seed < rounds; seed++)
      await outcome(damaged(bytes, seed), 'fromSafetensors');
  });

  test('noise', async () => {
    for (let seed = 0; seed < rounds; seed++) {
      const roll = dice(seed);
      await outcome(
        Uint8Array.from({ length: roll(300) }, () => roll(roll(2) ? 256 : 60)),
        'load',
      );
    }
  });
});

describe('bombs end early and small', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const field = (number: number, bytes: readonly number[], length = bytes.length): number[] => [
    ...varint(number * 8 + 2),
    ...varint(length),
    ...bytes,
  ];
  const nested = (): number[] => {
    let bytes: number[] = [];
    // A node whose attribute holds a graph with such a node, and so on.
    for (let depth = 0; depth < 3000; depth++) bytes = field(1, field(5, field(6, bytes)));
    return field(7, bytes);
  };
  test.each<[string, () => Uint8Array]>([
    ['a length of 2^50', () => Uint8Array.from(field(7, [0], 2 ** 50))],
    [
      'a tensor of 2^40 bytes',
      () => Uint8Array.from(field(7, field(5, field(9, [1, 2], 2 ** 40), 2 ** 41), 2 ** 42)),
    ],
    ['graphs in graphs', () => Uint8Array.from(nested())],
    [
      '500,000 empty nodes',
      () =>
        Uint8Array.from(
          field(
            7,
            Array.from({ length: 1e6 }, (_, i) => (i % 2 ? 0 : 10)),
          ),
        ),
    ],
    [
      '500,000 empty tensors',
      () =>
        Uint8Array.from(
          field(
            7,
            Array.from({ length: 1e6 }, (_, i) => (i % 2 ? 0 : 42)),
          ),
        ),
    ],
  ])('%s', async (_, make) => {
    const bytes = make();
    for (const source of [
      bytes,
      new Blob([new Uint8Array(bytes)]),
      countedStream(bytes, 50_000).stream,
    ]) {
      await expect(Vgg.fromOnnx(source)).rejects.toBeInstanceOf(WgpuStyleError);
    }
  });
});
