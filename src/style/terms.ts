// The loss of a recipe, put together on a tape: features of the picture, distances to the targets, total variation.
// Equation numbers are those of Gatys, Ecker and Bethge 2016.

import type { Tape, Tensor } from '../autograd/index.ts';
import { buildFeatures } from '../vgg/features.ts';
import type { Vgg } from '../vgg/index.ts';
import type { TermName } from './losses.ts';
import type { LayerWeights, PixelSpace, Recipe } from './recipes.ts';

/** Which layers to look at, how to pool, and the space of the pictures. */
export interface FeatureRequest {
  readonly vgg: Vgg;
  readonly pooling: 'max' | 'average';
  readonly space: PixelSpace;
}

/** A target on the GPU, with the sum of its squares for relative measures. */
export interface Target {
  readonly tensor: Tensor;
  readonly sumOfSquares: number;
}

/** Targets by layer. */
export interface Targets {
  readonly content: ReadonlyMap<string, Target>;
  readonly style: ReadonlyMap<string, Target>;
}

/** One scalar of the loss before its weight, and the constant that the recipe puts before it. */
export interface Term extends TermName {
  readonly value: Tensor;
  readonly constant: number;
}

/** Layers with a positive weight. */
export function activeLayers(layers: LayerWeights): string[] {
  return Object.keys(layers).filter((layer) => layers[layer]! > 0);
}

/** Features of `image` (in `space`) at `layers`. */
export function features(
  tape: Tape,
  image: Tensor,
  layers: readonly string[],
  { vgg, pooling, space }: FeatureRequest,
): ReadonlyMap<string, Tensor> {
  return buildFeatures(tape, vgg, image, layers, { pooling, space });
}

/** The normalised Gram matrix of features [h, w, c]: G_ij = Σ_k F_ik·F_jk (eq. 3) over M or C·M. */
export function normalizedGram(tape: Tape, feature: Tensor, normalize: Recipe['style']['normalize']): Tensor {
  const [h, w, c] = feature.shape as [number, number, number];
  return tape.gram(feature, 1 / (normalize === 'pixels' ? h * w : h * w * c));
}

/** What turns a mean of squares over n = C·M elements into the recipe's content measure (eq. 1 is `half-sum`). */
function contentFactor(measure: Recipe['content']['measure'], n: number, target: Target): number {
  switch (measure) {
    case 'sum':
      return n;
    case 'half-sum':
      return n / 2;
    case 'mean':
      return 1;
    case 'relative':
      return n / Math.max(target.sumOfSquares, 1e-12);
  }
}

/** What turns a mean of squares over C² entries into the recipe's style measure (eq. 4 is `quarter-mean`). */
function styleFactor(measure: Recipe['style']['measure'], channels: number, target: Target): number {
  switch (measure) {
    case 'mean':
      return 1;
    case 'quarter-mean':
      return 1 / 4;
    case 'mean-by-channels':
      return 1 / channels ** 2;
    case 'relative':
      return channels ** 2 / Math.max(target.sumOfSquares, 1e-12);
  }
}

/** Every term of the loss at `image`, unweighted; the order is fixed: content, style, total variation. */
export function buildTerms(
  tape: Tape,
  image: Tensor,
  recipe: Recipe,
  layers: { readonly content: LayerWeights; readonly style: LayerWeights },
  targets: Targets,
  request: FeatureRequest,
): Term[] {
  const wanted = [...new Set([...targets.content.keys(), ...targets.style.keys()])];
  const found = wanted.length > 0 ? features(tape, image, wanted, request) : new Map<string, Tensor>();
  const terms: Term[] = [];
  for (const [layer, target] of targets.content) {
    const feature = found.get(layer)!;
    const n = feature.shape.reduce((product, size) => product * size, 1);
    terms.push({
      kind: 'content',
      layer,
      value: tape.meanSquared(feature, target.tensor),
      constant: recipe.content.weight * layers.content[layer]! * contentFactor(recipe.content.measure, n, target),
    });
  }
  for (const [layer, target] of targets.style) {
    const feature = found.get(layer)!;
    const gram = normalizedGram(tape, feature, recipe.style.normalize);
    terms.push({
      kind: 'style',
      layer,
      value: tape.meanSquared(gram, target.tensor),
      constant:
        recipe.style.weight *
        layers.style[layer]! *
        styleFactor(recipe.style.measure, gram.shape[0]!, target),
    });
  }
  if (recipe.tv.weight > 0) {
    const value = tape.totalVariation(image, { form: recipe.tv.form });
    terms.push({ kind: 'tv', value, constant: recipe.tv.weight });
  }
  return terms;
}
