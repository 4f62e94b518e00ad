// Elementwise functions of one tensor: ReLU, tanh, sigmoid, square, absolute value, multiplication by a number,
// 1 / x and 1 / √(x + ε).
// Shapes in, dispatches out; see unary.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/unary.wgsl';
import { channelsOf, lanes, vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'unary', code };

/** The functions, in the order of the shader's OP. */
const OPS = ['relu', 'tanh', 'sigmoid', 'square', 'abs', 'scale', 'reciprocal', 'rsqrt'] as const;

/** Which function of one tensor. */
export type UnaryOp = (typeof OPS)[number];

/** An elementwise function over `shape`; `factor` is that of `scale`, and what `rsqrt` adds to x. */
export interface UnaryParams {
  readonly op: UnaryOp;
  readonly shape: Shape;
  readonly factor?: number;
}

/** One flop an element; every tensor moved once. */
export function unaryCost({ shape }: UnaryParams, tensors: number): Cost {
  return { flops: 4 * vectorsOf(shape), bytes: 16 * tensors * vectorsOf(shape) };
}

function uniforms({ shape, factor = 1 }: UnaryParams, accumulate: boolean): Params {
  const c = channelsOf(shape);
  return new Params().u32(vectorsOf(shape), lanes(c) / 4, c, accumulate ? 1 : 0).f32(factor);
}

/** y = f(x). */
export function unaryForward<B>(params: UnaryParams, io: { x: B; y: B }): Dispatch<B> {
  return {
    label: params.op,
    shader,
    entryPoint: 'forward',
    constants: { OP: OPS.indexOf(params.op) },
    inputs: [io.x],
    outputs: [io.y],
    params: uniforms(params, false),
    workgroups: linearWorkgroups(vectorsOf(params.shape), 64),
    cost: unaryCost(params, 2),
    ...(params.op === 'relu' && { pointwise: { kind: 'relu', of: io.x } }),
  };
}

/** Which of x and y {@link unaryBackward} wants as `saved`. */
export function unarySaves(op: UnaryOp): 'x' | 'y' {
  return op === 'square' || op === 'abs' || op === 'scale' ? 'x' : 'y';
}

/** dX (+)= dY · f′. For `scale`, `saved` may be dY itself: it is not read. */
export function unaryBackward<B>(
  params: UnaryParams,
  io: { saved: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  return {
    label: `${params.op}/backward`,
    shader,
    entryPoint: 'backward',
    constants: { OP: OPS.indexOf(params.op) },
    inputs: [io.saved, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, accumulate),
    workgroups: linearWorkgroups(vectorsOf(params.shape), 64),
    cost: unaryCost(params, accumulate ? 4 : 3),
    ...(params.op === 'relu' && !accumulate && { pointwise: { kind: 'gate', by: io.saved, of: io.dY } }),
  };
}
