// Winograd's F(4x4, 3x3) against the float64 loops: odd sides, channels that fill no vec4, several bands, everything fused.

import { describe, expect, it } from 'vitest';
import { type Conv2dParams } from '../../src/kernels/conv2d.ts';
import { gateWordsShape } from '../../src/kernels/gate.ts';
import { permuteWeights } from '../../src/kernels/permute.ts';
import { elementsOf, type Shape } from '../../src/kernels/shape.ts';
import type { KernelTarget } from '../../src/kernels/target.ts';
import {
  hasWinograd,
  winograd,
  winogradBands,
  winogradWeights,
  winogradWeightsShape,
} from '../../src/kernels/winograd.ts';
import { dot, randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { conv2d, conv2dBackwardData, type Geometry, type Mode } from '../oracle/conv2d.ts';
import { gateWords, openings, reluPool, unpool } from '../oracle/gate.ts';
import { runKernel, runKernelBytes, type MakeDispatches, type Values } from '../run-kernel.ts';

// kernels.md (a.4) models 1.8e-5 of the RMS at 64 channels for values after a ReLU; these have both signs.
const TOLERANCE = 6e-5;

/** [h, w, cin, cout] */
const SHAPES = [
  [1, 1, 3, 4], [2, 7, 4, 60], [7, 9, 5, 3], [8, 8, 5, 64], [9, 31, 64, 68], [31, 9, 60, 1], [36, 40, 3, 20],
] as const;

const POOLS = ['max', 'average'] as const;

/** One row of tiles a band, the least there is. */
const NARROW = 1;

const { features, adapterInfo } = await testDevice();
const lanesOfSubgroups = adapterInfo.subgroupMinSize;
const FORMS: [string, KernelTarget][] = [['GPU form', { software: false, subgroupSize: undefined }]];
if (features.has('subgroups') && lanesOfSubgroups === adapterInfo.subgroupMaxSize && [4, 8].includes(lanesOfSubgroups)) {
  FORMS.push(['CPU form', { software: true, subgroupSize: lanesOfSubgroups }]);
}

function paramsOf([h, w, cin, cout]: readonly [number, number, number, number], mode: Mode = 'zero'): Conv2dParams {
  return { input: [h, w, cin], output: [h, w, cout], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1], mode };
}

function geometryOf([h, w, cin, cout]: readonly [number, number, number, number], mode: Mode = 'zero'): Geometry {
  return { h, w, cin, cout, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode };
}

function wordsTensor(words: Uint32Array): Values {
  const padded = new Uint32Array(Math.ceil(words.length / 4) * 4);
  padded.set(words);
  return { shape: [padded.length], data: new Float32Array(padded.buffer) };
}

/** Dispatches of the whole of it: weights are input 1. */
function whole(
  params: Conv2dParams,
  target: KernelTarget,
  io: (io: readonly GPUBuffer[], y: GPUBuffer, scratch: (shape: Shape) => GPUBuffer) => Omit<Parameters<typeof winograd<GPUBuffer>>[1], 'w'>,
  epilogue: Parameters<typeof winograd<GPUBuffer>>[3] = {},
  bandBytes?: number,
): MakeDispatches {
  return (inputs, y, scratch) => {
    const u = scratch(winogradWeightsShape(params));
    const buffers = { ...io(inputs, y, scratch), w: u };
    return [
      winogradWeights(params, { w: inputs[1]!, u }),
      ...winograd(params, buffers, target, epilogue, scratch, bandBytes),
    ];
  };
}

