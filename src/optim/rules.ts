// From the `optimizer` option to an update rule.

import { badOption } from '../gpu/errors.ts';
import { Adam } from './adam.ts';
import { GradientDescent } from './descent.ts';
import { Lbfgs } from './lbfgs.ts';
import type { Clamp, Optimizer, Parameter } from './optimizer.ts';
import { checkOptimizerOptions, type OptimizerOptions } from './options.ts';

/** What the caller knows about the values, apart from which optimiser is wanted. */
export interface OptimizerSurroundings {
  /** The box of the option `clamp`, and whether it is used where the option does not say. */
  readonly box?: Clamp;
  readonly clamps?: boolean;
  /** The loss that the gradients are of, a scalar on the GPU; looked at for numbers that are not finite. */
  readonly loss?: GPUBuffer;
  /** Decay of an exponential average of the iterates, 0 to below 1; 0 (default) keeps none. */
  readonly averaging?: number;
  /** No more updates than these will follow: L-BFGS allocates no more history. */
  readonly maxIterations?: number;
  /** How wide the values spread: 1 (default) for [0, 1], 255 for 0..255. Scales Adam's default learning rate and L-BFGS's first step by the rules `relative`. */
  readonly range?: number;
}

/** Makes the update rule that `options` describe over `parameters`, without an average. Throws as `createOptimizer` does. */
export function createRule(
  device: GPUDevice,
  parameters: readonly Parameter[],
  options: OptimizerOptions,
  surroundings: OptimizerSurroundings,
): Optimizer {
  checkOptimizerOptions(options);
  const { maxIterations, range = 1, box, clamps = false, loss } = surroundings;
  const isBoxed = options.clamp ?? clamps;
  if (isBoxed && !box) throw badOption('optimizer', 'clamp is true, but there is no box', 'Give one in the surroundings');
  const rest = { ...(isBoxed && box && { clamp: box }), ...(loss && { loss }) };
  switch (options.name) {
    case 'gd':
      return new GradientDescent(device, parameters, { learningRate: 1e-5, ...given(options), ...rest });
    case 'adam':
      return new Adam(device, parameters, { learningRate: 0.02 * range, ...given(options), ...rest });
    case 'lbfgs': {
      const limit = maxIterations === undefined ? {} : { maxIterations };
      return new Lbfgs(device, parameters, { range, ...given(options), ...limit, ...rest });
    }
  }
}

/** The settings that are there: an explicit undefined means the default. */
function given<T extends OptimizerOptions>({ name: _, clamp: __, ...settings }: T): Omit<T, 'name' | 'clamp'> {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Omit<T, 'name' | 'clamp'>;
}
