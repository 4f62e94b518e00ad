// Max and average pooling.

import { badOption } from '../../gpu/errors.ts';
import { poolBackward, pooledShape, poolForward, type PoolParams } from '../../kernels/pool.ts';
import { showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';
import type { Pair } from './conv2d.ts';
import { checkImage, fourPads, type Pads } from './pad.ts';

/** Options of {@link Tape.maxPool} and {@link Tape.avgPool}. */
export interface PoolOptions {
  /** Window: one number or [height, width]; default 2. */
  readonly size?: Pair;
  /** Distance of windows; default `size`. */
  readonly stride?: Pair;
  /** Rows and columns outside the image that windows may reach; one number or [top, right, bottom, left]. Default 0. */
  readonly padding?: Pads;
  /** avgPool: cells outside count as zeros (default, as PyTorch); false: the mean is over the image's own cells. */
  readonly countPadding?: boolean;
}

function pair(value: Pair, where: string, name: string): readonly [number, number] {
  const both = typeof value === 'number' ? ([value, value] as const) : value;
  if (both.length === 2 && both.every((v) => Number.isInteger(v) && v > 0)) return both;
  throw badOption(where, `${name} is ${JSON.stringify(value)}`, 'Give one positive whole number or [vertical, horizontal]');
}

/** y[o] = max or mean over window o; a maximum that occurs twice passes its gradient to the first in scan order. */
export function pool(tape: Recorder, kind: PoolParams['kind'], x: Tensor, options: PoolOptions): Tensor {
  const name = kind === 'max' ? 'maxPool' : 'avgPool';
  const where = `tape.${name}`;
  checkImage(x, where);
  const size = pair(options.size ?? 2, where, 'size');
  const stride = pair(options.stride ?? size, where, 'stride');
  const pads = fourPads(options.padding ?? 0, where);
  const params: PoolParams = { kind, shape: x.shape, size, stride, pads, countPadding: options.countPadding ?? true };
  const [oh, ow, c] = pooledShape(params);
  if (pads.some((pad, side) => pad >= size[side % 2]!)) {
    throw badOption(where, `padding ${showShape(pads)} is not smaller than the window ${showShape(size)}`, 'Pad less');
  }
  if (oh < 1 || ow < 1) {
    throw badOption(
      where,
      `an image ${showShape(x.shape)} is smaller than the window ${showShape(size)}`,
      'Use a larger image or a smaller window',
    );
  }
  const isPlain = [...size, ...stride].every((n) => n === 2) && pads.every((n) => n === 0);
  return tape.record({
    ...(isPlain && { step: { kind: 'pool', pool: kind } }),
    name,
    inputs: [x],
    shape: [oh, ow, c],
    forward: (y) => [poolForward(params, { x, y })],
    backward: [({ y, dY, dX, accumulate }) => [poolBackward(params, { x, y, dY, dX }, accumulate)]],
  });
}
