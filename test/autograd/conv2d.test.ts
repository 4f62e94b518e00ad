// Convolutions on the tape: values and gradients to image, weights and bias against the float64 loops.

import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import type { Pads, Pair } from '../../src/autograd/index.ts';
import { dot, randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import * as oracle from '../oracle/conv2d.ts';
import { checkOp } from './check-op.ts';

// Direct f32 sums against float64 (kernels.md: 2e-6 … 5e-6 of RMS for such lengths); dW and dBias sum over all pixels.
const TOLERANCE = 2e-5;

interface Case {
  readonly name: string;
  readonly size: readonly [number, number, number, number]; // h, w, cin, cout
  readonly kernel?: readonly [number, number];
  readonly stride?: Pair;
  readonly dilation?: Pair;
  readonly pad?: Pads;
  readonly mode?: oracle.Mode;
}

const CASES: readonly Case[] = [
  { name: '3x3, one pixel', size: [1, 1, 3, 4] },
  { name: '3x3, odd sides and channels', size: [7, 9, 5, 3] },
  { name: '3x3, more than one tile', size: [17, 31, 4, 68] },
  { name: '3x3, channels across chunks', size: [8, 8, 60, 12] },
  { name: '1x1', size: [5, 6, 7, 9], kernel: [1, 1] },
  { name: '5x3 with dilation', size: [12, 13, 3, 4], kernel: [5, 3], dilation: [2, 1] },
  { name: 'stride 2', size: [9, 12, 3, 8], stride: 2, pad: 1 },
  { name: 'stride [3, 2], 4x4, uneven pads', size: [11, 10, 4, 5], kernel: [4, 4], stride: [3, 2], pad: [1, 0, 2, 3] },
  { name: 'no padding', size: [8, 7, 3, 4], pad: 0 },
  { name: '1x1 with padding beyond the kernel', size: [4, 5, 3, 4], kernel: [1, 1], pad: 1 },
  { name: 'replicate', size: [6, 9, 3, 8], mode: 'replicate' },
  { name: 'reflect', size: [6, 9, 3, 8], mode: 'reflect' },
  { name: 'reflect, 5x5', size: [6, 5, 2, 4], kernel: [5, 5], mode: 'reflect' },
  { name: 'wrap with stride 2', size: [8, 8, 3, 4], mode: 'wrap', stride: 2, pad: 1 },
];

function both(value: Pair = 1): [number, number] {
  return typeof value === 'number' ? [value, value] : [value[0], value[1]];
}

function geometryOf({ size, kernel = [3, 3], stride, dilation, pad, mode = 'zero' }: Case): oracle.Geometry {
  const [h, w, cin, cout] = size;
  const d = both(dilation);
  const same = [d[0] * (kernel[0] - 1), d[1] * (kernel[1] - 1)] as const;
  const pads: [number, number, number, number] =
    pad === undefined
      ? [Math.floor(same[0] / 2), Math.ceil(same[1] / 2), Math.ceil(same[0] / 2), Math.floor(same[1] / 2)]
      : typeof pad === 'number'
        ? [pad, pad, pad, pad]
        : [...pad];
  return { h, w, cin, cout, kernel: [kernel[0], kernel[1]], stride: both(stride), dilation: d, pad: pads, mode };
}

/** Column sums of [pixels, channels]. */
function columnSums(values: Float32Array, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  values.forEach((value, i) => (sums[i % channels]! += value));
  return sums;
}

describe('tape.conv2d', () => {
  for (const item of CASES) {
    it(`${item.name}: values and all three gradients equal the definition`, async () => {
      const g = geometryOf(item);
      const { stride = 1, dilation = 1, mode = 'zero' } = item;
      await checkOp({
        inputs: [[g.h, g.w, g.cin], [...g.kernel, g.cin, g.cout], [g.cout]],
        build: (tape, x, k, bias) =>
          tape.conv2d(x!, k!, {
            bias,
            stride,
            dilation,
            padding: mode,
            ...(item.pad !== undefined && { pad: item.pad }),
          }),
        forward: (x, k, bias) => oracle.conv2d(g, x!, k!, bias),
        backward: (dY, x, k) => [
          oracle.conv2dBackwardData(g, dY, k!),
          oracle.conv2dBackwardWeights(g, x!, dY),
          columnSums(dY, g.cout),
        ],
        tolerance: TOLERANCE,
      });
    });
  }

  it('is adjoint: <conv(x), u> = <x, backward-data(u)>, and the same for the weights', async () => {
    const tape = new Tape(await testDevice());
    const values = { x: randomValues(9 * 10 * 5, 1), k: randomValues(9 * 5 * 6, 2), u: randomValues(9 * 10 * 6, 3) };
    const x = tape.variable([9, 10, 5], values.x);
    const k = tape.variable([3, 3, 5, 6], values.k);
    const y = tape.conv2d(x, k);
    const loss = tape.sum(tape.mul(y, tape.constant([9, 10, 6], values.u)));
    const program = tape.compile([loss, y], [x, k]);
    await program.run();
    const inner = dot(await program.read(y), values.u);
    // 1e-5: three f32 sums of a few hundred products each.
    expect(dot(await program.gradient(x), values.x)).toBeCloseTo(inner, 3);
    expect(Math.abs(dot(await program.gradient(x), values.x) / inner - 1)).toBeLessThan(1e-5);
    expect(Math.abs(dot(await program.gradient(k), values.k) / inner - 1)).toBeLessThan(1e-5);
    program.destroy();
    tape.destroy();
  });

  it('refuses shapes that do not fit, saying which', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 4, 3]);
    expect(() => tape.conv2d(x, tape.variable([3, 3, 4, 8]))).toThrow(/\[4, 4, 3\].*\[3, 3, 4, 8\].*\[h, w, cin\]/);
    expect(() => tape.conv2d(x, tape.variable([3, 3, 3, 8]), { bias: tape.variable([4]) })).toThrow(/Give \[8\]/);
    expect(() => tape.conv2d(x, tape.variable([9, 9, 3, 8]), { pad: 0 })).toThrow(/too small/);
    expect(() => tape.conv2d(x, tape.variable([9, 9, 3, 8]), { padding: 'reflect' })).toThrow(/reflect/);
    expect(() => tape.conv2d(x, tape.variable([3, 3, 3, 8]), { stride: 0 })).toThrow(/at least 1/);
    expect(() => tape.conv2d(x, tape.variable([3, 3, 3, 8]), { padding: 'same' as 'zero' })).toThrow(/unknown mode "same"/);
    tape.destroy();
  });
});

