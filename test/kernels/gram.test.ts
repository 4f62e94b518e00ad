import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { gramLossForward } from '../../src/kernels/gram.ts';
import { kernelTarget } from '../../src/kernels/target.ts';
import { runKernel } from '../run-kernel.ts';
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

  // 12 and 68 channels: parts of a vec4, and more threads than there are vec4s to add up.
  for (const [rows, c] of [[1, 1], [33, 12], [700, 5], [40, 68]] as const) {
    it(`of ${rows} rows and ${c} channels, and their distance to a target, give residual and loss`, async () => {
      const kernels = kernelTarget(await testDevice());
      const [shape, factor, lossFactor] = [[rows, c], 0.5, 0.25] as const;
      const x = randomValues(rows * c, 1);
      const target = randomValues(c * c, 2);
      const g = reference.gram(c, factor, x);
      const off = g.map((value, i) => value - target[i]!);
      const loss = off.reduce((sum, value) => sum + lossFactor * value * value, 0);
      const residual = reference.transpose(c, c, off).map((value, i) => value + off[i]!);
      const run = (wanted: 'loss' | 'residual'): Promise<Float32Array> =>
        runKernel([{ shape, data: x }, { shape: [c, c], data: target }], wanted === 'loss' ? [1] : [c, c], ([a, b], out, scratch) => {
          const [d, y] = wanted === 'loss' ? [scratch([c, c]), out] : [out, scratch([1])];
          return gramLossForward({ shape, factor, lossFactor }, { x: a!, target: b!, d, y }, kernels, scratch);
        });
      expect(relativeError(await run('residual'), residual)).toBeLessThan(TOLERANCE);
      expect(relativeError(await run('loss'), [loss])).toBeLessThan(TOLERANCE);
    });
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
