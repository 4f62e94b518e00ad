// What an op needs of the tape: a place to be recorded, constants, and facts about the adapter.

import type { KernelTarget } from '../kernels/target.ts';
import type { Shape } from '../kernels/shape.ts';
import type { OpDescription, Tensor } from './tensor.ts';

/** The recording side of a tape. */
export interface Recorder {
  readonly target: KernelTarget;
  /** Puts an op on the tape and returns its result. */
  record(op: OpDescription): Tensor;
  /** A tensor with fixed values, uploaded at once. */
  constant(shape: Shape, data: ArrayLike<number> | GPUBuffer, label?: string): Tensor;
}
