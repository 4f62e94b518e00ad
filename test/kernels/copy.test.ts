import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { copyVariant } from '../../src/kernels/copy.ts';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/copy.ts';

// Copies change nothing; mid-graph a product and a sum of up to 3.5 are rounded, several times the RMS of sparse slices.
const TOLERANCE = 1e-6;

describe('reshape', () => {
  const CASES: [number[], number[]][] = [
    [[2, 7, 4], [56]],
    [[7, 9, 5], [9, 35]],
    [[3, 3, 3, 6], [27, 6]],
    [[31, 1, 60], [1, 31, 15, 4]],
    [[1], [1, 1, 1]],
    [[13], [1, 13, 1]],
    [[2, 3, 68], [17, 24]],
  ];
  for (const [shape, to] of CASES) {
    it(`[${shape.join(', ')}] to [${to.join(', ')}]: row-major order stays`, async () => {
      await checkOp({
        inputs: [shape],
        build: (tape, x) => tape.reshape(x, to),
        forward: (x) => Float64Array.from(x),
        backward: (dY) => [Float64Array.from(dY)],
        tolerance: TOLERANCE,
      });
    });
  }
});

describe('slice', () => {
  /** Shape, begin, size. */
  const CASES: [number[], number[], number[]][] = [
    [[9, 7, 3], [1, 2, 0], [8, 4, 3]],
    [[9, 7, 8], [0, 0, 4], [9, 7, 4]],
    [[2, 7, 60], [1, 0, 3], [1, 7, 5]],
    [[8, 8, 64], [0, 7, 0], [8, 1, 63]],
    [[31, 1, 5], [30, 0, 4], [1, 1, 1]],
    [[3, 3, 5, 68], [1, 0, 2, 4], [1, 3, 3, 64]],
    [[13], [5], [7]],
    [[4, 6], [0, 0], [4, 6]],
  ];
  for (const [shape, begin, size] of CASES) {
    it(`[${size.join(', ')}] at [${begin.join(', ')}] of [${shape.join(', ')}]`, async () => {
      await checkOp({
        inputs: [shape],
        build: (tape, x) => tape.slice(x, begin, size),
        forward: (x) => reference.slice(shape, begin, size, x),
        backward: (dY) => [reference.sliceBackward(shape, begin, size, dY)],
        tolerance: TOLERANCE,
      });
    });
  }
});

describe('concat', () => {
  const CASES: [number[][], number][] = [
    [[[2, 7, 3], [2, 7, 1]], 2],
    [[[8, 9, 1], [8, 9, 1], [8, 9, 1], [8, 9, 1], [8, 9, 3]], 2],
    [[[1, 31, 64], [1, 31, 4], [1, 31, 60]], 2],
    [[[7, 2, 5], [7, 2, 68]], 2],
    [[[7, 2, 5], [7, 3, 5], [7, 1, 5]], 1],
    [[[1, 9, 4], [8, 9, 4]], 0],
    [[[3], [4], [1]], 0],
    [[[2, 2, 3, 5], [2, 2, 4, 5]], 2],
    [[[5, 6, 7]], 0],
  ];
  for (const [shapes, axis] of CASES) {
    it(`${shapes.map((shape) => `[${shape.join(', ')}]`).join(' ')} along axis ${axis}`, async () => {
      const begins: number[] = [];
      shapes.reduce((sum, shape) => (begins.push(sum), sum + shape[axis]!), 0);
      const total = shapes.reduce((sum, shape) => sum + shape[axis]!, 0);
      const whole = shapes[0]!.map((size, i) => (i === axis ? total : size));
      for (const counted of [axis, axis - whole.length]) {
        await checkOp({
          inputs: shapes,
          build: (tape, ...parts) => tape.concat(parts, counted),
          forward: (...parts) => reference.concat(shapes, axis, parts),
          backward: (dY) =>
            shapes.map((shape, i) => {
              const begin = whole.map((_, a) => (a === axis ? begins[i]! : 0));
              return reference.slice(whole, begin, shape, dY);
            }),
          tolerance: TOLERANCE,
        });
      }
    });
  }

  it('takes one tensor twice and adds its gradients', async () => {
    await checkOp({
      inputs: [[3, 2, 5]],
      build: (tape, x) => tape.concat([x, x]),
      forward: (x) => reference.concat([[3, 2, 5], [3, 2, 5]], 2, [x, x]),
      backward: (dY) => {
        const [a, b] = [0, 5].map((at) => reference.slice([3, 2, 10], [0, 0, at], [3, 2, 5], dY));
        return [a!.map((v, i) => v + b![i]!)];
      },
      tolerance: TOLERANCE,
    });
  });
});

it('moves whole vec4s wherever source and target lie alike', () => {
  const box = { from: [9, 8], to: [9, 12], begin: [0, 4], size: [9, 8], shift: [0, -4] };
  expect(copyVariant(box)).toBe('vectors');
  // The last three channels of 7: x ends there, and its padding is zero.
  expect(copyVariant({ from: [9, 7], to: [9, 3], begin: [0, 0], size: [9, 3], shift: [0, 4] })).toBe('vectors');
  // The first three of 7: the fourth must not come along.
  expect(copyVariant({ from: [9, 7], to: [9, 3], begin: [0, 0], size: [9, 3], shift: [0, 0] })).toBe('elements');
  expect(copyVariant({ ...box, begin: [0, 3], shift: [0, -3] })).toBe('elements');
});

it('copies say what does not fit', async () => {
  const tape = new Tape(await testDevice());
  const x = tape.variable([4, 5, 3], randomValues(60, 1));
  expect(() => tape.reshape(x, [61])).toThrow(/tape\.reshape.*60 elements.*61/);
  expect(() => tape.reshape(x, [])).toThrow(/one to four/);
  expect(() => tape.concat([])).toThrow(/empty/);
  expect(() => tape.concat([x, tape.variable([4, 4, 3])])).toThrow(/tape\.concat.*\[4, 4, 3\] does not fit/);
  expect(() => tape.concat([x, x], 3)).toThrow(/axis 3 for 3 axes/);
  expect(() => tape.slice(x, [0, 0, 1], [4, 5, 3])).toThrow(/tape\.slice.*not inside \[4, 5, 3\]/);
  expect(() => tape.slice(x, [0, 0], [4, 5])).toThrow(/tape\.slice/);
  expect(() => tape.slice(x, [-1, 0, 0], [1, 1, 1])).toThrow(/tape\.slice/);
  tape.destroy();
});
