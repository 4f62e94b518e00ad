import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { showShape } from '../../src/kernels/shape.ts';
import * as reference from '../oracle/total-variation.ts';

// Sums of non-negative numbers over a few thousand f32 at most; the gradient adds five.
const TOLERANCE = 1e-6;

const SHAPES = [
  [1, 1, 3],
  [1, 9, 4],
  [8, 1, 3],
  [2, 2, 1],
  [7, 8, 3],
  [9, 31, 5],
  [31, 31, 4],
  [8, 7, 68],
  [129, 257, 3],
] as const;

describe('total variation', () => {
  for (const shape of SHAPES) {
    for (const form of ['squared', 'absolute', 'power', 'nine-point', 'mean-squared'] as const) {
      it.each([false, true])(`${form}, of ${showShape(shape)}, on a torus %s: value and gradient`, async (wraps) => {
        await checkOp({
          inputs: [shape],
          build: (tape, x) => tape.totalVariation(x!, { form, wraps }),
          forward: (x) => Float64Array.of(reference.totalVariation(shape, form, x!, wraps)),
          backward: (dY, x) => [reference.totalVariationBackward(shape, form, dY[0]!, x!, wraps)],
          tolerance: TOLERANCE,
        });
      });
    }
  }

  it('the derivative of |0| is 0: flat parts of an image feel no force', async () => {
    await checkOp({
      inputs: [[4, 5, 3]],
      values: [new Float32Array(60).fill(0.25)],
      build: (tape, x) => tape.totalVariation(x!, { form: 'absolute' }),
      forward: () => Float64Array.of(0),
      backward: () => [new Float64Array(60)],
      tolerance: TOLERANCE,
    });
  });

  it('says what is wrong with the shape or the form', async () => {
    const tape = new Tape(await testDevice());
    expect(() => tape.totalVariation(tape.variable([4, 5]))).toThrow(/tape\.totalVariation.*\[4, 5\]/);
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.totalVariation(x, { form: 'huber' as 'squared' })).toThrow(/form.*huber/);
    tape.destroy();
  });
});
