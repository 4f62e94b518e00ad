// A recipe that a caller brings is data from outside: every field is checked before anything is built from it.

import { badOption } from '../gpu/errors.ts';
import { VARIATIONS } from '../kernels/variations.ts';
import { checkOptimizerOptions, type OptimizerOptions } from '../optim/options.ts';
import { MATCHED, type Recipe, type Statistic } from './recipes.ts';

/** What was given, for messages: JSON, but with NaN and infinity, which JSON turns into null. */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  try {
    const numbers = (_: string, inner: unknown): unknown =>
      typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner;
    return (JSON.stringify(value, numbers) ?? String(value)).slice(0, 120);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

interface Rule {
  readonly holds: (value: unknown) => boolean;
  readonly need: string;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fromZero: Rule = { holds: (value) => isNumber(value) && value >= 0, need: 'a number from 0' };
const aboveZero: Rule = { holds: (value) => isNumber(value) && value > 0, need: 'a number above 0' };
const text: Rule = { holds: (value) => typeof value === 'string', need: 'a text' };
const flag: Rule = { holds: (value) => typeof value === 'boolean', need: 'true or false' };
const layers: Rule = {
  holds: (value) => isObject(value) && Object.values(value).every(fromZero.holds),
  need: 'layers with weights from 0, such as { relu4_2: 1 }',
};
const triple: Rule = {
  holds: (value) => Array.isArray(value) && value.length === 3 && value.every(isNumber),
  need: 'three numbers',
};
const iterations: Rule = {
  holds: (value) => isNumber(value) && Number.isInteger(value) && value >= 0 && value <= 1e6,
  need: 'a whole number from 0 to 1,000,000',
};
const oneOf = (...allowed: readonly unknown[]): Rule => ({
  holds: (value) => allowed.includes(value),
  need: `one of ${allowed.join(', ')}`,
});

const optional = ({ holds, need }: Rule): Rule => ({ holds: (value) => value === undefined || holds(value), need });
const STATISTICS: readonly Statistic[] = ['gram', 'covariance', 'mean', 'std', 'wasserstein', ...MATCHED];
const statistics: Rule = {
  holds: (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([name, given]) => STATISTICS.includes(name as Statistic) && (fromZero.holds(given) || layers.holds(given)),
    ),
  need: `factors from 0 or layers for any of ${STATISTICS.join(', ')}`,
};
const edges: Rule = {
  holds: (value) =>
    isObject(value) &&
    fromZero.holds(value['weight']) &&
    layers.holds(value['poolings']) &&
    Object.keys(value['poolings'] as object).every((size) => /^[1-9]\d{0,3}$/.test(size)),
  need: '{ weight, poolings: { 4: 1 } }: sizes of pooling with weights from 0',
};

const ladder: Rule = {
  holds: (value) =>
    isObject(value) &&
    isNumber(value['ratio']) &&
    value['ratio'] >= 1.1 &&
    isNumber(value['smallest']) &&
    value['smallest'] >= 16 &&
    aboveZero.holds(value['first']),
  need: '{ ratio from 1.1, smallest from 16, first above 0 }',
};

/** Every field of a recipe; a nested object for a nested one. `optimizer` is checked by its own room. */
const RULES: Readonly<Record<Exclude<keyof Recipe, 'optimizer'>, Rule | Readonly<Record<string, Rule>>>> = {
  name: text,
  source: text,
  space: { scale: aboveZero, mean: triple },
  pooling: oneOf('max', 'average'),
  firstPadding: optional(oneOf('zero', 'replicate', 'reflect')),
  content: { weight: fromZero, layers, measure: oneOf('sum', 'half-sum', 'mean', 'relative') },
  style: {
    weight: fromZero,
    layers,
    normalize: oneOf('pixels', 'elements'),
    measure: oneOf('mean', 'quarter-mean', 'mean-by-channels', 'relative', 'image'),
    statistics: optional(statistics),
    size: optional(oneOf('own', 'stretched')),
  },
  edges: optional(edges),
  tv: { weight: fromZero, form: oneOf(...VARIATIONS) },
  averaging: { holds: (value) => value === undefined || (isNumber(value) && value >= 0 && value < 1), need: 'a number from 0 to below 1' },
  clamp: flag,
  init: oneOf('content', 'style', 'noise', 'gray'),
  iterations,
  scales: oneOf('auto', false),
  ladder: optional(ladder),
  carry: optional(oneOf('moments')),
};

function isRule(rule: Rule | Readonly<Record<string, Rule>>): rule is Rule {
  return typeof rule.holds === 'function';
}

/** Throws `bad-option` naming the field of `recipe` that is missing or wrong. */
export function checkRecipe(recipe: unknown): asserts recipe is Recipe {
  const fix = 'Start from one in `recipes`: { ...recipes.gatys, pooling: "max" }';
  if (!isObject(recipe)) throw badOption('recipe', `got ${show(recipe)}`, fix);
  for (const [name, rule] of Object.entries(RULES)) {
    const value = recipe[name];
    if (isRule(rule)) {
      if (rule.holds(value)) continue;
      throw badOption('recipe', `${name} is ${show(value)}, need ${rule.need}`, fix);
    }
    for (const [inner, { holds, need }] of Object.entries(rule)) {
      const field = isObject(value) ? value[inner] : undefined;
      if (!holds(field)) throw badOption('recipe', `${name}.${inner} is ${show(field)}, need ${need}`, fix);
    }
  }
  checkOptimizerOptions(recipe['optimizer'] as OptimizerOptions);
}
