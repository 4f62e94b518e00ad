// Kernels whose buffers are stored in 16 bits: each computes what it computes of the same numbers in f32, which other tests
// hold to float64, and rounds the result to the storage. Numbers of 16 bits are held to their definitions.

import { describe, expect, it } from 'vitest';
import { runOnce } from '../../bench/harness/workshop.ts';
import { createBuffer, destroyBuffer } from '../../src/gpu/buffers.ts';
import { rebind, type Dispatch } from '../../src/gpu/dispatch.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { UNREAD, type Storage } from '../../src/gpu/storage.ts';
import { conv2dForward, conv2dTransposed, type Conv2dParams, type Conv2dVariant } from '../../src/kernels/conv2d.ts';
import { copyBox, reshapeCopy } from '../../src/kernels/copy.ts';
import { gateBackward, gateWordsShape, unpoolBackward } from '../../src/kernels/gate.ts';
import { matmul, partialProducts, type MatmulVariant } from '../../src/kernels/matmul.ts';
import { meanStdBackward, meanStdForward } from '../../src/kernels/mean-std.ts';
import { poolBackward, poolForward } from '../../src/kernels/pool.ts';
import { reduceBackward, reduceForward } from '../../src/kernels/reduce.ts';
import { bytesOf, elementsOf, pack, type Shape } from '../../src/kernels/shape.ts';
import { winograd } from '../../src/kernels/winograd.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { bf16Of, bitsOf, f16Of, toBf16, toF16 } from '../oracle/half.ts';

const FORMATS = {
  f16: { round: toF16, of: f16Of, bits: bitsOf(f16Of), ulp: 2 ** -10 },
  bf16: { round: toBf16, of: bf16Of, bits: bitsOf(bf16Of), ulp: 2 ** -7 },
} as const;

type Half = keyof typeof FORMATS;

/** A tensor of a test: values in memory layout. */
interface Place {
  readonly shape: Shape;
  readonly values: Float32Array<ArrayBuffer>;
}

let seeds = 0;

function place(shape: Shape): Place {
  return { shape, values: pack(shape, randomValues(elementsOf(shape), ++seeds)) };
}

/** Words that are no floats: bits at random. */
function wordsFor(shape: readonly [number, number, number]): Place {
  const words = gateWordsShape(shape);
  const bits = Uint32Array.from(randomValues(bytesOf(words) / 4, ++seeds), (v) => (v + 1) * 2 ** 31);
  return { shape: words, values: new Float32Array(bits.buffer) };
}

function storedBytes(values: Float32Array, way: Storage): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  return way === 'f32' ? values.slice() : Uint16Array.from(values, FORMATS[way].bits);
}

/** Every binding of a dispatch with the type that it has in the shader's text; undefined where it is f32. */
function typesOf({ inputs, outputs, stored }: Dispatch<Place>): (readonly [Place, string | undefined])[] {
  return [...inputs.map((p, i) => [p, stored?.inputs[i]] as const), ...outputs.map((p, i) => [p, stored?.outputs[i]] as const)];
}

/** Which places a dispatch may store in 16 bits, with their types; one that it reads twice is named twice. */
function openOf(dispatch: Dispatch<Place>): (readonly [Place, string])[] {
  return typesOf(dispatch).filter((entry): entry is readonly [Place, string] => entry[1] !== undefined && entry[1] !== UNREAD);
}

/** The values of the first output of the last dispatch. */
async function run(dispatches: readonly Dispatch<Place>[], ways: ReadonlyMap<Place, Storage>): Promise<Float32Array> {
  const device = await testDevice();
  const buffers = new Map<Place, GPUBuffer>();
  const bufferOf = (p: Place): GPUBuffer => {
    const known = buffers.get(p);
    if (known) return known;
    const bytes = storedBytes(p.values, ways.get(p) ?? 'f32');
    const buffer = createBuffer(device, 'test', bytes.byteLength);
    device.queue.writeBuffer(buffer, 0, bytes);
    buffers.set(p, buffer);
    return buffer;
  };
  const bound = dispatches.map((dispatch) => {
    const types = openOf(dispatch).map(([p, type]) => [type, ways.get(p) ?? 'f32'] as const);
    const shader = dispatch.stored?.shader(Object.fromEntries(types)) ?? dispatch.shader;
    return rebind({ ...dispatch, shader }, bufferOf);
  });
  await runOnce(device, bound);
  const output = dispatches.at(-1)!.outputs[0]!;
  const way = ways.get(output) ?? 'f32';
  const read = await readBuffer(device, bufferOf(output), 0, bufferOf(output).size);
  buffers.forEach(destroyBuffer);
  return way === 'f32' ? new Float32Array(read) : Float32Array.from(new Uint16Array(read), FORMATS[way].of);
}

