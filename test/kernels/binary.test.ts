import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { channelsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import * as reference from '../oracle/binary.ts';

// One rounding an element; gradients of a broadcast operand are sums of up to a few thousand f32.
const TOLERANCE = 2e-6;

const SHAPES: readonly [Shape, Shape][] = [
  [[1], [1]],
  [[2, 7, 3], [2, 7, 3]],
  [[9, 31, 60], [9, 31, 60]],
  [[5], [1]],
  [[7, 2, 5], [5]],
  [[8, 9, 64], [64]],
  [[31, 9, 68], [68]],
  [[1, 1, 4], [4]],
  [[9, 8, 1], [1]],
  [[7, 7, 3], [1]],
  [[31, 31, 68], [1]],
  [[600, 5], [5]],
  [[3, 3, 4, 5], [5]],
  [[7, 2, 5], [7, 2, 1]],
  [[8, 9, 64], [8, 9, 1]],
  [[9, 31, 68], [9, 31, 1]],
  [[1, 1, 4], [1, 1, 1]],
];

describe('sums and products of two tensors', () => {
  for (const [large, small] of SHAPES) {
    for (const [a, b] of [
      [large, small],
      [small, large],
    ] as const) {
      for (const op of ['add', 'sub', 'mul'] as const) {
        it(`${op} of ${showShape(a)} and ${showShape(b)}: value and gradients`, async () => {
          const c = channelsOf(large);
          await checkOp({
            inputs: [a, b],
            build: (tape, x, z) => tape[op](x!, z!),
            forward: (x, z) => reference.binary(op, c, x!, z!),
            backward: (dY, x, z) => reference.binaryBackward(op, c, dY, x!, z!),
            tolerance: TOLERANCE,
          });
        });
      }
    }
  }

  it('a tensor times itself has the gradient 2x', async () => {
    await checkOp({
      inputs: [[7, 5, 3]],
      build: (tape, x) => tape.mul(x, x),
      forward: (x) => Float64Array.from(x!, (v) => v * v),
      backward: (dY, x) => [Float64Array.from(x!, (v, i) => 2 * v * dY[i]!)],
      tolerance: TOLERANCE,
    });
  });

  it('says what is wrong with shapes that do not fit', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.add(x, tape.variable([4, 5, 4]))).toThrow(/tape\.add.*\[4, 5, 3\] and \[4, 5, 4\]/);
    expect(() => tape.sub(x, tape.variable([4]))).toThrow(/tape\.sub/);
    expect(() => tape.mul(tape.variable([5, 3]), x)).toThrow(/tape\.mul/);
    tape.destroy();
  });
});
