import { expect, test } from 'vitest';
import { Adam } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { adam } from '../oracle/optim.ts';
import { play, quadratic, stepErrors } from './problems.ts';

// 1e-6 of the step was the most seen; exp2 and sqrt of some drivers add.
const TOLERANCE = 5e-6;
const CASES = [
  ['with the usual settings', { learningRate: 0.05 }],
  ['with other betas', { learningRate: 0.02, beta1: 0.5, beta2: 0.99 }],
  ['with betas of 0', { learningRate: 0.02, beta1: 0, beta2: 0 }],
  ["with Keras' epsilon", { learningRate: 0.02, beta1: 0.99, epsilon: 0.1, epsilonForm: 'keras' }],
  ["with torch's epsilon of 0.1", { learningRate: 0.02, beta1: 0.99, epsilon: 0.1, epsilonForm: 'torch' }],
  ['with decay', { learningRate: 0.05, decay: { rate: 0.5, steps: 10 } }],
  ['in a box', { learningRate: 0.05, clamp: { min: [-0.5, -0.1, 0, 0], max: [0.5, 0.1, 1, 0] } }],
] as const;

test.each(CASES)('Adam %s follows float64 for 40 steps', async (_, settings) => {
  const device = await testDevice();
  const full = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, epsilonForm: 'torch', ...settings } as const;
  for (const size of [4, 5, 1000, 70_000]) {
    const problem = quadratic(size, 100);
    const trace = await play(device, problem, 40, (p) => new Adam(device, [p], settings));
    const errors = stepErrors(problem, trace, adam({ ...full, keras: full.epsilonForm === 'keras' }));
    expect(Math.max(...errors), `${size} floats`).toBeLessThan(TOLERANCE);
  }
});

test('Adam takes gradients of 1e8 and of 1e-8', async () => {
  const device = await testDevice();
  for (const scale of [1e8, 1e-8]) {
    // An epsilon far below the gradients, as the step would otherwise depend on it and not on their direction.
    const settings = { learningRate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-14 };
    const problem = quadratic(1000, 100, scale);
    const trace = await play(device, problem, 20, (p) => new Adam(device, [p], settings));
    const errors = stepErrors(problem, trace, adam(settings));
    expect(Math.max(...errors), `gradients of ${scale}`).toBeLessThan(TOLERANCE);
  }
});

test('the bias corrections stay right over 3,000 updates', async () => {
  const device = await testDevice();
  const settings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  // The gradient is the same at every x: each step is the learning rate, if the corrections are right.
  const problem = { start: new Float32Array(4), evaluate: () => ({ loss: 0, gradient: Float64Array.of(1, -2, 0, 0) }) };
  const trace = await play(device, problem, 3000, (p) => new Adam(device, [p], settings));
  const last = trace.values[3000]!;
  expect(last[0]).toBeCloseTo(-3, 3); // 3,000 roundings of up to 1.2e-7 each
  expect(last[1]).toBeCloseTo(3, 3);
  expect([...last.slice(2)]).toEqual([0, 0]);
});
