// The `optimizer` option of style transfer: which update rule and its usual hyperparameters, checked before anything
// is allocated.

import { badOption } from '../gpu/errors.ts';
import type { Decay } from './optimizer.ts';

/** Where Adam's epsilon goes: beside the corrected root (torch) or the uncorrected one (Keras). */
export type EpsilonForm = 'torch' | 'keras';

/** What follows a direction of L-BFGS: its step as it is, or a search for one that meets the strong Wolfe conditions. */
export type LineSearch = 'none' | 'strong-wolfe';

/**
 * How L-BFGS begins and which pairs (a step s, the change y of the gradient over it) it goes by:
 *
 *   torch      as torch.optim.LBFGS: the first step is min(1, 1/‖g‖₁)·g, a pair counts if y·s > 1e-10
 *   relative   the same for a loss times any number: the first step moves the floats of the parameters by a thousandth of
 *              their range in the mean (the colours of an image by a third more: its fourth lane counts and stays), a pair
 *              counts if y·s > 1e-6·|g·s|, g the gradient before (L-BFGS-B, Byrd et al. 1995, has the like)
 *
 * With `torch` a loss whose gradients are small stands still: where it is a mean, as the picture grows.
 */
export type LbfgsRules = 'torch' | 'relative';

/** L-BFGS as torch.optim.LBFGS, but for `rules`. */
export interface LbfgsOptions {
  readonly name: 'lbfgs';
  /** Default 1, above 0. */
  readonly learningRate?: number;
  /** Pairs kept; default 100, from 1. Each costs twice the memory of the image. */
  readonly history?: number;
  /** Default: those of the recipe's own L-BFGS, where it has one; else `torch`. */
  readonly rules?: LbfgsRules;
  /** Default `none`. With `strong-wolfe` an iteration is one evaluation of the search, and there is no `clamp`. */
  readonly lineSearch?: LineSearch;
  /** True puts every pixel back into [0, 1] after each step, false does not; default: as the recipe does. */
  readonly clamp?: boolean;
}

/** Adam; see AdamSettings for the formulas. */
export interface AdamOptions {
  readonly name: 'adam';
  /** Default 0.02 of the range of the values. */
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly epsilonForm?: EpsilonForm;
  readonly decay?: Decay;
  /** True puts every pixel back into [0, 1] after each step, false does not; default: as the recipe does. */
  readonly clamp?: boolean;
}

/** Gradient descent. */
export interface GradientDescentOptions {
  readonly name: 'gd';
  /** Default 1e-5, which suits losses that are sums over pixels; others need their own. */
  readonly learningRate?: number;
  readonly momentum?: number;
  /** Nesterov's momentum, in torch's form; needs a momentum. */
  readonly nesterov?: boolean;
  readonly decay?: Decay;
  /** True puts every pixel back into [0, 1] after each step, false does not; default: as the recipe does. */
  readonly clamp?: boolean;
}

/** Which optimiser, with its settings; every setting has a default. */
export type OptimizerOptions = LbfgsOptions | AdamOptions | GradientDescentOptions;

/** What is wrong with a value, or undefined; and what would be right. */
interface Rule {
  readonly holds: (value: unknown) => boolean;
  readonly need: string;
}

const number = (holds: (value: number) => boolean, need: string): Rule => ({
  holds: (value) => typeof value === 'number' && Number.isFinite(value) && holds(value),
  need,
});
const positive = number((value) => value > 0, 'a number above 0');
const fraction = number((value) => value >= 0 && value < 1, 'a number from 0 to below 1');
const flag: Rule = { holds: (value) => typeof value === 'boolean', need: 'true or false' };
const decay: Rule = {
  holds: (value) => {
    if (typeof value !== 'object' || value === null) return false;
    const { rate, steps } = value as Partial<Decay>;
    return positive.holds(rate) && positive.holds(steps);
  },
  need: '{ rate, steps }, both numbers above 0',
};

const RULES: Readonly<Record<OptimizerOptions['name'], Readonly<Record<string, Rule>>>> = {
  lbfgs: {
    learningRate: positive,
    history: number((value) => Number.isInteger(value) && value >= 1 && value <= 1000, 'a whole number from 1 to 1000'),
    rules: { holds: (value) => value === 'torch' || value === 'relative', need: "'torch' or 'relative'" },
    lineSearch: { holds: (value) => value === 'none' || value === 'strong-wolfe', need: "'none' or 'strong-wolfe'" },
    clamp: flag,
  },
  adam: {
    learningRate: positive,
    beta1: fraction,
    beta2: fraction,
    epsilon: positive,
    epsilonForm: { holds: (value) => value === 'torch' || value === 'keras', need: "'torch' or 'keras'" },
    decay,
    clamp: flag,
  },
  gd: { learningRate: positive, momentum: fraction, nesterov: flag, decay, clamp: flag },
};

/**
 * Checks an `optimizer` option.
 *
 * @throws `bad-option` for an unknown name, an unknown setting, or a value out of range (negative, NaN, …).
 */
export function checkOptimizerOptions(options: OptimizerOptions): void {
  const given: unknown = options;
  const names = Object.keys(RULES).join(', ');
  if (typeof given !== 'object' || given === null) {
    throw badOption('optimizer', `got ${show(given)}`, `Give { name }, the name one of ${names}`);
  }
  const { name, ...settings } = given as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !Object.hasOwn(RULES, name)) {
    throw badOption('optimizer', `there is no optimizer ${show(name)}`, `Give one of ${names}`);
  }
  const rules = RULES[name as OptimizerOptions['name']];
  for (const [key, value] of Object.entries(settings)) {
    if (!Object.hasOwn(rules, key)) {
      throw badOption(`optimizer ${name}`, `there is no setting ${key}`, `Give one of ${Object.keys(rules).join(', ')}`);
    }
    const rule = rules[key]!;
    if (value === undefined || rule.holds(value)) continue;
    throw badOption(`optimizer ${name}`, `${key} is ${show(value)}`, `Give ${rule.need}`);
  }
  if (settings['nesterov'] === true && !settings['momentum']) {
    throw badOption('optimizer gd', 'nesterov is true, but there is no momentum', 'Give a momentum, such as 0.9');
  }
}

function show(value: unknown): string {
  return typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value);
}
