import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { columnSum, reduceForward } from '../../src/kernels/reduce.ts';
import { channelsOf, elementsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import * as reference from '../oracle/reduce.ts';
import { folded, runKernel } from '../run-kernel.ts';

// Partial sums are a few thousand f32 at most; results here are offset from zero, so that nothing cancels.
const TOLERANCE = 1e-6;

const SHAPES: readonly Shape[] = [
  [1],
  [5],
  [2, 1, 3],
  [7, 8, 4],
  [9, 31, 60],
  [31, 31, 68],
  [1, 1, 64],
  [3, 3, 5, 7],
  [257, 129, 5],
];

/** Positive values: a sum that cancels to nearly nothing has no relative precision to speak of. */
function positive(shape: Shape, seed: number): Float32Array {
  return randomValues(elementsOf(shape), seed).map((v) => v + 1.5);
}

describe('reductions', () => {
  for (const shape of SHAPES) {
    const n = elementsOf(shape);

    for (const op of ['sum', 'mean'] as const) {
      it(`${op} of ${showShape(shape)}: value and gradient`, async () => {
        const factor = op === 'sum' ? 1 : 1 / n;
        await checkOp({
          inputs: [shape],
          values: [positive(shape, 1)],
          build: (tape, x) => tape[op](x),
          forward: (x) => Float64Array.of(factor * reference.sum(x!)),
          backward: (dY) => [new Float64Array(n).fill(factor * dY[0]!)],
          tolerance: TOLERANCE,
        });
      });
    }

    it(`mean of squares of ${showShape(shape)}: value and gradient`, async () => {
      await checkOp({
        inputs: [shape],
        build: (tape, x) => tape.meanSquared(x),
        forward: (x) => Float64Array.of(reference.meanSquared(x!)),
        backward: (dY, x) => [reference.meanSquaredBackward(dY[0]!, x!)],
        tolerance: TOLERANCE,
      });
    });

    it(`mean of squared differences of ${showShape(shape)}: value and both gradients`, async () => {
      await checkOp({
        inputs: [shape, shape],
        build: (tape, x, target) => tape.meanSquared(x, target),
        forward: (x, target) => Float64Array.of(reference.meanSquared(x!, target)),
        backward: (dY, x, target) => {
          const dX = reference.meanSquaredBackward(dY[0]!, x!, target);
          return [dX, dX.map((v) => -v)];
        },
        tolerance: TOLERANCE,
      });
    });

    it(`squared differences of ${showShape(shape)} by themselves, and nothing behind`, async () => {
      const inputs = [1, 5].map((seed) => ({ shape, data: positive(shape, seed) }));
      const got = await runKernel(inputs, [1], ([a, b], y, scratch) =>
        reduceForward({ op: 'squared differences', shape, factor: 0.5 }, { a: a!, b: b!, y }, scratch));
      expect(relativeError(got, [0.5 * n * reference.meanSquared(inputs[0]!.data, inputs[1]!.data)])).toBeLessThan(TOLERANCE);
    });

    it(`sums over the rows of ${showShape(shape)}, also added to what is there, in any grid`, async () => {
      const x = positive(shape, 2);
      const c = channelsOf(shape);
      const old = randomValues(c, 3);
      const expected = reference.columnSum(c, x);
      for (const accumulate of [false, true]) {
        const got = await runKernel(
          [{ shape, data: x }],
          [c],
          ([a], y, scratch) => {
            const dispatches = columnSum({ shape, factor: 0.5 }, { x: a!, y }, accumulate, scratch);
            return accumulate ? dispatches.map(folded) : dispatches;
          },
          accumulate ? old : undefined,
        );
        const want = expected.map((v, i) => 0.5 * v + (accumulate ? old[i]! : 0));
        expect(relativeError(got, want)).toBeLessThan(TOLERANCE);
      }
    });
  }

  it('long sums keep their precision: four million terms', async () => {
    const shape = [2 ** 20, 4] as const;
    const x = positive(shape, 4);
    const tape = new Tape(await testDevice());
    const total = tape.sum(tape.constant(shape, x));
    const program = tape.compile(total);
    await program.run();
    const expected = reference.sum(x);
    expect(Math.abs((await program.read(total))[0]! - expected) / expected).toBeLessThan(TOLERANCE);
    const got = await runKernel([{ shape, data: x }], [4], ([a], y, scratch) =>
      columnSum({ shape }, { x: a!, y }, false, scratch),
    );
    expect(relativeError(got, reference.columnSum(4, x))).toBeLessThan(TOLERANCE);
    program.destroy();
    tape.destroy();
  });

  it('says what is wrong with a target of another shape', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.meanSquared(x, tape.variable([4, 5, 4]))).toThrow(/tape\.meanSquared.*\[4, 5, 4\]/);
    tape.destroy();
  });
});

describe('the weighted vector of terms', () => {
  for (const n of [1, 3, 4, 5, 11]) {
    it(`of ${n} terms: value and gradients`, async () => {
      const weights = randomValues(n, 7);
      await checkOp({
        inputs: Array.from({ length: n }, () => [1]),
        build: (tape, ...terms) => tape.weigh(terms, tape.constant([n], weights)),
        forward: (...terms) => Float64Array.from(terms, (t, i) => t[0]! * weights[i]!),
        backward: (dY) => Array.from({ length: n }, (_, i) => Float64Array.of(dY[i]! * weights[i]!)),
        tolerance: TOLERANCE,
      });
    });
  }

  it('takes weights that are computed', async () => {
    const tape = new Tape(await testDevice());
    const weights = tape.scale(tape.constant([2], [1, 2]), 10);
    const y = tape.weigh([tape.variable([1], [3]), tape.variable([1], [4])], weights);
    const program = tape.compile(y);
    await program.run();
    expect([...(await program.read(y))]).toEqual([30, 80]);
    program.destroy();
    tape.destroy();
  });

  it('says what is wrong with terms that are no scalars or weights that do not match', async () => {
    const tape = new Tape(await testDevice());
    const one = tape.variable([1]);
    expect(() => tape.weigh([one, one], tape.constant([3], [1, 2, 3]))).toThrow(/tape\.weigh.*2 terms/);
    expect(() => tape.weigh([tape.variable([2])], tape.constant([1], [1]))).toThrow(/tape\.weigh/);
    tape.destroy();
  });
});