/** Runs dispatches in f32 and with all that may be in 16 bits in 16 bits, on the same numbers. */
async function check(dispatches: readonly Dispatch<Place>[], format: Half): Promise<void> {
  const full = new Set(dispatches.flatMap(typesOf).flatMap(([p, type]) => (type === undefined ? [p] : [])));
  const open = new Set(dispatches.flatMap(openOf).flatMap(([p]) => (full.has(p) ? [] : [p])));
  expect(open.size).toBeGreaterThan(0);
  const { round, ulp } = FORMATS[format];
  for (const { values } of open) values.forEach((v, i) => (values[i] = round(v)));
  const output = dispatches.at(-1)!.outputs[0]!;
  const exact = await run(dispatches, new Map());
  const halves = await run(dispatches, new Map([...open].map((p) => [p, format])));
  const isHalf = open.has(output);
  const most = exact.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  expect(most).toBeGreaterThan(0);
  exact.forEach((v, i) => {
    // Another order of sums would do no harm, nor another rounding of what lies between two numbers.
    const allowed = isHalf ? ulp * Math.abs(v) + 1e-6 * most : 1e-6 * most;
    expect(Math.abs(halves[i]! - v), `${i}: ${halves[i]} for ${v}`).toBeLessThanOrEqual(allowed);
  });
}

const params = (ci: number, co: number, more: Partial<Conv2dParams> = {}): Conv2dParams => ({
  input: [9, 13, ci], output: [9, 13, co], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1], mode: 'zero', ...more,
});
const scratch = (shape: Shape): Place => place(shape);
const GPU = { software: false, subgroupSize: undefined };

describe.each(['f16', 'bf16'] as const)('stored as %s', async (format) => {
  const { adapterInfo, features } = await testDevice();
  const fixed = features.has('subgroups') && adapterInfo.subgroupMinSize === adapterInfo.subgroupMaxSize;
  const size = fixed ? adapterInfo.subgroupMinSize : undefined;
  const cpu = { software: true, subgroupSize: size };
  const variants: [Conv2dVariant, { software: boolean; subgroupSize: number | undefined }][] = [['tile3x3', GPU], ['run', cpu], ['general', cpu]];
  if (size === 8) variants.push(['run-subgroup8', cpu]);
  if (size === 4 || size === 8) variants.push(['patch', cpu]);

  it.each(variants)('convolution %s, with bias and ReLU, and accumulating', async (variant, target) => {
    const [x, w, bias, y] = [place([9, 13, 6]), place([3, 3, 6, 10]), place([10]), place([9, 13, 10])];
    await check([conv2dForward(params(6, 10), { x, w, bias, y }, target, { relu: true }, variant)], format);
    await check([conv2dForward(params(6, 10, { mode: 'replicate' }), { x, w, y }, target, { accumulate: true }, variant)], format);
  });

  it.each(variants.filter(([variant]) => variant === 'tile3x3' || variant === 'patch'))(
    'convolution %s, pooled, and unpooling as it loads',
    async (variant, target) => {
      const [x, w] = [place([9, 13, 6]), place([3, 3, 6, 10])];
      for (const pool of ['max', 'average'] as const) {
        const y = place([4, 6, 10]);
        await check([conv2dForward(params(6, 10), { x, w, y, words: wordsFor([9, 13, 10]) }, target, { relu: true, pool }, variant)], format);
        const unpool = { kind: pool, words: wordsFor([9, 13, 6]) };
        await check([conv2dForward(params(6, 10), { x: place([4, 6, 6]), w, y: place([9, 13, 10]), unpool }, target, {}, variant)], format);
      }
    },
  );

  it('convolution by Winograd, and transposed', async () => {
    const [x, w, bias, y] = [place([9, 13, 6]), place([36, 6, 10]), place([10]), place([9, 13, 10])];
    await check(winograd(params(6, 10), { x, w, bias, y }, cpu, { relu: true }, scratch), format);
    const strided: Conv2dParams = { ...params(6, 10), output: [18, 26, 10], stride: [2, 2] };
    await check([conv2dTransposed(strided, { x, w: place([3, 3, 6, 10]), y: place([18, 26, 10]) }, cpu)], format);
  });

  const products: [MatmulVariant, typeof cpu | typeof GPU][] = [['registers', cpu], ['tiled', GPU]];
  if (size === 8) products.push(['subgroup8', cpu]);
  it.each(products)('matrix products %s: of features with themselves, and of features with a matrix', async (variant, target) => {
    const x = place([9, 13, 38]);
    await check([partialProducts({ m: 38, n: 38, k: 117, transposeA: true }, { a: x, b: x }, target, scratch, variant).dispatch], format);
    const io = { a: x, b: place([38, 38]), scale: place([1]), c: place([9, 13, 38]) };
    const whole = { m: 117, n: 38, k: 38, splits: 1 };
    await check(matmul(whole, io, target, true, scratch, variant).map((d) => ({ ...d, stored: { ...d.stored!, inputs: ['A'] } })), format);
    if (variant !== 'subgroup8') {
      await check(matmul({ ...whole, transposeB: true }, { ...io, scale: undefined }, target, false, scratch, variant), format);
    }
  });

  it('sums of squared differences, and their gradient', async () => {
    const [a, b, dY, dA] = [place([9, 13, 6]), place([9, 13, 6]), place([1]), place([9, 13, 6])];
    const sum = { op: 'squared differences', shape: a.shape, factor: 0.5 } as const;
    await check(reduceForward(sum, { a, b, y: place([1]) }, scratch), format);
    await check([reduceBackward(sum, { a, b, dY, dA }, true)], format);
    await check([reduceBackward({ ...sum, op: 'squares' }, { a, dY, dA }, false)], format);
  });

  it('means and standard deviations, and their gradient', async () => {
    const x = place([9, 13, 6]);
    const moments = { shape: x.shape, epsilon: 1e-8 };
    const statistics = { shape: [2, 6], values: pack([2, 6], randomValues(12, 5).map((v) => v + 2)) };
    await check(meanStdForward(moments, { x, y: place([2, 6]) }, scratch), format);
    await check([meanStdBackward(moments, { x, y: statistics, dY: place([2, 6]), dX: place([9, 13, 6]) }, true)], format);
  });

  it('pooling, forward and backward', async () => {
    for (const kind of ['max', 'average'] as const) {
      const window = { kind, shape: [9, 13, 6], size: [3, 2], stride: [2, 2], pads: [1, 0, 1, 1], countPadding: false } as const;
      const [x, y] = [place([9, 13, 6]), place([5, 7, 6])];
      await check([poolForward(window, { x, y })], format);
      await check([poolForward(window, { x, y }), poolBackward(window, { x, y, dY: place([5, 7, 6]), dX: place([9, 13, 6]) }, true)], format);
    }
  });

  it('gradients through gate words', async () => {
    const shape = [9, 13, 6] as const;
    const io = { words: wordsFor(shape), dX: place(shape) };
    await check([gateBackward(shape, { ...io, dY: place(shape) }, true)], format);
    await check([unpoolBackward('average', shape, { ...io, dY: place([4, 6, 6]) }, false)], format);
  });

  it('copies of boxes and of shapes', async () => {
    const x = place([9, 13, 6]);
    const box = { from: x.shape, to: [4, 5, 6], begin: [0, 0, 0], size: [4, 5, 6], shift: [3, 2, 0] };
    await check([copyBox(box, { x, y: place([4, 5, 6]) })], format);
    await check([copyBox({ ...box, to: [4, 5, 3], size: [4, 5, 3], shift: [3, 2, 1] }, { x, y: place([4, 5, 3]) }, true)], format);
    await check([reshapeCopy({ from: x.shape, to: [13, 18, 3] }, { x, y: place([13, 18, 3]) })], format);
  });
});

