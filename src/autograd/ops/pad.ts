// Padding of images.

import { badOption } from '../../gpu/errors.ts';
import { padBackward, paddedShape, padForward, type PadParams } from '../../kernels/pad.ts';
import { PADDING_MODES, type PaddingMode } from '../../kernels/conv2d.ts';
import { showShape } from '../../kernels/shape.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** Rows and columns around an image: one number, or [top, right, bottom, left]. */
export type Pads = number | readonly [number, number, number, number];

/** Four whole numbers ≥ 0, as [top, right, bottom, left]. */
export function fourPads(value: Pads, where: string): readonly [number, number, number, number] {
  const pads = typeof value === 'number' ? ([value, value, value, value] as const) : value;
  if (pads.length === 4 && pads.every((pad) => Number.isInteger(pad) && pad >= 0)) return pads;
  throw badOption(where, `the padding ${JSON.stringify(value)} is not made of whole numbers ≥ 0`, 'Give one number or [top, right, bottom, left]');
}

/** Throws `bad-option` unless x is [h, w, c]. */
export function checkImage(x: Tensor, where: string): void {
  if (x.shape.length === 3) return;
  throw badOption(where, `got shape ${showShape(x.shape)}`, 'Give an image [height, width, channels]');
}

/** Throws `bad-option` for a mode that does not exist. */
export function checkMode(mode: PaddingMode, where: string): void {
  if (PADDING_MODES.includes(mode)) return;
  throw badOption(where, `unknown mode ${JSON.stringify(mode)}`, "Use 'zero', 'replicate', 'reflect' or 'wrap'");
}

/** y = x with margins. The adjoint sends each margin pixel's gradient to the pixel that it shows. */
export function pad(tape: Recorder, x: Tensor, by: Pads, mode: PaddingMode): Tensor {
  const where = 'tape.pad';
  checkImage(x, where);
  const pads = fourPads(by, where);
  checkMode(mode, where);
  const [h, w] = [x.shape[0]!, x.shape[1]!];
  if (mode === 'reflect' && (Math.max(pads[0], pads[2]) >= h || Math.max(pads[1], pads[3]) >= w)) {
    throw badOption(
      where,
      `an image ${showShape(x.shape)} cannot be reflected over margins of ${showShape(pads)}`,
      'Keep each margin smaller than the image',
    );
  }
  const params: PadParams = { shape: x.shape, pads, mode };
  return tape.record({
    name: 'pad',
    inputs: [x],
    shape: paddedShape(params),
    forward: (y) => [padForward(params, { x, y })],
    backward: [({ dY, dX, accumulate }) => [padBackward(params, { dY, dX }, accumulate)]],
  });
}
