// Convolution by the method that suits shape and adapter, and its backward pass to the data.
//
// Backward-data of a stride-1 convolution is a forward convolution of dY whose weights have their taps rotated and
// their channel axes swapped: the same kernels serve both. The rotation is a dispatch of its own, as is the transform of
// weights that Winograd wants; when the weights are constant the tape runs them once.

import type { Dispatch } from '../gpu/dispatch.ts';
import {
  conv2dForward,
  conv2dMethod,
  conv2dTransposed,
  type Conv2dBuffers,
  type Conv2dEpilogue,
  type Conv2dParams,
} from './conv2d.ts';
import { permuteWeights } from './permute.ts';
import type { ScratchOf } from './shape.ts';
import type { KernelTarget } from './target.ts';
import { winograd, winogradWeights, winogradWeightsShape } from './winograd.ts';

/** y (+)= x ∗ w + bias with the epilogue, by {@link conv2dMethod}. */
export function convolve<B>(
  params: Conv2dParams,
  io: Conv2dBuffers<B>,
  target: KernelTarget,
  epilogue: Conv2dEpilogue,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  if (conv2dMethod(params, target) !== 'winograd') return [conv2dForward(params, io, target, epilogue)];
  const u = scratch(winogradWeightsShape(params), 'winograd weights');
  return [winogradWeights(params, { w: io.w, u }), ...winograd(params, { ...io, w: u }, target, epilogue, scratch)];
}

/**
 * dX (+)= the transpose of {@link convolve} applied to dY, for zero padding; other modes go through `pad`.
 * `w` is the forward pass's [kh, kw, cin, cout].
 */
export function conv2dBackwardData<B>(
  params: Conv2dParams,
  io: { w: B; dY: B; dX: B },
  target: KernelTarget,
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const { input, output, kernel, stride, dilation, pad } = params;
  const swapped = scratch([...kernel, output[2], input[2]], 'rotated');
  const weights = { shape: [...kernel, input[2], output[2]], flip: stride.every((s) => s === 1) };
  const rotate = permuteWeights(weights, { x: io.w, y: swapped });
  const transposed: Conv2dParams = { ...params, input: output, output: input, mode: 'zero' };
  if (!weights.flip) {
    return [rotate, conv2dTransposed(transposed, { x: io.dY, w: swapped, y: io.dX }, target, { accumulate })];
  }
  const reach = kernel.map((k, axis) => dilation[axis]! * (k - 1) - pad[axis]!);
  const rotated: Conv2dParams = { ...transposed, pad: [reach[0]!, reach[1]!] };
  return [rotate, ...convolve(rotated, { x: io.dY, w: swapped, y: io.dX }, target, { accumulate }, scratch)];
}
