import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { Tape } from '../../src/autograd/index.ts';
import { elementsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import * as reference from '../oracle/normalize.ts';

// A few roundings an element; gradients of per-channel operands are sums of up to a thousand f32 of both signs. Instance
// normalisation subtracts two means from each gradient, which may leave a tenth of it (of two pixels almost nothing
// would be left: the smallest shape here has four).
const TOLERANCE = 5e-6;
const INSTANCE_TOLERANCE = 1e-5;

const SHAPES: readonly Shape[] = [
  [2, 2, 3],
  [7, 8, 3],
  [9, 31, 60],
  [31, 9, 5],
  [8, 7, 68],
  [2, 9, 1],
  [31, 31, 64],
  [40, 4],
];

function positive(count: number, seed: number): Float32Array {
  return randomValues(count, seed).map((v) => 1.5 + v);
}

describe('normalisation per channel', () => {
  for (const shape of SHAPES) {
    const c = shape.at(-1)!;
    const x = randomValues(elementsOf(shape), 1).map((v) => 3 * v + 0.5);

    it(`of ${showShape(shape)}: value and gradients to x, mean and std`, async () => {
      await checkOp({
        inputs: [shape, [c], [c]],
        values: [x, randomValues(c, 2), positive(c, 3)],
        build: (tape, image, mean, std) => tape.normalize(image!, { mean: mean!, std: std! }),
        forward: (image, mean, std) => reference.normalize(image!, mean!, std!),
        backward: (dY, image, mean, std) => reference.normalizeBackward(dY, image!, mean!, std!),
        tolerance: TOLERANCE,
      });
    });

    it(`of ${showShape(shape)} with numbers: value and gradient`, async () => {
      const mean = Array.from(randomValues(c, 2));
      const std = Array.from(positive(c, 3));
      await checkOp({
        inputs: [shape],
        values: [x],
        build: (tape, image) => tape.normalize(image!, { mean, std }),
        forward: (image) => reference.normalize(image!, mean, std),
        backward: (dY, image) => [reference.normalizeBackward(dY, image!, mean, std)[0]],
        tolerance: TOLERANCE,
      });
    });

    for (const epsilon of [1e-5, 0.5]) {
      it(`instance, of ${showShape(shape)}, ε = ${epsilon}: value and gradients to x, scale and bias`, async () => {
        await checkOp({
          inputs: [shape, [c], [c]],
          values: [x, positive(c, 4), randomValues(c, 5)],
          build: (tape, image, scale, bias) =>
            tape.instanceNorm(image!, { scale: scale!, bias: bias!, epsilon }),
          forward: (image, scale, bias) => reference.instanceNorm(epsilon, image!, scale!, bias!),
          backward: (dY, image, scale) => reference.instanceNormBackward(epsilon, dY, image!, scale!),
          tolerance: INSTANCE_TOLERANCE,
        });
      });
    }

    it(`instance, of ${showShape(shape)} without scale and bias: value and gradient`, async () => {
      const ones = new Float32Array(c).fill(1);
      await checkOp({
        inputs: [shape],
        values: [x],
        build: (tape, image) => tape.instanceNorm(image!),
        forward: (image) => reference.instanceNorm(1e-5, image!, ones, new Float32Array(c)),
        backward: (dY, image) => [reference.instanceNormBackward(1e-5, dY, image!, ones)[0]],
        tolerance: INSTANCE_TOLERANCE,
      });
    });
  }

  it('a channel far from zero keeps its precision: the variance is that of centred values', async () => {
    const shape = [16, 16, 3] as const;
    const x = randomValues(768, 6).map((v) => v + 100);
    const ones = new Float32Array(3).fill(1);
    await checkOp({
      inputs: [shape],
      values: [x],
      build: (tape, image) => tape.instanceNorm(image!),
      forward: (image) => reference.instanceNorm(1e-5, image!, ones, new Float32Array(3)),
      backward: (dY, image) => [reference.instanceNormBackward(1e-5, dY, image!, ones)[0]],
      // The mean, about 100, is rounded to 4e-6; the values around it are about 0.6.
      tolerance: 5e-5,
    });
  });

  it('says what is wrong with operands of another length', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.normalize(x, { mean: [0, 0], std: [1, 1, 1] })).toThrow(/tape\.normalize mean.*\[2\]/);
    expect(() => tape.instanceNorm(x, { scale: tape.variable([4]) })).toThrow(/tape\.instanceNorm scale.*\[4\]/);
    tape.destroy();
  });
});
