// Every convolution variant against the float64 loops, at shapes that break tiles.

import { describe, expect, it } from 'vitest';
import {
  conv2dForward,
  conv2dVariant,
  type Conv2dParams,
  type Conv2dVariant,
} from '../../src/kernels/conv2d.ts';
import { conv2dBackwardWeights, weightChunks, weightsVariant, type WeightsVariant } from '../../src/kernels/conv2d-weights.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { conv2d, conv2dBackwardWeights as backwardWeights, outputSize, type Geometry, type Mode } from '../oracle/conv2d.ts';
import { runKernel } from '../run-kernel.ts';

// f32 sums of up to 9 · 68 products against float64: kernels.md found 2e-6 … 5e-6 of RMS for such lengths.
const TOLERANCE = 2e-5;

const plain = { stride: [1, 1], dilation: [1, 1] } as const;

/** [h, w, cin, cout] */
const SHAPES: [number, number, number, number][] = [
  [1, 1, 3, 4],
  [2, 7, 4, 60],
  [8, 8, 5, 64],
  [9, 31, 64, 68],
  [31, 9, 60, 3],
  [7, 17, 3, 1],
];

function paramsOf(g: Geometry): Conv2dParams {
  const [oh, ow] = outputSize(g);
  return {
    input: [g.h, g.w, g.cin],
    output: [oh, ow, g.cout],
    kernel: g.kernel,
    stride: g.stride,
    dilation: g.dilation,
    pad: [g.pad[0], g.pad[3]],
    mode: g.mode,
  };
}

async function runForward(g: Geometry, variant: Conv2dVariant, software: boolean, hasBias: boolean): Promise<number> {
  const { adapterInfo } = await testDevice();
  const params = paramsOf(g);
  const kShape = [...g.kernel, g.cin, g.cout];
  const x = randomValues(g.h * g.w * g.cin, 1);
  const k = randomValues(kShape.reduce((a, b) => a * b), 2);
  const b = randomValues(g.cout, 3);
  const target = { software, subgroupSize: adapterInfo.subgroupMinSize };
  const inputs = [{ shape: params.input, data: x }, { shape: kShape, data: k }, { shape: [g.cout], data: b }];
  const got = await runKernel(inputs, params.output, (io, y) =>
    conv2dForward(params, { x: io[0]!, w: io[1]!, bias: hasBias ? io[2] : undefined, y }, target, {}, variant),
  );
  return relativeError(got, conv2d(g, x, k, hasBias ? b : undefined));
}

const variants: [Conv2dVariant, boolean][] = [
  ['tile3x3', false],
  ['run', true],
  ['run', false],
  ['general', false],
];

describe('conv2d forward equals the float64 definition', async () => {
  const device = await testDevice();
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const hasSubgroups = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  if (hasSubgroups && subgroupMinSize === 8) variants.push(['run-subgroup8', true]);
  if (hasSubgroups && (subgroupMinSize === 4 || subgroupMinSize === 8)) variants.push(['patch', true]);
  for (const [variant, software] of variants) {
    for (const [h, w, cin, cout] of SHAPES) {
      it(`${variant} (${software ? 'CPU' : 'GPU'} form), 3x3, ${h}x${w}, ${cin} -> ${cout}`, async () => {
        const g: Geometry = {
          h, w, cin, cout, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode: 'zero',
        };
        expect(await runForward(g, variant, software, true)).toBeLessThan(TOLERANCE);
      });
    }
    for (const mode of ['replicate', 'reflect', 'wrap'] as Mode[]) {
      it(`${variant} (${software ? 'CPU' : 'GPU'} form), 3x3 with ${mode} padding`, async () => {
        const g: Geometry = {
          h: 9, w: 11, cin: 5, cout: 12, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode,
        };
        expect(await runForward(g, variant, software, false)).toBeLessThan(TOLERANCE);
      });
    }
  }
  for (const variant of variants.filter(([v]) => v !== 'tile3x3' && v !== 'patch')) {
    for (const kernel of [[1, 1], [9, 9], [2, 4], [5, 1]] as [number, number][]) {
      it(`${variant[0]}, ${kernel[0]}x${kernel[1]} kernel, uneven pads`, async () => {
        const g: Geometry = { h: 12, w: 13, cin: 6, cout: 9, kernel, ...mutable(plain), pad: [2, 0, 1, 3], mode: 'zero' };
        expect(await runForward(g, variant[0], variant[1], true)).toBeLessThan(TOLERANCE);
      });
    }
  }
  it('general, strides and dilations', async () => {
    for (const [stride, dilation] of [[2, 1], [3, 2], [1, 3]] as const) {
      const g: Geometry = {
        h: 15, w: 18, cin: 3, cout: 8, kernel: [3, 3],
        stride: [stride, 1], dilation: [dilation, dilation], pad: [1, 1, 1, 1], mode: 'zero',
      };
      expect(await runForward(g, 'general', false, true)).toBeLessThan(TOLERANCE);
    }
  });
});

function mutable(g: typeof plain): { stride: [number, number]; dilation: [number, number] } {
  return { stride: [...g.stride], dilation: [...g.dilation] };
}

