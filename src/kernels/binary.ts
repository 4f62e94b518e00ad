// Elementwise sums and products of two tensors, one of which may be broadcast along rows or from a scalar.
// Shapes in, dispatches out; see binary.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/binary.wgsl';
import { channelsOf, lanes, sameShape, vectorsOf, type Shape } from './shape.ts';

const shader = { name: 'binary', code };

/** How an operand covers the result: of the same shape, one value per channel, one value, or one value per row [.., 1]. */
export type Broadcast = 'same' | 'channel' | 'scalar' | 'row';

const KINDS: readonly Broadcast[] = ['same', 'channel', 'scalar', 'row'];

/** How `operand` covers `shape`; undefined when it does not. */
export function broadcastOf(operand: Shape, shape: Shape): Broadcast | undefined {
  if (sameShape(operand, shape)) return 'same';
  if (sameShape(operand, [channelsOf(shape)])) return 'channel';
  if (sameShape(operand, [1])) return 'scalar';
  return sameShape(operand, [...shape.slice(0, -1), 1]) ? 'row' : undefined;
}

/** y (+)= alpha·a + beta·b, or alpha·a·b. */
export interface BinaryParams {
  readonly op: 'blend' | 'multiply';
  /** Of the result. */
  readonly shape: Shape;
  readonly a: Broadcast;
  readonly b: Broadcast;
  readonly alpha?: number;
  readonly beta?: number;
}

/** Three flops an element (two factors, one sum or product); operands and result once. */
export function binaryCost({ shape, a, b }: Pick<BinaryParams, 'shape' | 'a' | 'b'>, accumulate = false): Cost {
  const vectors = vectorsOf(shape);
  const tensors = 1 + (a === 'same' ? 1 : 0) + (b === 'same' ? 1 : 0) + (accumulate ? 1 : 0);
  return { flops: 12 * vectors, bytes: 16 * tensors * vectors };
}

/** See {@link BinaryParams}. Gradients are the same function of other operands, then sums where one was broadcast. */
export function binary<B>(params: BinaryParams, io: { a: B; b: B; y: B }, accumulate = false): Dispatch<B> {
  const { op, shape, alpha = 1, beta = 1 } = params;
  const vectors = vectorsOf(shape);
  const c = channelsOf(shape);
  return {
    label: op,
    shader,
    constants: { MULTIPLY: op === 'multiply' ? 1 : 0 },
    inputs: [io.a, io.b],
    outputs: [io.y],
    updates: accumulate,
    params: new Params()
      .u32(vectors, lanes(c) / 4, c, KINDS.indexOf(params.a), KINDS.indexOf(params.b), accumulate ? 1 : 0)
      .f32(alpha, beta),
    workgroups: linearWorkgroups(vectors, 64),
    cost: binaryCost(params, accumulate),
  };
}
