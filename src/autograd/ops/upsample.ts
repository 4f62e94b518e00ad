// Enlarging images.

import { badOption } from '../../gpu/errors.ts';
import {
  upsampleBackward,
  upsampledShape,
  upsampleForward,
  type UpsampleParams,
} from '../../kernels/upsample.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';
import type { Pair } from './conv2d.ts';
import { checkImage } from './pad.ts';

/** Options of {@link Tape.upsample}. */
export interface UpsampleOptions {
  /** `'nearest'` (default) repeats pixels; `'bilinear'` interpolates between pixel centres. */
  readonly mode?: 'nearest' | 'bilinear';
}

/** y = x enlarged; linear, so dX is the transpose applied to dY. */
export function upsample(tape: Recorder, x: Tensor, by: Pair, options: UpsampleOptions): Tensor {
  const where = 'tape.upsample';
  checkImage(x, where);
  const factor = typeof by === 'number' ? ([by, by] as const) : by;
  if (factor.length !== 2 || !factor.every((f) => Number.isInteger(f) && f > 0)) {
    throw badOption(where, `the factor is ${JSON.stringify(by)}`, 'Give one positive whole number or [vertical, horizontal]');
  }
  const { mode = 'nearest' } = options;
  if (mode !== 'nearest' && mode !== 'bilinear') {
    throw badOption(where, `unknown mode ${JSON.stringify(mode)}`, "Use 'nearest' or 'bilinear'");
  }
  const params: UpsampleParams = { shape: x.shape, factor, mode };
  return tape.record({
    name: 'upsample',
    inputs: [x],
    shape: upsampledShape(params),
    forward: (y) => [upsampleForward(params, { x, y })],
    backward: [({ dY, dX, accumulate }) => [upsampleBackward(params, { dY, dX }, accumulate)]],
  });
}
