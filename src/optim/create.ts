// From the `optimizer` option to an optimiser, averaging included.

import { averaged } from './average.ts';
import type { Optimizer, Parameter } from './optimizer.ts';
import type { OptimizerOptions } from './options.ts';
import { createRule, type OptimizerSurroundings } from './rules.ts';

/**
 * Makes the optimiser that `options` describe over `parameters`.
 *
 * @throws `bad-option` for unknown names, unknown settings, values out of range.
 */
export function createOptimizer(
  device: GPUDevice,
  parameters: readonly Parameter[],
  options: OptimizerOptions,
  surroundings: OptimizerSurroundings = {},
): Optimizer {
  const { averaging = 0 } = surroundings;
  const rule = createRule(device, parameters, options, surroundings);
  return averaging === 0 ? rule : averaged(device, parameters, rule, averaging);
}