describe('numbers of 16 bits', () => {
  /** Four values a vec4. */
  const copied = async (values: readonly number[], format: Half): Promise<Float32Array> => {
    const shape = [values.length / 4, 1, 4];
    const x = { shape, values: Float32Array.from(values) };
    const y = { shape, values: new Float32Array(values.length) };
    const copy = copyBox({ from: shape, to: shape, begin: [0, 0, 0], size: shape, shift: [0, 0, 0] }, { x, y });
    return (await run([copy], new Map([[y, format]]))).subarray(0, values.length);
  };
  const sizes = [1, 1 / 3, 65504, 65535, 1e9, 2 ** -14, 1.7e-5, 6e-8, 2049, 2051, 1.00390625, 1.01171875, 3e38, 1e-30];
  const values = sizes.flatMap((v) => [v, -v, -v, v, -v, v, v, -v]);

  it('of f16 end at 65504 and are the nearest', async () => {
    const got = await copied(values, 'f16');
    values.forEach((v, i) => {
      // What is smaller than the smallest normal number may become zero; ties may go either way.
      const allowed = Math.abs(v) < 2 ** -14 ? 2 ** -14 : 2 ** -11 * Math.abs(toF16(v));
      expect(Math.abs(got[i]! - Math.max(-65504, Math.min(v, 65504))), `${v}`).toBeLessThanOrEqual(allowed);
    });
  });

  it('of bf16 have the range of f32, ties go to even', async () => {
    expect([...(await copied(values, 'bf16'))]).toEqual(values.map((v) => Math.fround(toBf16(v))));
    const odd = [NaN, Infinity, -Infinity, NaN];
    expect([...(await copied(odd, 'bf16'))]).toEqual(odd);
  });
});
