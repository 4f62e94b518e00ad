// Every convolution variant against the float64 loops, at shapes that break tiles.

import { describe, expect, it } from 'vitest';
import { createBuffer, destroyBuffer } from '../../src/gpu/buffers.ts';
import { Sequence, type Dispatch } from '../../src/gpu/dispatch.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import {
  conv2dForward,
  conv2dVariant,
  weightChunks,
  type Conv2dParams,
  type Conv2dVariant,
} from '../../src/kernels/conv2d.ts';
import { bytesOf, pack, unpack, type Shape } from '../../src/kernels/shape.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { conv2d, outputSize, type Geometry, type Mode } from '../oracle/conv2d.ts';

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
  const device = await testDevice();
  const params = paramsOf(g);
  const made: GPUBuffer[] = [];
  const upload = (shape: Shape, data: Float32Array): GPUBuffer => {
    const buffer = createBuffer(device, 'test', bytesOf(shape));
    device.queue.writeBuffer(buffer, 0, pack(shape, data));
    made.push(buffer);
    return buffer;
  };
  const kShape = [...g.kernel, g.cin, g.cout];
  const x = randomValues(g.h * g.w * g.cin, 1);
  const k = randomValues(kShape.reduce((a, b) => a * b), 2);
  const b = randomValues(g.cout, 3);
  // Old contents must not shine through: the output starts as garbage.
  const y = upload(params.output, randomValues(params.output.reduce((a, b) => a * b), 4).map((v) => v * 1e6));
  const io = { x: upload(params.input, x), w: upload(kShape, k), bias: hasBias ? upload([g.cout], b) : undefined, y };
  const target = { software, subgroupSize: device.adapterInfo.subgroupMinSize };
  const dispatch: Dispatch<GPUBuffer> = conv2dForward(params, io, target, {}, variant);
  const sequence = new Sequence(device, 'test', [dispatch]);
  await sequence.ready;
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  sequence.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const packed = new Float32Array(await readBuffer(device, y, 0, bytesOf(params.output)));
  sequence.destroy();
  made.forEach(destroyBuffer);
  const got = unpack(params.output, packed);
  // Padding lanes are part of the contract: they hold zeros.
  expect(pack(params.output, got)).toEqual(packed);
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
    expect(conv2dVariant({ ...params, stride: [2, 2] }, gpu)).toBe('general');
  });

  it('bounds the scratch of backward-weights and covers every row', () => {
    for (const rows of [1, 7, 64, 512]) {
      for (const channels of [3, 64, 512]) {
        const p = { ...params, input: [rows, 64, channels], output: [rows, 64, channels] } as const;
        const { chunks, rowsPerChunk } = weightChunks(p);
        expect(chunks * rowsPerChunk).toBeGreaterThanOrEqual(rows);
        expect((chunks - 1) * rowsPerChunk).toBeLessThan(rows);
        const one = 9 * channels * Math.ceil(channels / 4) * 16;
        expect(chunks * one).toBeLessThanOrEqual(Math.max(one, 8 * 2 ** 20));
      }
    }
  });
});
