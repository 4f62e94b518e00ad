// `wgpu-style/autograd`: record operations, compile them with gradients, replay.

export { Tape } from './tape.ts';
export { Program, type ProgramCost } from './program.ts';
export { Tensor, type Flow, type Op, type OpDescription, type TensorKind } from './tensor.ts';
export type { Shape } from '../kernels/shape.ts';
