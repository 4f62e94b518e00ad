// Gate words: written and applied by convolutions, and applied by themselves, against plain loops.

import { describe, expect, it } from 'vitest';
import { gateBackward, gateWordsShape, unpoolBackward } from '../../src/kernels/gate.ts';
import { conv2dForward, hasGates, type Conv2dParams, type Conv2dVariant } from '../../src/kernels/conv2d.ts';
import { matmul } from '../../src/kernels/matmul.ts';
import { reduceBackward } from '../../src/kernels/reduce.ts';
import { elementsOf, type Shape } from '../../src/kernels/shape.ts';
import { kernelTarget, type KernelTarget } from '../../src/kernels/target.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { conv2d } from '../oracle/conv2d.ts';
import { matmul as matmulReference } from '../oracle/matmul.ts';
import { gateWords, openings, reluPool, unpool, type Image } from '../oracle/gate.ts';
import { folded, runKernel, runKernelBytes, type Values } from '../run-kernel.ts';

// f32 sums of up to 9 · 68 products, as in conv2d.test.ts.
const TOLERANCE = 2e-5;

/** Sides and channels that break blocks of 2 x 4 x 4: [h, w, c]. */
const IMAGES: readonly (readonly [number, number, number])[] = [
  [1, 1, 4], [2, 4, 4], [2, 7, 60], [7, 9, 3], [8, 8, 64], [9, 31, 68], [31, 2, 5],
];

const POOLS = ['max', 'average'] as const;

/** Words as the floats of a tensor, bit for bit; rows padded as the kernels see them. */
function wordsTensor(image: Image, words: Uint32Array): Values {
  // As a flat tensor whose rows are whole vec4s, so that nothing is inserted between words.
  const padded = new Uint32Array(Math.ceil(words.length / 4) * 4);
  padded.set(words);
  expect(words.length).toBeLessThanOrEqual(elementsOf(gateWordsShape([image.h, image.w, image.c])));
  return { shape: [padded.length], data: new Float32Array(padded.buffer) };
}

/** Values with zeros, equal neighbours and negatives: the cases that decide where a gradient goes. */
function activations(count: number, seed: number): Float32Array {
  return randomValues(count, seed).map((v) => Math.round(v * 3) / 3);
}

describe('a gradient through gate words', () => {
  for (const [h, w, c] of IMAGES) {
    const image = { h, w, c };
    const x = activations(h * w * c, 1);
    it(`passes where a ReLU was open, in any grid, ${h}x${w}x${c}`, async () => {
      const isOpen = openings(image, x);
      const dY = randomValues(h * w * c, 2);
      const want = dY.map((g, i) => (isOpen(Math.floor(i / c / w), Math.floor(i / c) % w, i % c) ? g : 0));
      const inputs = [wordsTensor(image, gateWords(image, isOpen)), { shape: [h, w, c], data: dY }];
      for (const old of [undefined, randomValues(h * w * c, 3)]) {
        const make = ([words, d]: readonly GPUBuffer[], y: GPUBuffer) => {
          const dispatch = gateBackward([h, w, c], { words: words!, dY: d!, dX: y }, old !== undefined);
          return old ? folded(dispatch) : dispatch;
        };
        const got = await runKernel(inputs, [h, w, c], make, old);
        expect(relativeError(got, want.map((v, i) => v + (old?.[i] ?? 0)))).toBeLessThan(1e-6);
      }
    });
    if (h < 2 || w < 2) continue;
    it.each(POOLS)(`goes back through ReLU and %s pooling, in any grid, ${h}x${w}x${c}`, async (pool) => {
      const isOpen = openings(image, x, pool);
      const small = [h >> 1, w >> 1, c];
      const dP = randomValues(elementsOf(small), 4);
      const want = unpool(image, dP, isOpen, pool);
      const inputs = [wordsTensor(image, gateWords(image, isOpen)), { shape: small, data: dP }];
      for (const old of [undefined, randomValues(h * w * c, 5)]) {
        const make = ([words, d]: readonly GPUBuffer[], y: GPUBuffer) => {
          const dispatch = unpoolBackward(pool, [h, w, c], { words: words!, dY: d!, dX: y }, old !== undefined);
          return old ? folded(dispatch) : dispatch;
        };
        const got = await runKernel(inputs, [h, w, c], make, old);
        expect(relativeError(got, want.map((v, i) => v + (old?.[i] ?? 0)))).toBeLessThan(1e-6);
      }
    });
  }
});