describe('choices are pure functions of shape and adapter', () => {
  const params = paramsOf({
    h: 64, w: 64, cin: 64, cout: 64, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode: 'zero',
  });

  it('takes the halo tile on GPUs, patches or register runs on software, the general kernel for strides', () => {
    const gpu = { software: false, subgroupSize: 32 };
    expect(conv2dVariant(params, gpu)).toBe('tile3x3');
    expect(conv2dVariant({ ...params, kernel: [5, 5] }, gpu)).toBe('run');
    expect(conv2dVariant(params, { software: true, subgroupSize: 8 })).toBe('patch');
    expect(conv2dVariant(params, { software: true, subgroupSize: 4 })).toBe('patch');
    expect(conv2dVariant({ ...params, kernel: [9, 9] }, { software: true, subgroupSize: 8 })).toBe('run-subgroup8');
    expect(conv2dVariant({ ...params, kernel: [9, 9] }, { software: true, subgroupSize: 4 })).toBe('run');
    expect(conv2dVariant(params, { software: true, subgroupSize: undefined })).toBe('run');
    expect(conv2dVariant({ ...params, kernel: [1, 1] }, { software: true, subgroupSize: undefined })).toBe('general');
    expect(conv2dVariant({ ...params, stride: [2, 2] }, gpu)).toBe('general');
  });

  it('bounds the scratch of backward-weights and covers every row', () => {
    for (const target of [{ software: false, subgroupSize: 32 }, { software: true, subgroupSize: 4 }]) {
      for (const rows of [1, 7, 64, 512]) {
        for (const channels of [3, 64, 512]) {
          const p = { ...params, input: [rows, 64, channels], output: [rows, 64, channels] } as const;
          const { chunks, rowsPerChunk } = weightChunks(p, target);
          expect(chunks * rowsPerChunk).toBeGreaterThanOrEqual(rows);
          expect((chunks - 1) * rowsPerChunk).toBeLessThan(rows);
          const one = 9 * channels * Math.ceil(channels / 4) * 16;
          expect(chunks * one).toBeLessThanOrEqual(Math.max(one, 8 * 2 ** 20));
        }
      }
    }
  });

  it('sums weight gradients within a subgroup for plain 3x3 on software, by the general kernel elsewhere', () => {
    const software = { software: true, subgroupSize: 4 };
    expect(weightsVariant(params, software)).toBe('patch');
    expect(weightsVariant({ ...params, stride: [2, 2] }, software)).toBe('partial');
    expect(weightsVariant(params, { software: true, subgroupSize: undefined })).toBe('partial');
    expect(weightsVariant(params, { software: false, subgroupSize: 32 })).toBe('partial');
  });
});

/** [h, w, cin, cout, kernel, stride, dilation, mode]; two with several chunks. */
const WEIGHT_CASES: [number, number, number, number, [number, number], number, number, Mode][] = [
  [1, 1, 3, 4, [3, 3], 1, 1, 'zero'],
  [2, 7, 4, 60, [3, 3], 1, 1, 'zero'],
  [9, 31, 64, 68, [3, 3], 1, 1, 'zero'],
  [31, 8, 60, 3, [3, 3], 1, 1, 'reflect'],
  [70, 66, 3, 20, [3, 3], 1, 1, 'zero'],
  [9, 11, 5, 12, [3, 3], 1, 1, 'wrap'],
];

describe('conv2d backward-weights equals the float64 definition', async () => {
  const { adapterInfo } = await testDevice();
  const subgroupSize = adapterInfo.subgroupMinSize;
  const isFixed = subgroupSize === adapterInfo.subgroupMaxSize && (subgroupSize === 4 || subgroupSize === 8);
  const forms: WeightsVariant[] = isFixed ? ['partial', 'patch'] : ['partial'];
  const cases: typeof WEIGHT_CASES = [
    ...WEIGHT_CASES,
    [12, 13, 6, 9, [9, 7], 1, 1, 'zero'],
    [15, 18, 3, 8, [4, 5], 2, 1, 'replicate'],
    [15, 14, 9, 5, [3, 3], 1, 2, 'zero'],
  ];
  for (const form of forms) {
    for (const [h, w, cin, cout, kernel, stride, dilation, mode] of form === 'patch' ? WEIGHT_CASES : cases) {
      it(`${form}, ${kernel[0]}x${kernel[1]} on ${h}x${w}, ${cin} -> ${cout}, ${mode}`, async () => {
        const pad = kernel.map((k) => Math.floor(k / 2)) as [number, number];
        const g: Geometry = {
          h, w, cin, cout, kernel, stride: [stride, stride], dilation: [dilation, dilation],
          pad: [pad[0], pad[1], pad[0], pad[1]], mode,
        };
        const p = paramsOf(g);
        const x = randomValues(h * w * cin, 1);
        const dY = randomValues(p.output.reduce((a, b) => a * b), 2);
        const shape = [...kernel, cin, cout];
        const want = backwardWeights(g, x, dY);
        for (const old of [undefined, randomValues(want.length, 3)]) {
          const target = { software: form === 'patch', subgroupSize };
          const got = await runKernel(
            [{ shape: p.input, data: x }, { shape: p.output, data: dY }],
            shape,
            (io, dW, scratch) =>
              conv2dBackwardWeights(p, { x: io[0]!, dY: io[1]!, dW }, target, old !== undefined, scratch, form),
            old,
          );
          expect(relativeError(got, want.map((v, i) => v + (old?.[i] ?? 0)))).toBeLessThan(TOLERANCE);
        }
      });
    }
  }
});
