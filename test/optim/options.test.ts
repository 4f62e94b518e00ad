import { expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { checkOptimizerOptions, type OptimizerOptions } from '../../src/optim/index.ts';

test.each<OptimizerOptions>([
  { name: 'lbfgs' },
  { name: 'lbfgs', learningRate: 1, history: 100, rules: 'relative' },
  { name: 'adam', learningRate: 0.02, beta1: 0.99, beta2: 0, epsilon: 0.1, epsilonForm: 'keras' },
  { name: 'gd', momentum: 0.9, nesterov: true, clamp: true },
  { name: 'gd', learningRate: 1e-5, momentum: 0.9, decay: { rate: 0.96, steps: 100 } },
])('%j is accepted', (options) => {
  expect(() => checkOptimizerOptions(options)).not.toThrow();
});

const REFUSED: readonly (readonly [unknown, string])[] = [
  [undefined, 'optimizer: got undefined. Give { name }, the name one of lbfgs, adam, gd.'],
  ['adam', 'optimizer: got "adam". Give { name }, the name one of lbfgs, adam, gd.'],
  [{ name: 'sgd' }, 'optimizer: there is no optimizer "sgd". Give one of lbfgs, adam, gd.'],
  [{ name: 'toString' }, 'optimizer: there is no optimizer "toString". Give one of lbfgs, adam, gd.'],
  [{}, 'optimizer: there is no optimizer undefined. Give one of lbfgs, adam, gd.'],
  [{ name: 'lbfgs', history: 0 }, 'optimizer lbfgs: history is 0. Give a whole number from 1 to 1000.'],
  [{ name: 'lbfgs', history: 2.5 }, 'optimizer lbfgs: history is 2.5. Give a whole number from 1 to 1000.'],
  [{ name: 'lbfgs', lineSearch: 'armijo' }, 'optimizer lbfgs: lineSearch is "armijo". Give \'none\' or \'strong-wolfe\'.'],
  [{ name: 'lbfgs', beta1: 0.9 }, 'optimizer lbfgs: there is no setting beta1. Give one of learningRate, history, rules, lineSearch, clamp.'],
  [{ name: 'lbfgs', rules: 'scipy' }, 'optimizer lbfgs: rules is "scipy". Give \'torch\' or \'relative\'.'],
  [{ name: 'adam', learningRate: NaN }, 'optimizer adam: learningRate is NaN. Give a number above 0.'],
  [{ name: 'adam', learningRate: -1 }, 'optimizer adam: learningRate is -1. Give a number above 0.'],
  [{ name: 'adam', learningRate: '1' }, 'optimizer adam: learningRate is "1". Give a number above 0.'],
  [{ name: 'adam', beta2: 1 }, 'optimizer adam: beta2 is 1. Give a number from 0 to below 1.'],
  [{ name: 'adam', epsilon: 0 }, 'optimizer adam: epsilon is 0. Give a number above 0.'],
  [{ name: 'adam', epsilonForm: 'tf' }, 'optimizer adam: epsilonForm is "tf". Give \'torch\' or \'keras\'.'],
  [{ name: 'gd', momentum: -0.1 }, 'optimizer gd: momentum is -0.1. Give a number from 0 to below 1.'],
  [{ name: 'gd', nesterov: true }, 'optimizer gd: nesterov is true, but there is no momentum. Give a momentum, such as 0.9.'],
  [{ name: 'adam', clamp: 1 }, 'optimizer adam: clamp is 1. Give true or false.'],
  [{ name: 'gd', decay: 0.5 }, 'optimizer gd: decay is 0.5. Give { rate, steps }, both numbers above 0.'],
  [
    { name: 'gd', decay: { rate: 0.9, steps: 0 } },
    'optimizer gd: decay is {"rate":0.9,"steps":0}. Give { rate, steps }, both numbers above 0.',
  ],
];

test.each(REFUSED)('%j is refused in plain words', (options, message) => {
  let error: unknown;
  try {
    checkOptimizerOptions(options as OptimizerOptions);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(WgpuStyleError);
  expect(error).toMatchObject({ code: 'bad-option', message });
});
