import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/pool.ts';

// Maxima are exact; a gradient adds up to nine f32 terms, several times the RMS where one pixel wins many windows.
const TOLERANCE = 3e-6;

type Four = [number, number, number, number];

/** Image [h, w, c], window, stride, [top, right, bottom, left]. */
const CASES: [[number, number, number], [number, number], [number, number], Four][] = [
  [[2, 2, 1], [2, 2], [2, 2], [0, 0, 0, 0]],
  [[1, 31, 3], [1, 2], [1, 2], [0, 0, 0, 0]],
  [[7, 8, 4], [2, 2], [2, 2], [0, 0, 0, 0]],
  [[31, 9, 5], [2, 2], [2, 2], [0, 0, 0, 0]],
  [[9, 7, 60], [3, 3], [2, 2], [1, 1, 1, 1]],
  [[8, 9, 64], [3, 3], [1, 1], [1, 1, 1, 1]],
  [[9, 8, 68], [2, 3], [3, 1], [0, 2, 1, 0]],
  [[7, 7, 3], [7, 7], [7, 7], [0, 0, 0, 0]],
  [[1, 1, 4], [3, 3], [1, 1], [2, 1, 1, 2]],
  [[10, 11, 6], [2, 2], [3, 4], [0, 0, 0, 0]],
];

describe('pooling', () => {
  for (const [shape, size, stride, pads] of CASES) {
    const name = `[${shape.join(', ')}], window ${size.join('x')}, stride ${stride.join('x')}, padding ${pads.join(' ')}`;
    const options = { size, stride, padding: pads };
    const g = { shape, size, stride, pads, countPadding: true };

    it(`maximum: ${name}`, async () => {
      await checkOp({
        inputs: [shape],
        build: (tape, x) => tape.maxPool(x, options),
        forward: (x) => reference.maxPool(g, x),
        backward: (dY, x) => [reference.maxPoolBackward(g, x, dY)],
        tolerance: TOLERANCE,
      });
    });

    it(`mean: ${name}`, async () => {
      for (const countPadding of [true, false]) {
        await checkOp({
          inputs: [shape],
          build: (tape, x) => tape.avgPool(x, { ...options, countPadding }),
          forward: (x) => reference.avgPool({ ...g, countPadding }, x),
          backward: (dY) => [reference.avgPoolBackward({ ...g, countPadding }, dY)],
          tolerance: TOLERANCE,
        });
      }
    });
  }

  it('gives the gradient of equal values to the first in scan order', async () => {
    const shape = [9, 9, 5] as const;
    // Three different values only (zeros as after a ReLU among them): nearly every window has ties.
    const tied = randomValues(405, 5).map((v) => Math.max(0, Math.round(v * 2)));
    for (const [size, stride] of [[2, 2], [3, 1], [3, 2]] as const) {
      const g = {
        shape, size: [size, size], stride: [stride, stride], pads: [0, 0, 0, 0], countPadding: true,
      } as const;
      await checkOp({
        inputs: [shape],
        values: [tied],
        build: (tape, x) => tape.maxPool(x, { size, stride }),
        forward: (x) => reference.maxPool(g, x),
        backward: (dY, x) => [reference.maxPoolBackward(g, x, dY)],
        tolerance: TOLERANCE,
      });
    }
  });

  it('takes 2x2 windows by default and says what is wrong with others', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([5, 7, 3]);
    expect(tape.maxPool(x).shape).toEqual([2, 3, 3]);
    expect(tape.avgPool(x, { size: 3, stride: 1 }).shape).toEqual([3, 5, 3]);
    expect(() => tape.maxPool(x, { size: 6 })).toThrow(/tape\.maxPool.*smaller than the window/);
    expect(() => tape.maxPool(x, { padding: 2 })).toThrow(/not smaller than the window/);
    expect(() => tape.avgPool(x, { size: 0 })).toThrow(/tape\.avgPool.*size is 0/);
    expect(() => tape.avgPool(x, { stride: 1.5 })).toThrow(/stride is 1\.5/);
    expect(() => tape.avgPool(tape.variable([5, 7]))).toThrow(/height, width, channels/);
    tape.destroy();
  });
});