/** [h, w, cin, cout] */
const CONVOLUTIONS = [[1, 1, 3, 4], [2, 7, 4, 60], [8, 8, 5, 64], [9, 31, 64, 68], [31, 9, 60, 3], [7, 17, 3, 1]] as const;

const GPU: KernelTarget = { software: false, subgroupSize: undefined };

/** Each variant with gates, and the target it is launched for. */
const VARIANTS: [Conv2dVariant, KernelTarget][] = [['tile3x3', GPU]];
const { features, adapterInfo } = await testDevice();
const lanesOfSubgroups = adapterInfo.subgroupMinSize;
if (features.has('subgroups') && lanesOfSubgroups === adapterInfo.subgroupMaxSize && [4, 8].includes(lanesOfSubgroups)) {
  VARIANTS.push(['patch', { software: true, subgroupSize: lanesOfSubgroups }]);
}

function paramsOf([h, w, cin, cout]: readonly [number, number, number, number]): Conv2dParams {
  return {
    input: [h, w, cin], output: [h, w, cout], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1], mode: 'zero',
  };
}

const geometryOf = ([h, w, cin, cout]: readonly [number, number, number, number]) =>
  ({ h, w, cin, cout, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode: 'zero' }) as Parameters<
    typeof conv2d
  >[0];

describe.each(VARIANTS)('convolution %s', (variant, target) => {
  it('says that it has gates', () => expect(hasGates(variant)).toBe(true));

  for (const sizes of CONVOLUTIONS) {
    const [h, w, cin, cout] = sizes;
    const image = { h, w, c: cout };
    const x = randomValues(h * w * cin, 1);
    const k = randomValues(9 * cin * cout, 2);
    const b = randomValues(cout, 3);
    const z = conv2d(geometryOf(sizes), x, k, b);
    const inputs: Values[] = [
      { shape: [h, w, cin], data: x }, { shape: [3, 3, cin, cout], data: k }, { shape: [cout], data: b },
    ];
    const name = `${h}x${w}, ${cin} -> ${cout}`;

    it.each([undefined, ...POOLS])(`stores ReLU, pooling %s and gate words, ${name}`, async (pool) => {
      const shape: Shape = pool ? [h >> 1, w >> 1, cout] : [h, w, cout];
      if (elementsOf(shape) > 0) {
        const want = pool ? reluPool(image, z, pool) : z.map((v) => Math.max(0, v));
        const got = await runKernel(inputs, shape, (io, y, scratch) => {
          const words = scratch(gateWordsShape([h, w, cout]));
          const buffers = { x: io[0]!, w: io[1]!, bias: io[2]!, y, words };
          return conv2dForward(paramsOf(sizes), buffers, target, { relu: true, pool }, variant);
        });
        expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
      }
      // The words, read as the output of a run whose y is scratch. No value here is near enough to 0 to round across.
      const wantWords = gateWords(image, openings(image, z, pool));
      const got = await runKernelBytes(inputs, [wantWords.length], (io, words, scratch) => {
        const y = scratch([Math.max(1, shape[0]!), Math.max(1, shape[1]!), cout]);
        const buffers = { x: io[0]!, w: io[1]!, bias: io[2]!, y, words };
        return conv2dForward(paramsOf(sizes), buffers, target, { relu: true, pool }, variant);
      });
      expect([...new Uint32Array(got).subarray(0, wantWords.length)]).toEqual([...wantWords]);
    });

    it(`accumulates, then applies gate words, ${name}`, async () => {
      const seen = activations(h * w * cout, 7);
      const isOpen = openings(image, seen);
      const old = randomValues(h * w * cout, 8);
      const want = z.map((v, i) => (isOpen(Math.floor(i / cout / w), Math.floor(i / cout) % w, i % cout) ? v + old[i]! : 0));
      const all = [...inputs, wordsTensor(image, gateWords(image, isOpen))];
      const got = await runKernel(all, [h, w, cout], (io, y) => {
        const buffers = { x: io[0]!, w: io[1]!, bias: io[2]!, y, gateWords: io[3]! };
        return conv2dForward(paramsOf(sizes), buffers, target, { accumulate: true }, variant);
      }, old);
      expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
    });

    if (h < 2 || w < 2) continue;
    it.each(POOLS)(`reads a gradient through %s pooling as it loads, ${name}`, async (pool) => {
      const source = { h, w, c: cin };
      const isOpen = openings(source, activations(h * w * cin, 9), pool);
      const small = [h >> 1, w >> 1, cin];
      const dP = randomValues(elementsOf(small), 10);
      const want = conv2d(geometryOf(sizes), unpool(source, dP, isOpen, pool), k);
      const all = [{ shape: small, data: dP }, inputs[1]!, wordsTensor(source, gateWords(source, isOpen))];
      const got = await runKernel(all, [h, w, cout], (io, y) => {
        const buffers = { x: io[0]!, w: io[1]!, y, unpool: { kind: pool, words: io[2]! } };
        return conv2dForward(paramsOf(sizes), buffers, target, {}, variant);
      });
      expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
    });
  }

  it('takes the first of equal maxima, and none where nothing is positive', async () => {
    // All taps but the middle one are 0: the convolution is the identity, so ties survive.
    const [h, w, c] = [6, 8, 4];
    const image = { h, w, c };
    const x = activations(h * w * c, 11);
    const k = new Float32Array(9 * c * c);
    for (let i = 0; i < c; i++) k[4 * c * c + i * c + i] = 1;
    const wantWords = gateWords(image, openings(image, x, 'max'));
    const inputs = [{ shape: [h, w, c], data: x }, { shape: [3, 3, c, c], data: k }];
    const got = await runKernelBytes(inputs, [wantWords.length], (io, words, scratch) => {
      const buffers = { x: io[0]!, w: io[1]!, y: scratch([h / 2, w / 2, c]), words };
      return conv2dForward(paramsOf([h, w, c, c]), buffers, target, { relu: true, pool: 'max' }, variant);
    });
    expect([...new Uint32Array(got).subarray(0, wantWords.length)]).toEqual([...wantWords]);
  });
});