describe.each(FORMS)('Winograd, %s', (_, target) => {
  for (const sizes of SHAPES) {
    const [h, w, cin, cout] = sizes;
    const image = { h, w, c: cout };
    const params = paramsOf(sizes);
    const x = randomValues(h * w * cin, 1);
    const k = randomValues(9 * cin * cout, 2);
    const b = randomValues(cout, 3);
    const z = conv2d(geometryOf(sizes), x, k, b);
    const inputs: Values[] = [
      { shape: [h, w, cin], data: x }, { shape: [3, 3, cin, cout], data: k }, { shape: [cout], data: b },
    ];
    const name = `${h}x${w}, ${cin} -> ${cout}`;

    it.each([undefined, NARROW])(`equals the definition, ${name}, bands of %s bytes`, async (bandBytes) => {
      const make = whole(params, target, (io, y) => ({ x: io[0]!, bias: io[2]!, y }), {}, bandBytes);
      expect(relativeError(await runKernel(inputs, [h, w, cout], make), z)).toBeLessThan(TOLERANCE);
    });

    it(`accumulates, then applies a gate and gate words, in bands, ${name}`, async () => {
      const seen = randomValues(h * w * cout, 7);
      const old = randomValues(h * w * cout, 8);
      const isOpen = openings(image, seen);
      const want = z.map((v, i) => (seen[i]! > 0 ? v + old[i]! : 0));
      const gates = [{ shape: [h, w, cout], data: seen }, wordsTensor(gateWords(image, isOpen))];
      for (const [at, gate] of gates.entries()) {
        const how = at === 0 ? 'gate' : 'gateWords';
        const make = whole(
          params, target, (io, y) => ({ x: io[0]!, bias: io[2]!, y, [how]: io[3]! }), { accumulate: true }, NARROW,
        );
        const got = await runKernel([...inputs, gate], [h, w, cout], make, old);
        expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
      }
    });

    if (h < 2 || w < 2) continue;

    it.each(POOLS)(`stores ReLU, %s pooling and gate words, in bands, ${name}`, async (pool) => {
      const small = [h >> 1, w >> 1, cout];
      const got = await runKernel(inputs, small, whole(
        params, target,
        (io, y, scratch) => ({ x: io[0]!, bias: io[2]!, y, words: scratch(gateWordsShape([h, w, cout])) }),
        { relu: true, pool }, NARROW,
      ));
      expect(relativeError(got, reluPool(image, z, pool))).toBeLessThan(TOLERANCE);
      const want = gateWords(image, openings(image, z, pool));
      const bytes = await runKernelBytes(inputs, [want.length], whole(
        params, target, (io, words, scratch) => ({ x: io[0]!, bias: io[2]!, y: scratch(small), words }),
        { relu: true, pool }, NARROW,
      ));
      // No value here is near enough to 0, and no two of a window near enough to each other, to be told apart wrongly.
      expect([...new Uint32Array(bytes).subarray(0, want.length)]).toEqual([...want]);
    });

    it.each(POOLS)(`reads a gradient through %s pooling as it loads, ${name}`, async (pool) => {
      const source = { h, w, c: cin };
      const isOpen = openings(source, randomValues(h * w * cin, 9), pool);
      const small = [h >> 1, w >> 1, cin];
      const dP = randomValues(elementsOf(small), 10);
      const want = conv2d(geometryOf(sizes), unpool(source, dP, isOpen, pool), k);
      const all = [{ shape: small, data: dP }, inputs[1]!, wordsTensor(gateWords(source, isOpen))];
      const make = whole(params, target, (io, y) => ({ x: io[0]!, y, unpool: { kind: pool, words: io[2]! } }));
      expect(relativeError(await runKernel(all, [h, w, cout], make), want)).toBeLessThan(TOLERANCE);
    });
  }

  it.each(['replicate', 'reflect', 'wrap'] as const)('pads by %s', async (mode) => {
    const sizes = [9, 11, 5, 12] as const;
    const x = randomValues(9 * 11 * 5, 1);
    const k = randomValues(9 * 5 * 12, 2);
    const make = whole(paramsOf(sizes, mode), target, (io, y) => ({ x: io[0]!, y }));
    const got = await runKernel([{ shape: [9, 11, 5], data: x }, { shape: [3, 3, 5, 12], data: k }], [9, 11, 12], make);
    expect(relativeError(got, conv2d(geometryOf(sizes, mode), x, k))).toBeLessThan(TOLERANCE);
  });

  it('with rotated weights is the transpose of itself', async () => {
    const sizes = [9, 14, 12, 8] as const;
    const [h, w, cin, cout] = sizes;
    const dY = randomValues(h * w * cout, 1);
    const k = randomValues(9 * cin * cout, 2);
    const back = paramsOf([h, w, cout, cin]);
    const inputs = [{ shape: [h, w, cout], data: dY }, { shape: [3, 3, cin, cout], data: k }];
    const got = await runKernel(inputs, [h, w, cin], (io, dX, scratch) => {
      const rotated = scratch([3, 3, cout, cin]);
      const u = scratch(winogradWeightsShape(back));
      return [
        permuteWeights({ shape: [3, 3, cin, cout], flip: true }, { x: io[1]!, y: rotated }),
        winogradWeights(back, { w: rotated, u }),
        ...winograd(back, { x: io[0]!, w: u, y: dX }, target, {}, scratch),
      ];
    });
    expect(relativeError(got, conv2dBackwardData(geometryOf(sizes), dY, k))).toBeLessThan(TOLERANCE);
    const x = randomValues(h * w * cin, 3);
    const y = await runKernel(
      [{ shape: [h, w, cin], data: x }, inputs[1]!], [h, w, cout],
      whole(paramsOf(sizes), target, (io, out) => ({ x: io[0]!, y: out })),
    );
    const [left, right] = [dot(y, dY), dot(x, got)];
    expect(Math.abs(left - right) / Math.abs(left)).toBeLessThan(1e-4);
  });
});

describe('bands are pure arithmetic', () => {
  it('keep scratch under its bound, of one row of tiles at least', () => {
    for (const [side, ci, co] of [[64, 64, 64], [512, 3, 64], [512, 64, 64], [1024, 64, 128], [7, 512, 512]] as const) {
      const { down, across, rowsPerBand } = winogradBands(paramsOf([side, side, ci, co]), 12 * 2 ** 20);
      expect([down, across]).toEqual([Math.ceil(side / 4), Math.ceil(side / 4)]);
      const bytes = 36 * 4 * across * Math.max(ci, co) * rowsPerBand;
      expect(rowsPerBand === 1 || bytes <= 12 * 2 ** 20).toBe(true);
      expect(rowsPerBand === down || bytes + bytes / rowsPerBand > 12 * 2 ** 20).toBe(true);
    }
  });

  it('is for 3x3 kernels of stride and dilation 1', () => {
    const params = paramsOf([8, 8, 4, 4]);
    expect(hasWinograd(params)).toBe(true);
    expect(hasWinograd({ ...params, kernel: [3, 1] })).toBe(false);
    expect(hasWinograd({ ...params, stride: [2, 1] })).toBe(false);
    expect(hasWinograd({ ...params, dilation: [1, 2] })).toBe(false);
  });
});
