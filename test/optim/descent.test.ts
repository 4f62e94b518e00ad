import { expect, test } from 'vitest';
import { GradientDescent } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { descent } from '../oracle/optim.ts';
import { play, quadratic, stepErrors } from './problems.ts';

// A step is a few roundings long and the velocity sums ten of them: 1e-6 was the most seen; exp2 of some drivers adds.
const TOLERANCE = 5e-6;
const CASES = [
  ['plain', { learningRate: 0.01 }],
  ['with momentum', { learningRate: 0.005, momentum: 0.9 }],
  ["with Nesterov's momentum", { learningRate: 0.005, momentum: 0.9, nesterov: true }],
  ['with decay', { learningRate: 0.01, decay: { rate: 0.96, steps: 7 } }],
  ['with momentum and decay', { learningRate: 0.005, momentum: 0.5, decay: { rate: 0.5, steps: 20 } }],
  ['in a box', { learningRate: 0.01, clamp: { min: [-0.5, -0.1, 0, 0], max: [0.5, 0.1, 1, 0] } }],
  ['in a box with momentum', { learningRate: 0.005, momentum: 0.9, clamp: { min: [0, 0, 0, 0], max: [1, 1, 1, Infinity] } }],
] as const;

test.each(CASES)('gradient descent %s follows float64 for 40 steps', async (_, settings) => {
  const device = await testDevice();
  for (const size of [4, 5, 1000, 70_000]) {
    const problem = quadratic(size, 100);
    const trace = await play(device, problem, 40, (p) => new GradientDescent(device, [p], settings));
    const errors = stepErrors(problem, trace, descent(settings));
    expect(Math.max(...errors), `${size} floats`).toBeLessThan(TOLERANCE);
  }
});
