// Numbers that are not finite: no update is made from them, whichever the optimiser.

import { describe, expect, test } from 'vitest';
import { destroyBuffer } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { createOptimizer, type Optimizer, type OptimizerOptions } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { fence, fencedBuffer } from '../fence.ts';
import { adam, descent, lbfgs, type OracleOptimizer } from '../oracle/optim.ts';
import { makeParameter, quadratic, update } from './problems.ts';

const SIZE = 5003; // more than one workgroup
const ADAM = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const RULES: readonly (readonly [string, OptimizerOptions, () => OracleOptimizer])[] = [
  ['gd', { name: 'gd', learningRate: 0.005 }, () => descent({ learningRate: 0.005 })],
  ['gd with momentum', { name: 'gd', learningRate: 0.005, momentum: 0.9 }, () => descent({ learningRate: 0.005, momentum: 0.9 })],
  ['adam', { name: 'adam', ...ADAM }, () => adam(ADAM)],
  ['lbfgs', { name: 'lbfgs', history: 20 }, () => lbfgs({ learningRate: 1, history: 20 })],
];
const problem = quadratic(SIZE, 50);

interface Setting {
  readonly optimizer: Optimizer;
  /** One update with this gradient and loss; resolves to the values and the failures after it. */
  readonly give: (gradient: ArrayLike<number>, loss?: number) => Promise<{ x: Float32Array; failures: number }>;
  readonly destroy: () => void;
}

async function setUp(options: OptimizerOptions, givenLoss?: GPUBuffer): Promise<Setting> {
  const device = await testDevice();
  const parameter = makeParameter(device, SIZE, fence);
  const loss = givenLoss ?? fencedBuffer(device, [1], [0]);
  const optimizer = createOptimizer(device, [parameter], options, { loss });
  await optimizer.ready;
  device.queue.writeBuffer(parameter.value, 0, problem.start as Float32Array<ArrayBuffer>);
  return {
    optimizer,
    give: async (gradient, value = 1) => {
      device.queue.writeBuffer(parameter.gradient, 0, Float32Array.from(gradient));
      device.queue.writeBuffer(loss, 0, Float32Array.of(value));
      update(device, optimizer);
      const { buffer, offset = 0, size } = optimizer.failures;
      const [failures] = new Float32Array(await readBuffer(device, buffer, offset, size));
      return { x: new Float32Array(await readBuffer(device, parameter.value, 0, 4 * SIZE)), failures: failures! };
    },
    destroy: () => {
      optimizer.destroy();
      parameter.destroy();
      destroyBuffer(loss);
    },
  };
}

/** One number of a good gradient replaced. */
const spoiled = (x: ArrayLike<number>, at: number, by: number): Float64Array => problem.evaluate(x).gradient.map((g, i) => (i === at ? by : g));

const expectClose = (got: Float32Array, wanted: ArrayLike<number>, tolerance: number): void => {
  const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0);
  expect(worst).toBeLessThan(tolerance);
};

describe.each(RULES)('%s', (_, options, makeOracle) => {
  test('cuts the step that led to numbers that are not finite, further each time, and goes on damped', async () => {
    const { give, destroy } = await setUp(options);
    const oracle = makeOracle();
    const exact = Float64Array.from(problem.start);
    let x = problem.start;
    let before = x;
    const good = async (damping: number): Promise<void> => {
      const gradient = Float32Array.from(problem.evaluate(x).gradient);
      exact.set(x);
      oracle.step(exact, gradient, damping);
      before = x;
      const made = await give(gradient);
      expect(made.failures).toBe(0);
      x = made.x;
      // The step itself may be small beside x: rounding of x is 6e-8.
      expectClose(x, exact, 1e-6);
    };
    for (let i = 0; i < 4; i++) await good(1);
    for (const [failures, cut] of [[1, 1 / 4], [2, 1 / 16]] as const) {
      const gradient = spoiled(x, 5 * failures, failures === 1 ? NaN : -Infinity);
      const made = await give(gradient);
      expect(made.failures).toBe(failures);
      expectClose(made.x, x.map((value, i) => before[i]! + cut * (value - before[i]!)), 1e-6);
      x = made.x;
    }
    oracle.cut?.(1 / 64);
    await good(1.1 / 64);
    await good(1.21 / 64);
    const made = await give(problem.evaluate(x).gradient, NaN);
    expect(made.failures).toBe(1);
    expectClose(made.x, x.map((value, i) => before[i]! + (value - before[i]!) / 4), 1e-6);
    destroy();
  });

  test('takes no step from a start whose loss or gradient is not finite, whatever was before', async () => {
    const { optimizer, give, destroy } = await setUp(options);
    const gradient = problem.evaluate(problem.start).gradient;
    expect(await give(gradient, Infinity)).toEqual({ x: problem.start, failures: 1 });
    expect((await give(spoiled(problem.start, SIZE - 1, NaN))).x).toEqual(problem.start);
    optimizer.reset();
    expect(await give(spoiled(problem.start, 7, NaN))).toEqual({ x: problem.start, failures: 1 }); // one number, in one thread
    optimizer.reset();
    const exact = Float64Array.from(problem.start);
    makeOracle().step(exact, gradient);
    const { x, failures } = await give(gradient);
    expect(failures).toBe(0);
    expectClose(x, exact, 1e-6);
    destroy();
  });

  test("takes a caller's loss of four bytes", async () => {
    const device = await testDevice();
    const scalar = device.createBuffer({ size: 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
    const seen = [];
    for (const loss of [scalar, undefined]) {
      const { give, destroy } = await setUp(options, loss);
      const first = await give(problem.evaluate(problem.start).gradient, 3);
      const second = await give(problem.evaluate(first.x).gradient, NaN);
      seen.push([first, second, await give(problem.evaluate(second.x).gradient, 2)]);
      destroy();
    }
    scalar.destroy();
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]!.map(({ failures }) => failures)).toEqual([0, 1, 0]);
    expect(seen[0]![0]!.x).not.toEqual(problem.start);
  });

  test('leaves values alone that would leave the range of floats', async () => {
    const { optimizer, give, destroy } = await setUp(options);
    optimizer.setLearningRate(3e38);
    // Only the first value moves far: Adam's step is as long as its rate.
    const { x } = await give(problem.start.map((_, i) => (i === 0 ? 3e38 : 0)));
    expect(x.every(Number.isFinite)).toBe(true);
    destroy();
  });
});
