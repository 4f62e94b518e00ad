// What every optimiser promises, whichever it is.

import { expect, test, vi } from 'vitest';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { Adam, createOptimizer, GradientDescent, type Optimizer, type OptimizerOptions, type Parameter } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { makeParameter, play, quadratic, update } from './problems.ts';

const OPTIONS: readonly (readonly [string, OptimizerOptions])[] = [
  ['gd', { name: 'gd', learningRate: 0.005, momentum: 0.9, decay: { rate: 0.9, steps: 5 } }],
  ['adam', { name: 'adam', learningRate: 0.05, decay: { rate: 0.9, steps: 5 } }],
  ['lbfgs', { name: 'lbfgs', history: 6 }],
];

const problem = quadratic(1003, 50);
const make = (device: GPUDevice, options: OptimizerOptions) => (p: Parameter): Optimizer => createOptimizer(device, [p], options);

test.each(OPTIONS)('%s: two runs give the same bytes', async (_, options) => {
  const device = await testDevice();
  const first = await play(device, problem, 25, make(device, options));
  const second = await play(device, problem, 25, make(device, options));
  expect(second.values).toEqual(first.values);
});

test.each(OPTIONS)('%s: 100 updates allocate nothing and bind nothing, destroy gives everything back', async (_, options) => {
  const device = await testDevice();
  const parameter = makeParameter(device, 1003);
  const before = memoryUse(device).bytes;
  const optimizer = createOptimizer(device, [parameter], options);
  expect(memoryUse(device).bytes - before).toBeGreaterThanOrEqual(optimizer.cost.stateBytes);
  await optimizer.ready;
  const spies = (['createBuffer', 'createBindGroup', 'createComputePipeline', 'createShaderModule'] as const).map((name) => vi.spyOn(device, name));
  const write = vi.spyOn(device.queue, 'writeBuffer');
  for (let i = 0; i < 100; i++) update(device, optimizer);
  for (const spy of [...spies, write]) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
  expect(optimizer.steps).toBe(100);
  optimizer.destroy();
  expect(memoryUse(device).bytes).toBe(before);
  const pass = device.createCommandEncoder().beginComputePass();
  expect(() => optimizer.encode(pass)).toThrow(/the optimiser was destroyed/);
  pass.end();
  parameter.destroy();
});

test.each(OPTIONS)('%s: after reset the next update is a first one', async (_, options) => {
  const device = await testDevice();
  const fresh = await play(device, problem, 10, make(device, options));
  const again = await play(device, { ...problem, start: fresh.values[10]! }, 10, make(device, options));
  const both = await play(device, problem, 20, make(device, options), (step, optimizer) => {
    if (step === 10) optimizer.reset();
  });
  expect(both.values.slice(10)).toEqual(again.values);
});

test.each(OPTIONS)('%s: another optimiser goes on from its saved state', async (_, options) => {
  const device = await testDevice();
  const straight = await play(device, problem, 16, make(device, options));
  const states: ArrayBuffer[] = [];
  const parameter = makeParameter(device, 1003);
  const first = createOptimizer(device, [parameter], options);
  await first.ready;
  for (let step = 0; step < 8; step++) {
    const { gradient } = problem.evaluate(straight.values[step]!);
    device.queue.writeBuffer(parameter.value, 0, straight.values[step]! as Float32Array<ArrayBuffer>);
    device.queue.writeBuffer(parameter.gradient, 0, Float32Array.from(gradient));
    update(device, first);
  }
  for (const { buffer } of first.state()) states.push(await readBuffer(device, buffer));
  first.destroy();
  parameter.destroy();
  const rest = await play(device, { ...problem, start: straight.values[8]! }, 8, (p) => {
    const second = createOptimizer(device, [p], options);
    second.state().forEach(({ buffer }, i) => device.queue.writeBuffer(buffer, 0, states[i]!));
    second.resume(8);
    return second;
  });
  expect(rest.values).toEqual(straight.values.slice(8));
});

test.each(OPTIONS)('%s: setLearningRate changes the next update', async (_, options) => {
  const device = await testDevice();
  const settings = { ...options, learningRate: 0.01 };
  const rate = (step: number, optimizer: Optimizer): void => {
    if (step === 0) optimizer.setLearningRate(0.01);
  };
  const low = await play(device, problem, 5, make(device, settings));
  const set = await play(device, problem, 5, make(device, options), rate);
  expect(set.values).toEqual(low.values);
  const parameter = makeParameter(device, 4);
  const optimizer = createOptimizer(device, [parameter], options);
  for (const bad of [0, -1, NaN, Infinity]) {
    expect(() => optimizer.setLearningRate(bad)).toThrow(/learningRate is .*Give a number above 0/);
  }
  optimizer.destroy();
  parameter.destroy();
});

test('gradient descent and Adam move several parameters, each by its own gradient', async () => {
  const device = await testDevice();
  for (const build of [
    (p: readonly Parameter[]) => new GradientDescent(device, p, { learningRate: 0.5 }),
    (p: readonly Parameter[]) => new Adam(device, p, { learningRate: 0.5 }),
  ]) {
    const parameters = [4, 9, 300].map((size) => makeParameter(device, size));
    parameters.forEach(({ gradient, floats }, i) => {
      device.queue.writeBuffer(gradient, 0, new Float32Array(floats).fill((-1) ** i));
    });
    const optimizer = build(parameters);
    await optimizer.ready;
    update(device, optimizer);
    for (const [i, { value, floats }] of parameters.entries()) {
      const values = new Float32Array(await readBuffer(device, value));
      values.forEach((v, k) => expect(v).toBeCloseTo(k < floats ? -0.5 * (-1) ** i : 0, 6));
    }
    optimizer.destroy();
    for (const parameter of parameters) parameter.destroy();
  }
});

test('parameters that cannot be right are refused, and nothing stays allocated', async () => {
  const device = await testDevice();
  const parameter = makeParameter(device, 8);
  const { value, gradient } = parameter;
  const before = memoryUse(device).bytes;
  const options = { name: 'adam' } as const;
  const cases: [readonly Parameter[], RegExp][] = [
    [[], /got no parameters/],
    [[{ value, gradient, floats: 9 }], /parameter 0 has a buffer of 32 bytes, 9 floats need 48/],
    [[{ value, gradient, floats: 0 }], /parameter 0 has 0 floats/],
    [[{ value, gradient: value, floats: 8 }], /one buffer as value and gradient/],
  ];
  for (const [parameters, message] of cases) {
    expect(() => createOptimizer(device, parameters, options)).toThrow(message);
  }
  const clamp = { min: [0, 0, 0, 1], max: [1, 1, 1, 0] } as const;
  expect(() => createOptimizer(device, [parameter], { ...options, clamp: true }, { box: clamp })).toThrow(/clamp goes from \[0, 0, 0, 1\] to/);
  expect(() => createOptimizer(device, [parameter], { ...options, clamp: true })).toThrow(/there is no box/);
  expect(memoryUse(device).bytes).toBe(before);
  parameter.destroy();
});
