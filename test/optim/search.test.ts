// The strong Wolfe search on the GPU against torch's in float64: the same points are looked at, one after another.

import { describe, expect, test } from 'vitest';
import { destroyBuffer } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { createOptimizer, Lbfgs } from '../../src/optim/index.ts';
import { testDevice } from '../device.ts';
import { fencedBuffer } from '../fence.ts';
import { searchedLbfgs } from '../oracle/optim.ts';
import { doubleWell, makeParameter, quadratic, rosenbrock, update, type Problem } from './problems.ts';

interface Settings {
  readonly rules?: 'relative';
  readonly learningRate: number;
  readonly history: number;
}

interface Evaluation {
  readonly x: Float32Array;
  readonly loss: number;
  /** What the optimiser says after it. */
  readonly failures: number;
}

/** Every x that is evaluated, and its loss, the first being the start; `spoil` makes some losses NaN. */
async function searched(problem: Problem, evaluations: number, settings: Settings, spoil?: (n: number) => boolean): Promise<Evaluation[]> {
  const device = await testDevice();
  const size = problem.start.length;
  const parameter = makeParameter(device, size);
  const loss = fencedBuffer(device, [1], [0]);
  const optimizer = createOptimizer(device, [parameter], { name: 'lbfgs', lineSearch: 'strong-wolfe', ...settings }, { loss });
  await optimizer.ready;
  device.queue.writeBuffer(parameter.value, 0, problem.start as Float32Array<ArrayBuffer>);
  const seen: Evaluation[] = [];
  for (let n = 0; n < evaluations; n++) {
    const x = new Float32Array(await readBuffer(device, parameter.value, 0, 4 * size));
    const found = problem.evaluate(x);
    device.queue.writeBuffer(parameter.gradient, 0, Float32Array.from(found.gradient));
    device.queue.writeBuffer(loss, 0, Float32Array.of(spoil?.(n) ? NaN : found.loss));
    update(device, optimizer);
    const { buffer, offset = 0, size: bytes } = optimizer.failures;
    const [failures] = new Float32Array(await readBuffer(device, buffer, offset, bytes));
    seen.push({ x, loss: found.loss, failures: failures! });
  }
  optimizer.destroy();
  parameter.destroy();
  destroyBuffer(loss);
  return seen;
}

// Rounding grows from search to search; the evaluations are those before the runs drift apart or the loss is rounding.
const CASES: readonly (readonly [string, Problem, number, Settings])[] = [
  ['a quadratic of condition 100', quadratic(1003, 100), 25, { learningRate: 1, history: 40 }],
  ['the same from too long a first step', quadratic(1003, 100), 20, { learningRate: 500, history: 40 }],
  // Not much shorter: where the loss falls by a thousandth only, its rounding decides how far to go on, in torch's floats too.
  ['another from too short a one', quadratic(20, 10), 12, { learningRate: 0.2, history: 40 }],
  ['the curved valley of Rosenbrock', rosenbrock(12), 16, { learningRate: 1, history: 40 }],
  ['the quadratic by the rules relative', quadratic(1003, 100, 2 ** -40), 25, { learningRate: 1, history: 40, rules: 'relative' }],
  ['two wells by them', doubleWell(64), 15, { learningRate: 1, history: 40, rules: 'relative' }],
  ['two wells from the hill between', doubleWell(64), 15, { learningRate: 1, history: 40 }],
  ['one over several groups', quadratic(9001, 10), 7, { learningRate: 2000, history: 40 }],
];

describe.each(CASES)('on %s', (_, problem, evaluations, settings) => {
  test('the points are those of torch', async () => {
    const wanted = searchedLbfgs((x) => problem.evaluate(x), problem.start, { ...settings, isRelative: settings.rules === 'relative', evaluations });
    const got = await searched(problem, evaluations, settings);
    got.forEach(({ x, loss }, n) => {
      const distance = Math.sqrt(x.reduce((sum, v, i) => sum + (v - wanted[n]!.x[i]!) ** 2, 0));
      const whole = Math.sqrt(wanted[n]!.x.reduce((sum, v) => sum + v * v, 0));
      expect(distance / whole, `evaluation ${n}, loss ${loss} and ${wanted[n]!.loss}`).toBeLessThan(2e-3);
    });
  });
});

/** A function on a line by its evaluations in turn: what is found there is said beforehand, so that every rule has its case. */
function scripted(find: (n: number, x: number) => readonly [loss: number, slope: number]): Problem {
  let calls = 0;
  return {
    start: new Float32Array(4),
    evaluate: (x) => {
      const [loss, slope] = find(calls++, x[0]!);
      return { loss, gradient: Float64Array.of(slope, 0, 0, 0) };
    },
  };
}

