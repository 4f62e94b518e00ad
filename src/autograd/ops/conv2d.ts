// Convolution and transposed convolution, with gradients to image, weights and bias.

import { conv2dTransposed, type Conv2dParams, type PaddingMode } from '../../kernels/conv2d.ts';
import { conv2dBackwardData, convolve } from '../../kernels/convolve.ts';
import { conv2dBackwardWeights } from '../../kernels/conv2d-weights.ts';
import { padBackward } from '../../kernels/pad.ts';
import { permuteWeights } from '../../kernels/permute.ts';
import { columnSum } from '../../kernels/reduce.ts';
import { badOption } from '../../gpu/errors.ts';
import { sameShape, showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { BackwardRule, Tensor } from '../tensor.ts';
import { joining } from './conv2d-join.ts';
import { checkMode, type Pads } from './pad.ts';

/** One number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

/** Options of {@link Tape.conv2d}. */
export interface Conv2dOptions {
  /** [cout] */
  readonly bias?: Tensor | undefined;
  /** What lies outside the image; default `'zero'`. */
  readonly padding?: PaddingMode;
  /** How much lies outside; default "same": dilation · (k − 1) in all, the odd one at the bottom and right. */
  readonly pad?: Pads;
  readonly stride?: Pair;
  readonly dilation?: Pair;
}

/** Options of {@link Tape.conv2dTranspose}. */
export interface Conv2dTransposeOptions {
  /** [cout] */
  readonly bias?: Tensor | undefined;
  /** What is cut off the full result; default so that the output is stride times as large as the input. */
  readonly pad?: Pads;
  /** Extra rows and columns at the bottom and right; default 0 (or what the default `pad` needs). */
  readonly outputPadding?: Pair;
  readonly stride?: Pair;
  readonly dilation?: Pair;
}

function pair(value: Pair | undefined, fallback: number, where: string, least: number): [number, number] {
  const both = typeof value === 'number' || value === undefined ? [value ?? fallback, value ?? fallback] : value;
  if (!both.every((v) => Number.isInteger(v) && v >= least)) {
    throw badOption(where, `got ${JSON.stringify(value)}`, `Give whole numbers of at least ${least}`);
  }
  return [both[0]!, both[1]!];
}

function checkOperands(where: string, x: Tensor, k: Tensor, bias: Tensor | undefined): void {
  if (x.shape.length !== 3 || k.shape.length !== 4 || x.shape[2] !== k.shape[2]) {
    throw badOption(
      where,
      `got an image ${showShape(x.shape)} and weights ${showShape(k.shape)}`,
      'Give [h, w, cin] and [kh, kw, cin, cout]',
    );
  }
  if (bias && !sameShape(bias.shape, [k.shape[3]!])) {
    throw badOption(where, `got a bias ${showShape(bias.shape)}`, `Give [${k.shape[3]!}], one value per output channel`);
  }
}

/** Pads as [top, right, bottom, left]. */
function pads(value: Pads | undefined, same: readonly [number, number]): [number, number, number, number] {
  if (value === undefined) {
    const [top, left] = same.map((total) => Math.floor(total / 2)) as [number, number];
    return [top, same[1] - left, same[0] - top, left];
  }
  return typeof value === 'number' ? [value, value, value, value] : [...value];
}

/** dBias (+)= the column sums of dY. */
const biasRule: BackwardRule = ({ dY, dX, accumulate, scratch }) =>
  columnSum({ shape: dY.shape }, { x: dY, y: dX }, accumulate, scratch);

/** y = x ∗ k + bias (cross-correlation, as every network means it). */
export function conv2d(tape: Recorder, x: Tensor, k: Tensor, options: Conv2dOptions): Tensor {
  const where = 'tape.conv2d';
  const { bias, padding: mode = 'zero' } = options;
  checkOperands(where, x, k, bias);
  checkMode(mode, `${where} padding`);
  const stride = pair(options.stride, 1, `${where} stride`, 1);
  const dilation = pair(options.dilation, 1, `${where} dilation`, 1);
  const [h, w, cin] = x.shape as [number, number, number];
  const [kh, kw, , cout] = k.shape as [number, number, number, number];
  const extent = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)] as const;
  const [top, right, bottom, left] = pads(options.pad, extent);
  const oh = Math.floor((h + top + bottom - extent[0] - 1) / stride[0]) + 1;
  const ow = Math.floor((w + left + right - extent[1] - 1) / stride[1]) + 1;
  const far = mode === 'reflect' ? Math.max(top - h, bottom - h, left - w, right - w) + 1 : 0;
  if (!(oh > 0 && ow > 0) || far > 0 || ![top, right, bottom, left].every(Number.isInteger)) {
    throw badOption(
      where,
      `an image ${showShape(x.shape)} with padding ${showShape([top, right, bottom, left])} (${mode}) is too small ` +
        `for a ${kh}x${kw} kernel`,
      'Use a larger image or other padding',
    );
  }
  const params: Conv2dParams = {
    input: [h, w, cin],
    output: [oh, ow, cout],
    kernel: [kh, kw],
    stride,
    dilation,
    pad: [top, left],
    mode,
  };
  const target = tape.target;

  const imageRule: BackwardRule = ({ dY, dX, accumulate, scratch }) => {
    if (mode === 'zero') return conv2dBackwardData(params, { w: k, dY, dX }, target, accumulate, scratch);
    // Through the padded image: the gradient there is that of a convolution without padding, then the pad's own.
    const padded = [h + top + bottom, w + left + right, cin] as const;
    const dPadded = scratch(padded, 'd(padded)');
    const inner: Conv2dParams = { ...params, input: padded, pad: [0, 0], mode: 'zero' };
    return [
      ...conv2dBackwardData(inner, { w: k, dY, dX: dPadded }, target, false, scratch),
      padBackward({ shape: x.shape, pads: [top, right, bottom, left], mode }, { dY: dPadded, dX }, accumulate),
    ];
  };

  return tape.record(
    joining(params, { x, w: k, bias }, target, {
      name: 'conv2d',
      inputs: bias ? [x, k, bias] : [x, k],
      shape: [oh, ow, cout],
      forward: (y, scratch) => convolve(params, { x, w: k, bias, y }, target, {}, scratch),
      backward: [
        imageRule,
        ({ dY, dX, accumulate, scratch }) =>
          conv2dBackwardWeights(params, { x, dY, dW: dX }, target, accumulate, scratch),
        biasRule,
      ],
    }),
  );
}