describe('other kernels that gate as they store', () => {
  const [h, w, c] = [5, 7, 36];
  const image = { h, w, c };
  const seen = activations(h * w * c, 21);
  const isOpen = openings(image, seen);
  const old = randomValues(h * w * c, 22);
  const gated = (values: ArrayLike<number>): Float64Array =>
    Float64Array.from(old, (v, i) => (isOpen(Math.floor(i / c / w), Math.floor(i / c) % w, i % c) ? v + values[i]! : 0));
  const gates = [
    ['gate', { shape: [h, w, c], data: seen }],
    ['gate words', wordsTensor(image, gateWords(image, isOpen))],
  ] as const;
  const step = (kind: (typeof gates)[number][0], by: GPUBuffer) =>
    kind === 'gate' ? ({ kind, by } as const) : ({ kind, by, shape: [h, w, c] } as const);

  for (const [kind, by] of gates) {
    it.each(['registers', 'tiled', 'subgroup8'] as const)(`matrix product %s, accumulated, by ${kind}`, async (variant) => {
      if (variant === 'subgroup8' && kernelTarget(await testDevice()).subgroupSize !== 8) return;
      const k = 20;
      const a = randomValues(h * w * k, 23);
      const b = randomValues(k * c, 24);
      const inputs = [{ shape: [h * w, k], data: a }, { shape: [k, c], data: b }, { shape: [1], data: [0.5] }, by];
      const got = await runKernel(inputs, [h, w, c], (io, y, scratch) => {
        const params = { m: h * w, n: c, k, factor: 3, splits: 1 };
        const buffers = { a: io[0]!, b: io[1]!, c: y, scale: io[2]!, gate: step(kind, io[3]!) };
        return matmul(params, buffers, GPU, true, scratch, variant);
      }, old);
      expect(relativeError(got, gated(matmulReference(h * w, c, k, a, b).map((v) => 1.5 * v)))).toBeLessThan(3e-6);
    });

    it(`gradient of squared differences, accumulated, by ${kind}`, async () => {
      const [a, b] = [randomValues(h * w * c, 25), randomValues(h * w * c, 26)];
      const inputs = [{ shape: [h, w, c], data: a }, { shape: [h, w, c], data: b }, { shape: [1], data: [0.5] }, by];
      const got = await runKernel(inputs, [h, w, c], (io, dA) => {
        const params = { op: 'squared differences', shape: [h, w, c], factor: 3 } as const;
        return reduceBackward(params, { a: io[0]!, b: io[1]!, dY: io[2]!, dA, gate: step(kind, io[3]!) }, true);
      }, old);
      expect(relativeError(got, gated(a.map((v, i) => 3 * (v - b[i]!))))).toBeLessThan(1e-6);
    });
  }
});
