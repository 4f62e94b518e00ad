import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { meanStdBackward, meanStdForward } from '../../src/kernels/mean-std.ts';
import { elementsOf, showShape } from '../../src/kernels/shape.ts';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/statistics.ts';
import { runKernel } from '../run-kernel.ts';

const SHAPES = [
  [1, 1, 3],
  [2, 1, 4],
  [7, 8, 60],
  [9, 31, 68],
  [16, 16, 5],
  [129, 67, 64],
  [257, 4],
] as const;

describe('mean and standard deviation per channel', () => {
  for (const shape of SHAPES) {
    it(`of ${showShape(shape)}: values and gradient`, async () => {
      const c = shape.at(-1)!;
      await checkOp({
        inputs: [shape],
        build: (tape, x) => tape.meanStd(x!, { epsilon: 1e-3 }),
        forward: (x) => reference.meanStd(c, 1e-3, x!),
        backward: (dY, x) => [reference.meanStdBackward(c, 1e-3, dY, x!)],
        tolerance: 3e-6,
      });
    });

    it(`of ${showShape(shape)}: the kernels by themselves, and nothing behind`, async () => {
      const c = shape.at(-1)!;
      const params = { shape, epsilon: 1e-3 };
      const x = randomValues(elementsOf(shape), 1);
      const want = reference.meanStd(c, 1e-3, x);
      const got = await runKernel([{ shape, data: x }], [2, c], ([a], y, scratch) => meanStdForward(params, { x: a!, y }, scratch));
      expect(relativeError(got, want)).toBeLessThan(3e-6);
      const dY = randomValues(2 * c, 2);
      const inputs = [{ shape, data: x }, { shape: [2, c], data: want }, { shape: [2, c], data: dY }];
      for (const old of [undefined, randomValues(elementsOf(shape), 3)]) {
        const back = await runKernel(inputs, shape, (io, dX) =>
          meanStdBackward(params, { x: io[0]!, y: io[1]!, dY: io[2]!, dX }, old !== undefined), old);
        const expected = reference.meanStdBackward(c, 1e-3, dY, x).map((v, i) => v + (old?.[i] ?? 0));
        expect(relativeError(back, expected)).toBeLessThan(3e-6);
      }
    });
  }

  it('keeps the digits of a small spread about a large mean', async () => {
    const shape = [40, 30, 8];
    const values = [randomValues(elementsOf(shape), 5).map((v) => 1000 + v)];
    await checkOp({
      inputs: [shape],
      values,
      build: (tape, x) => tape.slice(tape.meanStd(x!), [1, 0], [1, 8]),
      forward: (x) => reference.meanStd(8, 1e-8, x!).slice(8),
      backward: (dY, x) => [reference.meanStdBackward(8, 1e-8, Float64Array.from([...new Float64Array(8), ...dY]), x!)],
      tolerance: 5e-4, // the mean itself is rounded at 3e-5, which the gradient's x − μ shows
    });
  });

  it('a channel that is the same everywhere has a finite gradient: none', async () => {
    await checkOp({
      inputs: [[5, 4, 3]],
      values: [new Float32Array(60).fill(0.75)],
      build: (tape, x) => tape.slice(tape.meanStd(x!), [1, 0], [1, 3]),
      forward: () => new Float64Array(3).fill(1e-4),
      backward: () => [new Float64Array(60)],
      tolerance: 1e-6,
    });
  });

  it('says what is wrong with shape and epsilon', async () => {
    const tape = new Tape(await testDevice());
    expect(() => tape.meanStd(tape.variable([4]))).toThrow(/tape\.meanStd.*\[4\]/);
    expect(() => tape.meanStd(tape.variable([4, 5]), { epsilon: 0 })).toThrow(/epsilon.*got 0/);
    tape.destroy();
  });
});
