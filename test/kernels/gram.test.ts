import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { elementsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import * as reference from '../oracle/matmul.ts';

// f32 sums over at most 1024 pixels, in sequence, before they are added up in turn: 3.9e-6 was seen on lavapipe.
const TOLERANCE = 6e-6;

const SHAPES: readonly Shape[] = [
  [1, 1, 3],
  [2, 7, 1],
  [7, 8, 4],
  [9, 31, 60],
  [31, 9, 5],
  [8, 7, 68],
  [40, 6],
  [61, 67, 12], // long enough to be split
];

describe('Gram matrices', () => {
  for (const shape of SHAPES) {
    const c = shape.at(-1)!;
    for (const factor of [1, 1 / elementsOf(shape)]) {
      it(`of ${showShape(shape)} times ${factor}: value and gradient`, async () => {
        await checkOp({
          inputs: [shape],
          build: (tape, x) => tape.gram(x!, factor),
          forward: (x) => reference.gram(c, factor, x!),
          backward: (dY, x) => [reference.gramBackward(c, factor, dY, x!)],
          tolerance: TOLERANCE,
        });
      });
    }
  }

  it('are symmetric to the bit, and precise over many pixels of a positive feature', async () => {
    const [n, c] = [65536, 8];
    const x = randomValues(n * c, 1).map((v) => Math.max(v, 0));
    const tape = new Tape(await testDevice());
    const g = tape.gram(tape.variable([256, 256, c], x));
    const program = tape.compile(g);
    await program.run();
    const got = await program.read(g);
    expect(relativeError(got, reference.gram(c, 1, x))).toBeLessThan(1e-6);
    expect(got).toEqual(Float32Array.from(reference.transpose(c, c, got)));
    program.destroy();
    tape.destroy();
  });

  it('say what is wrong with a vector', async () => {
    const tape = new Tape(await testDevice());
    expect(() => tape.gram(tape.variable([7]))).toThrow(/tape\.gram.*\[7\]/);
    tape.destroy();
  });
});