describe('tape.conv2dTranspose', () => {
  const cases = [
    { name: 'stride 2, 3x3, twice the size', size: [5, 6, 4, 3], kernel: [3, 3], stride: 2, options: {} },
    { name: 'stride 2, 4x4, pad 1', size: [4, 5, 3, 8], kernel: [4, 4], stride: 2, options: { pad: 1 } },
    { name: 'stride 1', size: [6, 5, 5, 4], kernel: [3, 3], stride: 1, options: {} },
    { name: 'stride 3, 2x2, with gaps', size: [3, 4, 2, 4], kernel: [2, 2], stride: 3, options: {} },
    { name: "TensorFlow's SAME, pads [0, 1, 1, 0] of the result", size: [4, 4, 3, 4], kernel: [3, 3], stride: 2, options: { pad: [0, 1, 1, 0] } },
  ] as const;
  for (const { name, size, kernel, stride, options } of cases) {
    it(`${name}: values and gradients are those of the convolution it transposes`, async () => {
      const [h, w, cin, cout] = size;
      // The convolution from y (cout channels) back to x; its geometry follows from the result's size.
      const tape = new Tape(await testDevice());
      const probe = tape.conv2dTranspose(tape.variable([h, w, cin]), tape.variable([...kernel, cin, cout]), { stride, ...options });
      tape.destroy();
      const [oh, ow] = probe.shape as [number, number, number];
      const pads = 'pad' in options ? options.pad : undefined;
      const surplus = [kernel[0] - stride, kernel[1] - stride].map((s) => Math.max(0, s)) as [number, number];
      const [top, left] =
        pads === undefined
          ? [Math.floor(surplus[0] / 2), Math.floor(surplus[1] / 2)]
          : typeof pads === 'number'
            ? [pads, pads]
            : [pads[0], pads[3]];
      const bottom = (h - 1) * stride + kernel[0] - oh - top;
      const right = (w - 1) * stride + kernel[1] - ow - left;
      const down: oracle.Geometry = {
        h: oh, w: ow, cin: cout, cout: cin, kernel: [kernel[0], kernel[1]],
        stride: [stride, stride], dilation: [1, 1], pad: [top, right, bottom, left], mode: 'zero',
      };
      if (pads === undefined) expect([oh, ow]).toEqual([h * stride, w * stride]);
      expect(oracle.outputSize(down)).toEqual([h, w]);
      const taps = kernel[0] * kernel[1];
      const swap = (k: ArrayLike<number>): Float64Array => oracle.swapChannels(taps, cin, cout, k);
      await checkOp({
        inputs: [[h, w, cin], [...kernel, cin, cout], [cout]],
        build: (t, x, k, bias) => t.conv2dTranspose(x!, k!, { bias, stride, ...options }),
        forward: (x, k, bias) => oracle.conv2dBackwardData(down, x!, swap(k!)).map((v, i) => v + bias![i % cout]!),
        backward: (dY, x, k) => [
          oracle.conv2d(down, dY, swap(k!)),
          oracle.swapChannels(taps, cout, cin, oracle.conv2dBackwardWeights(down, dY, x!)),
          columnSums(dY, cout),
        ],
        tolerance: TOLERANCE,
      });
    });
  }
});
