// `wgpu-style/autograd`: record operations, compile them with gradients, replay.

export { Tape, type TapeOptions } from './tape.ts';
export { Program, type ProgramCost } from './program.ts';
export type { Part } from './parts.ts';
export {
  Tensor,
  type BackwardRule,
  type Flow,
  type Op,
  type OpDescription,
  type Scratch,
  type Step,
  type TensorKind,
} from './tensor.ts';
export type { Shape } from '../kernels/shape.ts';
export type { PaddingMode } from '../kernels/conv2d.ts';
export type { VariationForm } from '../kernels/total-variation.ts';
export type { PerChannel } from './ops/binary.ts';
export type { Conv2dOptions, Conv2dTransposeOptions, Pair } from './ops/conv2d.ts';
export type { MatmulOptions } from './ops/matmul.ts';
export type { InstanceNormOptions, NormalizeOptions } from './ops/normalize.ts';
export type { Pads } from './ops/pad.ts';
export type { PoolOptions } from './ops/pool.ts';
export type { UpsampleOptions } from './ops/upsample.ts';