/**
 * The transpose of a strided convolution: y[p·stride + t·dilation − pad] += x[p] · k[t], k [kh, kw, cin, cout] with
 * cin the channels of x.
 */
export function conv2dTranspose(tape: Recorder, x: Tensor, k: Tensor, options: Conv2dTransposeOptions): Tensor {
  const where = 'tape.conv2dTranspose';
  const { bias } = options;
  checkOperands(where, x, k, bias);
  const stride = pair(options.stride, 1, `${where} stride`, 1);
  const dilation = pair(options.dilation, 1, `${where} dilation`, 1);
  const [h, w, cin] = x.shape as [number, number, number];
  const [kh, kw, , cout] = k.shape as [number, number, number, number];
  const extent = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)] as const;
  // "Same": stride · n outputs, so extent + 1 − stride rows are cut off, or added where that is negative.
  const surplus = [extent[0] + 1 - stride[0], extent[1] + 1 - stride[1]] as const;
  const [top, right, bottom, left] = pads(options.pad, [Math.max(0, surplus[0]), Math.max(0, surplus[1])]);
  const missing = surplus.map((s) => (options.pad === undefined ? Math.max(0, -s) : 0));
  const extra =
    options.outputPadding === undefined ? missing : pair(options.outputPadding, 0, `${where} outputPadding`, 0);
  const oh = (h - 1) * stride[0] - top - bottom + extent[0] + 1 + extra[0]!;
  const ow = (w - 1) * stride[1] - left - right + extent[1] + 1 + extra[1]!;
  if (!(oh > 0 && ow > 0)) {
    throw badOption(where, `the output would be [${oh}, ${ow}, ${cout}]`, 'Use less padding');
  }
  const common = { kernel: [kh, kw], stride, dilation, pad: [top, left], mode: 'zero' } as const;
  const params: Conv2dParams = { ...common, input: [h, w, cin], output: [oh, ow, cout] };
  /** The convolution that this is the transpose of: from y back to x. */
  const down: Conv2dParams = { ...common, input: [oh, ow, cout], output: [h, w, cin] };

  return tape.record({
    name: 'conv2dTranspose',
    inputs: bias ? [x, k, bias] : [x, k],
    shape: [oh, ow, cout],
    forward: (y) => [conv2dTransposed(params, { x, w: k, bias, y }, tape.target)],
    backward: [
      ({ dY, dX, accumulate, scratch }) => {
        const swapped = scratch([kh, kw, cout, cin], 'swapped');
        return [
          permuteWeights({ shape: k.shape, flip: false }, { x: k, y: swapped }),
          ...convolve(down, { x: dY, w: swapped, y: dX }, tape.target, { accumulate }, scratch),
        ];
      },
      ({ dY, dX, accumulate, scratch }) => {
        const swapped = scratch([kh, kw, cout, cin], 'swapped dW');
        return [
          ...conv2dBackwardWeights(down, { x: dY, dY: x, dW: swapped }, tape.target, false, scratch),
          permuteWeights({ shape: swapped.shape, flip: false }, { x: swapped, y: dX }, accumulate),
        ];
      },
      biasRule,
    ],
  });
}
