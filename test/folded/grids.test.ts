// Grids that are folded because one dimension ends at 65,535 groups: here they are folded from one group on, with groups
// to spare, so that small tensors show what only very large ones would.

import { expect, it, vi } from 'vitest';
import type * as dispatch from '../../src/gpu/dispatch.ts';
import { Adam, GradientDescent, type Parameter } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { adam, descent } from '../oracle/optim.ts';
import { play, quadratic, stepErrors } from '../optim/problems.ts';
import { checkGraphs } from '../property/check-graphs.ts';
import { seeds } from '../property/dice.ts';

/** Calls that asked for a grid, so that the tests know that it was folded. */
const asked = vi.hoisted(() => ({ count: 0 }));

vi.mock('../../src/gpu/dispatch.ts', async (load) => ({
  ...(await load<typeof dispatch>()),
  linearWorkgroups: (count: number, size: number): dispatch.Workgroups => {
    asked.count++;
    return [2, Math.ceil(count / size / 2) + 1, 1];
  },
}));

const GRAPHS = 200;

it(`${GRAPHS} random graphs have the values and the gradients of float64`, { timeout: 120_000 }, async () => {
  asked.count = 0;
  await checkGraphs(seeds(GRAPHS), 'test/folded/grids.test.ts');
  expect(asked.count).toBeGreaterThan(GRAPHS / 4);
});

// As in their own tests.
const TOLERANCE = 5e-6;
const DESCENT = { learningRate: 0.01 } as const;
const MOMENTUM = { learningRate: 0.01, momentum: 0.9 } as const;
const ADAM = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

it.each([
  ['gradient descent', (device: GPUDevice, x: Parameter) => new GradientDescent(device, [x], DESCENT), descent(DESCENT)],
  ['momentum', (device: GPUDevice, x: Parameter) => new GradientDescent(device, [x], MOMENTUM), descent(MOMENTUM)],
  ['Adam', (device: GPUDevice, x: Parameter) => new Adam(device, [x], ADAM), adam(ADAM)],
] as const)('%s follows float64', async (_, optimizer, oracle) => {
  asked.count = 0;
  const device = await testDevice();
  const problem = quadratic(1000, 100);
  const trace = await play(device, problem, 5, (x) => optimizer(device, x));
  expect(Math.max(...stepErrors(problem, trace, oracle))).toBeLessThan(TOLERANCE);
  expect(asked.count).toBeGreaterThan(0);
});
