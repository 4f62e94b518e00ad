// Elementwise ops of one tensor.

import { unaryBackward, unaryForward, unarySaves, type UnaryOp } from '../../kernels/unary.ts';
import type { Recorder } from '../recorder.ts';
import type { Tensor } from '../tensor.ts';

/** y = f(x); dX = dY · f′, from x or y, whichever the kernel saves. */
export function unary(tape: Recorder, op: UnaryOp, x: Tensor, factor = 1): Tensor {
  const params = { op, shape: x.shape, factor };
  return tape.record({
    name: op,
    inputs: [x],
    shape: x.shape,
    forward: (y) => [unaryForward(params, { x, y })],
    backward: [
      ({ y, dY, dX, accumulate }) => {
        const saved = op === 'scale' ? dY : unarySaves(op) === 'x' ? x : y;
        return [unaryBackward(params, { saved, dY, dX }, accumulate)];
      },
    ],
    ...(op === 'relu' && { step: { kind: 'relu' } }),
  });
}
