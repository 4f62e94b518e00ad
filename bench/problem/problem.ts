// The one problem that every contestant solves: an iteration of Gatys' loss on VGG-19, as data.
//   loss = α · mean((F - P)²) at relu4_2
//        + β · Σ over relu1_1 … relu5_1 of mean((G - A)²), G = FᵀF / pixels
//        + γ · Σ over neighbours of squared differences of the picture
//   and one update of Adam (torch's form, no clamping) of the picture, RGB in [0, 1].
// The weights of the terms are such that none is lost beside the others: a contestant that forgets one is noticed.

import { recipes, type Recipe, type Vgg } from 'wgpu-style';
import type { Descent, Terms } from '../harness/rows.ts';
import { contentPicture, startPicture, stylePicture, type Picture } from './pictures.ts';
import { forwardFlops, randomChain, vggOf, type ChainLayer, type Pooling } from './vgg19.ts';

/** The numbers of the formulas. */
export const CONSTANTS = {
  contentLayer: 'relu4_2',
  styleLayers: ['relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1'],
  contentWeight: 1,
  styleWeight: 1,
  tvWeight: 1e-3,
  learningRate: 0.02,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
} as const;

/** A step at one size. */
export interface StepProblem {
  readonly side: number;
  readonly pooling: Pooling;
  readonly chain: readonly ChainLayer[];
  readonly content: Picture;
  readonly style: Picture;
  readonly start: Picture;
}

/** The problem at `side`; channels divided by `slim`. */
export function stepProblem(side: number, pooling: Pooling, slim = 1): StepProblem {
  const pictures = { content: contentPicture(side), style: stylePicture(side), start: startPicture(side) };
  return { side, pooling, chain: randomChain(slim), ...pictures };
}

/** The problem as options of a session of ours. */
export function sessionOptions({ side, pooling, chain, content, style, start }: StepProblem): {
  readonly content: Picture;
  readonly style: Picture;
  readonly init: Picture;
  readonly size: number;
  readonly network: Vgg;
  readonly recipe: Recipe;
} {
  return { content, style, init: start, size: side, network: vggOf(chain, pooling), recipe: recipeOf(pooling) };
}

/** The problem's loss and update as a recipe of ours. */
export function recipeOf(pooling: Pooling): Recipe {
  const { contentLayer, styleLayers, contentWeight, styleWeight, tvWeight, ...adam } = CONSTANTS;
  return {
    ...recipes['gatys']!,
    name: 'bench',
    source: 'bench/problem/problem.ts',
    space: { scale: 1, mean: [0, 0, 0] },
    pooling,
    content: { weight: contentWeight, layers: { [contentLayer]: 1 }, measure: 'mean' },
    style: {
      weight: styleWeight,
      layers: Object.fromEntries(styleLayers.map((layer) => [layer, 1])),
      normalize: 'pixels',
      measure: 'mean',
    },
    tv: { weight: tvWeight, form: 'squared' },
    optimizer: { name: 'adam', ...adam },
    clamp: false,
    iterations: 100,
    scales: false,
  };
}

/**
 * Flops that the step's formulas need, whoever computes it: convolutions and Gram matrices, forward and to the
 * picture. What is elementwise is left out (under 1 %), so that no library is credited for doing it in more passes.
 */
export function stepFlops({ chain, side }: Pick<StepProblem, 'chain' | 'side'>): number {
  let grams = 0;
  let n = side;
  for (const layer of chain) {
    if (layer.kind === 'pool') n = Math.floor(n / 2);
    else if (layer.name.endsWith('_1')) grams += 2 * n * n * layer.cout ** 2;
  }
  return 2 * (forwardFlops(chain, side) + grams);
}

/** The loss. */
export function totalOf({ content, style, tv }: Terms): number {
  return content + style + tv;
}

/** Throws when a contestant's terms are not the problem's: `reference` is ours. */
export function checkTerms(name: string, terms: Terms, reference: Terms, tolerance = 1e-3): void {
  for (const term of ['content', 'style', 'tv'] as const) {
    const off = Math.abs(terms[term] - reference[term]) / Math.abs(reference[term]);
    if (off <= tolerance) continue;
    throw new Error(`${name} computes something else: its ${term} loss is ${terms[term]}, ours ${reference[term]}`);
  }
}

/**
 * Throws when updates move the loss elsewhere than ours do: gradient and Adam are then different. What the loss lost is
 * compared, not the loss: rounding that ReLU and pooling amplify is allowed 2 % of it.
 */
export function checkDescent(name: string, run: Descent, reference: Descent): void {
  const fall = totalOf(run.before) - totalOf(run.after);
  const expected = totalOf(reference.before) - totalOf(reference.after);
  if (Math.abs(fall - expected) <= 0.02 * Math.abs(expected)) return;
  throw new Error(`${name} updates something else: three iterations take ${fall} off its loss, ${expected} off ours`);
}
