import { expect, test } from 'vitest';
import { readBuffer } from '../../src/gpu/readback.ts';
import { createOptimizer, type Optimizer, type Parameter } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { makeParameter, play, quadratic, update } from './problems.ts';

const SIZE = 5003;

// Recomputed in float64 by the definition: E = decay·E + (1 - decay)·x, over 1 - decay^t.
test.each([0.5, 0.99, 0.9999])('the average with decay %d is that of the definition; what was cut is not in it', async (decay) => {
  const device = await testDevice();
  const problem = quadratic(SIZE, 20);
  const parameter = makeParameter(device, SIZE);
  device.queue.writeBuffer(parameter.value, 0, problem.start as Float32Array<ArrayBuffer>);
  const optimizer = createOptimizer(device, [parameter], { name: 'adam', learningRate: 0.05 }, { averaging: decay });
  await optimizer.ready;
  const read = async (buffer: GPUBuffer): Promise<Float32Array> => new Float32Array(await readBuffer(device, buffer, 0, 4 * SIZE));
  const worst = (got: Float32Array, wanted: ArrayLike<number>): number => got.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i]!)), 0);
  expect(await read(optimizer.average![0]!)).toEqual(problem.start);
  let x: Float32Array = problem.start;
  let sum = new Float64Array(SIZE); // without the last iterate, which may yet be cut
  let t = 0;
  const averageWith = (last: Float32Array): Float64Array => sum.map((e, i) => (decay * e + (1 - decay) * last[i]!) / (1 - decay ** t));
  for (let step = 0; step < 30; step++) {
    const fails = step === 7 || step === 8 || step === 20;
    const { gradient } = problem.evaluate(x);
    device.queue.writeBuffer(parameter.gradient, 0, Float32Array.from(gradient, (g, i) => (fails && i === 9 ? NaN : g)));
    update(device, optimizer);
    if (!fails) {
      if (t > 0) sum = sum.map((e, i) => decay * e + (1 - decay) * x[i]!);
      t++;
    }
    x = await read(parameter.value);
    expect(worst(await read(optimizer.average![0]!), averageWith(x)), `step ${step}`).toBeLessThan(2e-6);
  }
  optimizer.reset();
  expect(await read(optimizer.average![0]!)).toEqual(x);
  // The first of a run is taken as it is, whatever stood there.
  device.queue.writeBuffer(optimizer.average![0]!, 0, new Float32Array(SIZE).fill(NaN));
  device.queue.writeBuffer(parameter.gradient, 0, Float32Array.from(problem.evaluate(x).gradient));
  update(device, optimizer);
  expect(await read(optimizer.average![0]!)).toEqual(await read(parameter.value));
  optimizer.destroy();
  parameter.destroy();
});

test('several parameters have an average each, as one has', async () => {
  const device = await testDevice();
  const problem = quadratic(SIZE, 20);
  const averageOver = async (cuts: readonly number[]): Promise<Float32Array> => {
    const make = (_: Parameter, all: readonly Parameter[]): Optimizer =>
      createOptimizer(device, all, { name: 'adam', learningRate: 0.05 }, { averaging: 0.9 });
    return (await play(device, problem, 12, make, undefined, cuts)).average;
  };
  const one = await averageOver([SIZE]);
  expect(one).toHaveLength(SIZE);
  expect(await averageOver([4, 4000, SIZE - 4004])).toEqual(one);
});
