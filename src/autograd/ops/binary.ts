// Sums, differences and products of two tensors, with broadcasting; normalisations built from them.

import { badOption } from '../../gpu/errors.ts';
import { binary, broadcastOf, type Broadcast } from '../../kernels/binary.ts';
import { matmul as product } from '../../kernels/matmul.ts';
import { columnSum, reduceForward } from '../../kernels/reduce.ts';
import { channelsOf, elementsOf, rowsOf, sameShape, showShape, type Shape } from '../../kernels/shape.ts';
import { unaryBackward } from '../../kernels/unary.ts';
import type { Dispatch } from '../../gpu/dispatch.ts';
import type { Recorder } from '../recorder.ts';
import type { BackwardRule, Flow, Tensor } from '../tensor.ts';

function resultShape(where: string, a: Tensor, b: Tensor): { shape: Shape; a: Broadcast; b: Broadcast } {
  const shape = broadcastOf(b.shape, a.shape) ? a.shape : b.shape;
  const kinds = { a: broadcastOf(a.shape, shape), b: broadcastOf(b.shape, shape) };
  if (kinds.a && kinds.b) return { shape, a: kinds.a, b: kinds.b };
  throw badOption(
    where,
    `got shapes ${showShape(a.shape)} and ${showShape(b.shape)}`,
    'Give one shape, or let one of them be [c] (a value per channel), [.., 1] (a value per pixel) or [1] (a scalar)',
  );
}

/** dX (+)= factor · `term` (of the result's shape), added up over whatever the operand was broadcast along. */
function gather(
  tape: Recorder,
  kind: Broadcast,
  shape: Shape,
  factor: number,
  term: Tensor,
  { dX, accumulate, scratch }: Flow,
): readonly Dispatch<Tensor>[] {
  if (kind === 'same') {
    return [unaryBackward({ op: 'scale', shape, factor }, { saved: term, dY: term, dX }, accumulate)];
  }
  if (kind === 'channel') return columnSum({ shape, factor }, { x: term, y: dX }, accumulate, scratch);
  if (kind === 'row') {
    const c = channelsOf(shape);
    const ones = tape.constant([c, 1], new Float32Array(c).fill(1), 'ones');
    return product({ m: rowsOf(shape), n: 1, k: c, factor }, { a: term, b: ones, c: dX }, tape.target, accumulate, scratch);
  }
  const total = accumulate ? scratch([1], 'term') : dX;
  const sums = reduceForward({ op: 'sum', shape, factor }, { a: term, y: total }, scratch);
  if (!accumulate) return sums;
  const add = { op: 'scale', shape: [1], factor: 1 } as const;
  return [...sums, unaryBackward(add, { saved: total, dY: total, dX }, true)];
}

/** y = a + sign · b; dA = dY, dB = sign · dY. */
export function blend(tape: Recorder, name: 'add' | 'sub', a: Tensor, b: Tensor): Tensor {
  const { shape, ...kinds } = resultShape(`tape.${name}`, a, b);
  const sign = name === 'sub' ? -1 : 1;
  return tape.record({
    name,
    inputs: [a, b],
    shape,
    forward: (y) => [binary({ op: 'blend', shape, ...kinds, beta: sign }, { a, b, y })],
    backward: [
      (flow) => gather(tape, kinds.a, shape, 1, flow.dY, flow),
      (flow) => gather(tape, kinds.b, shape, sign, flow.dY, flow),
    ],
  });
}

/** y = a · b; dA = dY · b, dB = dY · a. */
export function multiply(tape: Recorder, a: Tensor, b: Tensor): Tensor {
  const { shape, ...kinds } = resultShape('tape.mul', a, b);
  const rule =
    (own: Broadcast, other: Tensor, otherKind: Broadcast): BackwardRule =>
    (flow) => {
      const params = { op: 'multiply', shape, a: 'same', b: otherKind } as const;
      const { dY, dX, accumulate, scratch } = flow;
      if (own === 'same') return [binary(params, { a: dY, b: other, y: dX }, accumulate)];
      const term = scratch(shape, 'term');
      return [binary(params, { a: dY, b: other, y: term }), ...gather(tape, own, shape, 1, term, flow)];
    };
  return tape.record({
    name: 'mul',
    inputs: [a, b],
    shape,
    forward: (y) => [binary({ op: 'multiply', shape, ...kinds }, { a, b, y })],
    backward: [rule(kinds.a, b, kinds.b), rule(kinds.b, a, kinds.a)],
  });
}

/** y = x; dX = dY · mask, where the mask itself has no gradient. */
export function maskGradient(tape: Recorder, x: Tensor, mask: Tensor): Tensor {
  const { shape, b } = resultShape('tape.maskGradient', x, mask);
  if (!sameShape(shape, x.shape)) {
    throw badOption('tape.maskGradient', `the mask ${showShape(mask.shape)} is larger than ${showShape(x.shape)}`, 'Give [h, w, 1]');
  }
  return tape.record({
    name: 'maskGradient',
    inputs: [x, mask],
    shape,
    forward: (y) => [binary({ op: 'blend', shape, a: 'same', b, beta: 0 }, { a: x, b: mask, y })],
    backward: [
      ({ dY, dX, accumulate }) => [binary({ op: 'multiply', shape, a: 'same', b }, { a: dY, b: mask, y: dX }, accumulate)],
      undefined,
    ],
  });
}

/** The mean of each channel over all rows: [.., c] → [c]; dX = dY / rows in every row. */
export function channelMean(tape: Recorder, x: Tensor): Tensor {
  const c = x.shape.at(-1)!;
  const factor = c / elementsOf(x.shape);
  return tape.record({
    name: 'channelMean',
    inputs: [x],
    shape: [c],
    forward: (y, scratch) => columnSum({ shape: x.shape, factor }, { x, y }, false, scratch),
    backward: [
      ({ dY, dX, accumulate }) => [
        binary(
          { op: 'blend', shape: x.shape, a: 'channel', b: 'channel', alpha: factor, beta: 0 },
          { a: dY, b: dY, y: dX },
          accumulate,
        ),
      ],
    ],
  });
}

/** A per-channel operand: a tensor [c], or numbers that become a constant. */
export type PerChannel = Tensor | readonly number[];

/** `value` as a tensor [c]; throws `bad-option` when it has another length. */
export function perChannel(tape: Recorder, value: PerChannel, c: number, where: string): Tensor {
  const isList = Array.isArray(value);
  const tensor = isList ? undefined : (value as Tensor);
  const shape = tensor?.shape ?? [(value as readonly number[]).length];
  if (!sameShape(shape, [c])) {
    throw badOption(where, `got ${showShape(shape)}`, `Give ${c} values, one per channel`);
  }
  return tensor ?? tape.constant([c], value as readonly number[], where);
}