// Slopes of -1 that hardly change: no point is flat enough to end a search.
const steep = (n: number): number => 0.002 * n - 1;
const LOSSES = [10, 5, 6, 3, 4, 2, 7];

test.each([
  ['what keeps falling is followed for 25 evaluations, no more', 28, (n: number, x: number) => [-0.9 * x, steep(n)] as const],
  ['a rise counts from the third evaluation on', 6, (n: number) => [LOSSES[n]!, n === 5 ? 0 : steep(n)] as const],
])('%s', async (_, evaluations, find) => {
  const settings = { learningRate: 1, history: 10 };
  const exact = scripted(find);
  const wanted = searchedLbfgs((x) => exact.evaluate(x), new Float32Array(4), { ...settings, evaluations });
  const got = await searched(scripted(find), evaluations, settings);
  got.forEach(({ x }, n) => expect(Math.abs(x[0]! - wanted[n]!.x[0]!), `evaluation ${n}`).toBeLessThanOrEqual(1e-3 * Math.abs(wanted[n]!.x[0]!)));
});

test('it comes to the minimum, and the loss never rises from one search to the next', async () => {
  const seen = await searched(rosenbrock(12), 120, { learningRate: 1, history: 100 });
  expect(Math.min(...seen.map(({ loss }) => loss))).toBeLessThan(1e-8 * seen[0]!.loss);
});

test('where no point meets the conditions it goes back to the best one found, and on from there', async () => {
  // The slope of Σ|x - c| jumps at every minimum along a line: the bracket closes around it.
  const center = [0.3, -0.7, 0.1, 0.45];
  const kinks: Problem = {
    start: Float32Array.of(1, 1, 1, 1),
    evaluate: (x) => ({
      loss: center.reduce((sum, c, i) => sum + (i + 1) * Math.abs(x[i]! - c), 0),
      gradient: Float64Array.from(center, (c, i) => (i + 1) * Math.sign(x[i]! - c)),
    }),
  };
  const seen = await searched(kinks, 150, { learningRate: 1, history: 150 });
  expect(seen.every(({ x }) => x.every(Number.isFinite))).toBe(true);
  const again = seen.filter(({ loss }, n) => n > 1 && loss === Math.min(...seen.slice(0, n).map((before) => before.loss)));
  expect(again.length).toBeGreaterThan(0); // an earlier point, looked at once more
  expect(Math.min(...seen.map(({ loss }) => loss))).toBeLessThan(0.3 * seen[0]!.loss);
});

test('a loss that is not a number cuts the step, and a search goes on from there', async () => {
  const plain = await searched(quadratic(200, 30), 5, { learningRate: 1, history: 20 });
  const seen = await searched(quadratic(200, 30), 80, { learningRate: 1, history: 40 }, (n) => n === 4 || n === 5);
  expect(seen.slice(0, 5).map(({ x }) => x)).toEqual(plain.map(({ x }) => x));
  expect(seen.slice(0, 8).map(({ failures }) => failures)).toEqual([0, 0, 0, 0, 1, 2, 0, 0]);
  // A quarter of the step from where the search began, and a sixteenth of that.
  const [tried, cut, again] = [seen[4]!.x, seen[5]!.x, seen[6]!.x];
  const distances = plain.slice(0, 4).map(({ x: start }) =>
    Math.max(...start.map((v, i) => Math.max(Math.abs(cut[i]! - v - (tried[i]! - v) / 4), Math.abs(again[i]! - v - (cut[i]! - v) / 16)))),
  );
  expect(Math.min(...distances)).toBeLessThan(1e-6);
  expect(seen.at(-1)!.loss).toBeLessThan(1e-4 * seen[4]!.loss);
});

test('it needs the loss, and cannot keep to a box', async () => {
  const device = await testDevice();
  const parameter = makeParameter(device, 8);
  expect(() => new Lbfgs(device, parameter, { lineSearch: 'strong-wolfe' })).toThrow(/a line search needs the loss/);
  const clamp = { min: [0, 0, 0, 0], max: [1, 1, 1, 1] } as const;
  const loss = parameter.gradient;
  expect(() => new Lbfgs(device, parameter, { lineSearch: 'strong-wolfe', loss, clamp })).toThrow(/cannot keep to a box/);
  parameter.destroy();
});
