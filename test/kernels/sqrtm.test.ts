import { describe, expect, it } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { matmul, transpose } from '../oracle/matmul.ts';
import * as reference from '../oracle/statistics.ts';

/** B·Bᵀ / n + shift · I: symmetric to the bit, positive definite. */
function positive(n: number, seed: number, shift: number): Float32Array<ArrayBuffer> {
  const b = randomValues(n * n, seed);
  return Float32Array.from(matmul(n, n, n, b, transpose(n, n, b)), (v, i) => v / n + (i % (n + 1) === 0 ? shift : 0));
}

/** As the 2-Wasserstein distance has it. */
const trace = (tape: Tape, a: Tensor): Tensor => tape.sum(tape.mul(tape.sqrtm(a, { steps: 16, commutes: true }), tape.identity(a.shape[0]!)));

describe('square roots of matrices', () => {
  for (const n of [1, 2, 3, 7, 31, 64, 68]) {
    it(`of [${n}, ${n}]: the root and its gradient are those of the eigenvalues`, async () => {
      await checkOp({
        inputs: [[n, n]],
        values: [positive(n, n, 0.2)],
        build: (tape, a) => tape.sqrtm(a!, { steps: 16 }),
        forward: (a) => reference.sqrtm(n, a!),
        backward: (dY, a) => [reference.sqrtmBackward(n, dY, a!)],
        tolerance: 2e-5,
      });
    });
  }

  it('does not depend on the size of the values', async () => {
    for (const scale of [1e-8, 1e8]) {
      await checkOp({
        inputs: [[9, 9]],
        values: [positive(9, 4, 0.2).map((v) => v * scale)],
        build: (tape, a) => tape.sqrtm(a!, { steps: 16 }),
        forward: (a) => reference.sqrtm(9, a!),
        backward: (dY, a) => [reference.sqrtmBackward(9, dY, a!)],
        tolerance: 2e-5,
      });
    }
  });

  it('twelve steps lose of a nearly singular root at most what its smallest eigenvalues are', async () => {
    const n = 32;
    const b = randomValues(n * 8, 3); // rank 8
    const low = matmul(n, n, 8, b, transpose(n, 8, b));
    const a = Float32Array.from(low, (v, i) => v + (i % (n + 1) === 0 ? 1e-4 : 0));
    const tape = new Tape(await testDevice());
    const root = tape.sqrtm(tape.variable([n, n], a));
    const sum = tape.sum(tape.mul(root, tape.identity(n)));
    const program = tape.compile(sum);
    await program.run();
    const [trace] = await program.read(sum);
    const exact = reference.sqrtm(n, a).reduce((sum, v, i) => sum + (i % (n + 1) === 0 ? v : 0), 0);
    expect(trace!).toBeLessThan(exact * (1 + 1e-5));
    expect(trace!).toBeGreaterThan(exact - 24 * Math.sqrt(1e-4)); // 24 eigenvalues of 1e-4, beside 8 above 1
    program.destroy();
    tape.destroy();
  });

  it('of zeros is zeros', async () => {
    const tape = new Tape(await testDevice());
    const root = tape.sqrtm(tape.variable([5, 5]));
    const program = tape.compile(root);
    await program.run();
    expect(await program.read(root)).toEqual(new Float32Array(25));
    program.destroy();
    tape.destroy();
  });

  for (const n of [1, 2, 7, 31, 64, 68]) {
    it(`the trace of that of [${n}, ${n}]: value and gradient are those of the eigenvalues, whatever the size of the values`, async () => {
      for (const scale of [1, 1e-8, 1e8]) {
        await checkOp({
          inputs: [[n, n]],
          values: [positive(n, n, 0.2).map((v) => v * scale)],
          build: (tape, a) => trace(tape, a!),
          forward: (a) => Float64Array.of(reference.traceSqrtm(n, a!)),
          backward: (dY, a) => [reference.traceSqrtmBackward(n, dY[0]!, a!)],
          tolerance: 2e-5,
        });
      }
    });
  }

  it('the trace stays finite, and within 2e-3, for products of covariances of a few pixels', async () => {
    // 64 channels of 12 pixels and the ridge of the recipe: eigenvalues down to 1e-10 of the largest, and what rounding makes of them.
    const n = 64;
    const covariance = (seed: number): Float64Array => {
      const b = randomValues(n * 12, seed).map((v) => 3 * v);
      return matmul(n, n, 12, b, transpose(n, 12, b)).map((v, i) => v / 12 + (i % (n + 1) === 0 ? 1e-4 : 0));
    };
    const root = reference.sqrtm(n, covariance(1));
    const product = matmul(n, n, n, matmul(n, n, n, root, covariance(2)), root);
    const tape = new Tape(await testDevice());
    const x = tape.variable([n, n], product);
    const sum = trace(tape, x);
    const program = tape.compile(sum, [x]);
    await program.run();
    const [value] = await program.read(sum);
    expect(Math.abs(value! / reference.traceSqrtm(n, product) - 1)).toBeLessThan(2e-3);
    expect((await program.gradient(x)).every(Number.isFinite)).toBe(true);
    tape.destroy();
  });

  it('says what is wrong with shape and steps', async () => {
    const tape = new Tape(await testDevice());
    expect(() => tape.sqrtm(tape.variable([4, 5]))).toThrow(/tape\.sqrtm.*\[4, 5\]/);
    expect(() => tape.sqrtm(tape.variable([4, 4]), { steps: 0.5 })).toThrow(/steps.*0\.5/);
    tape.destroy();
  });
});
