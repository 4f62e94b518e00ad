export { Adam, type AdamSettings } from './adam.ts';
export { createOptimizer } from './create.ts';
export { GradientDescent, type GradientDescentSettings } from './descent.ts';
export { historySlots, Lbfgs, lbfgsCost, type LbfgsSettings } from './lbfgs.ts';
export type { OptimizerSurroundings } from './rules.ts';
export type { Clamp, Decay, Optimizer, OptimizerCost, Parameter, StateBuffer } from './optimizer.ts';
export {
  checkOptimizerOptions,
  type AdamOptions,
  type EpsilonForm,
  type GradientDescentOptions,
  type LbfgsOptions,
  type LbfgsRules,
  type LineSearch,
  type OptimizerOptions,
} from './options.ts';
