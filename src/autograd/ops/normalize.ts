// Per-channel normalisations, put together from smaller ops whose derivatives do the work.

import { affineBackward, affineForward } from '../../kernels/affine.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';
import { blend, channelMean, multiply, perChannel, type PerChannel } from './binary.ts';
import { unary } from './unary.ts';

/** Options of {@link Tape.normalize}: numbers, or tensors [c] that are differentiated too. */
export interface NormalizeOptions {
  readonly mean: PerChannel;
  readonly std: PerChannel;
}

/** Options of {@link Tape.instanceNorm}. */
export interface InstanceNormOptions {
  /** [c], default 1. */
  readonly scale?: PerChannel | undefined;
  /** [c], default 0. */
  readonly bias?: PerChannel | undefined;
  /** Added to the variance, default 1e-5. */
  readonly epsilon?: number;
}

/** y = (x − mean) / std per channel. One kernel where both are numbers, which take no gradient. */
export function normalize(tape: Recorder, x: Tensor, { mean, std }: NormalizeOptions): Tensor {
  const c = x.shape.at(-1)!;
  const center = perChannel(tape, mean, c, 'tape.normalize mean');
  if (isNumbers(mean) && isNumbers(std)) {
    const gain = perChannel(tape, std.map((value) => 1 / value), c, 'tape.normalize std');
    return tape.record({
      name: 'normalize',
      inputs: [x],
      shape: x.shape,
      forward: (y) => [affineForward(x.shape, { x, center, gain, y })],
      backward: [({ dY, dX, accumulate }) => [affineBackward(x.shape, { gain, dY, dX }, accumulate)]],
    });
  }
  const spread = perChannel(tape, std, c, 'tape.normalize std');
  return multiply(tape, blend(tape, 'sub', x, center), unary(tape, 'reciprocal', spread));
}

function isNumbers(value: PerChannel): value is readonly number[] {
  return Array.isArray(value);
}

/** y = scale · (x − μ) / √(σ² + ε) + bias, μ and the biased σ² of each channel over all pixels (Ulyanov et al. 2016). */
export function instanceNorm(tape: Recorder, x: Tensor, options: InstanceNormOptions): Tensor {
  const { scale, bias, epsilon = 1e-5 } = options;
  const c = x.shape.at(-1)!;
  const centered = blend(tape, 'sub', x, channelMean(tape, x));
  const variance = channelMean(tape, unary(tape, 'square', centered));
  const inverse = unary(tape, 'rsqrt', variance, epsilon);
  const gain = scale ? multiply(tape, inverse, perChannel(tape, scale, c, 'tape.instanceNorm scale')) : inverse;
  const y = multiply(tape, centered, gain);
  return bias ? blend(tape, 'add', y, perChannel(tape, bias, c, 'tape.instanceNorm bias')) : y;
}
