// The loss of a recipe, put together on a tape: features of the picture, distances to the targets, total variation.
// Equation numbers are those of Gatys, Ecker and Bethge 2016.

import type { Tape, Tensor } from '../autograd/index.ts';
import { elementsOf } from '../kernels/shape.ts';
import { buildFeatures, type BuildOptions } from '../vgg/features.ts';
import { activeEdges, edgeMap, edgeName } from './edges.ts';
import type { TermName } from './losses.ts';
import type { FeatureRequest } from './network.ts';
import type { LayerWeights, Recipe } from './recipes.ts';
import type { MatchedTerm } from './style-values.ts';
import {
  distances,
  layerStatistics,
  type LayerStatistics,
  type StylePart,
  type Target,
} from './statistics.ts';

/** What a region's styles ask for: its share of the style loss, guides [h, w, 1] by layer, and targets by comparison. */
export interface RegionTargets {
  readonly share: number;
  readonly guides: ReadonlyMap<string, Tensor>;
  readonly parts: ReadonlyMap<StylePart, readonly Target[]>;
  /** Comparisons value by value. */
  readonly matched: ReadonlyMap<StylePart, MatchedTerm>;
}

/** Targets: of content layers by name, of edges by pooling size, of style by region. */
export interface Targets {
  readonly content: ReadonlyMap<string, Target>;
  readonly edges: ReadonlyMap<number, Target>;
  readonly style: readonly RegionTargets[];
}

/** One scalar of the loss before its weight, by name, and the constant that the recipe puts before it. */
export interface WeighedTerm extends TermName {
  readonly constant: number;
}

/** The scalar as well. */
export interface Term extends WeighedTerm {
  readonly value: Tensor;
}

/** Features of `image` (in `space`) at `layers`, or what `keep` makes of each. */
export function features(
  tape: Tape,
  image: Tensor,
  layers: readonly string[],
  { vgg, pooling, space }: FeatureRequest,
  keep?: BuildOptions['keep'],
): ReadonlyMap<string, Tensor> {
  if (layers.length === 0) return new Map();
  return buildFeatures(tape, vgg, image, layers, { pooling, space, keep });
}

/** What turns a mean of squares over n = C·M elements into the recipe's content measure (eq. 1 is `half-sum`). */
export function contentFactor(measure: Recipe['content']['measure'], n: number, sumOfSquares: number): number {
  switch (measure) {
    case 'sum':
      return n;
    case 'half-sum':
      return n / 2;
    case 'mean':
      return 1;
    case 'relative':
      return n / Math.max(sumOfSquares, 1e-12);
  }
}

/** Every term of the loss at `image`, unweighted; the order is fixed: content, edges, style, total variation. */
export function buildTerms(
  tape: Tape,
  image: Tensor,
  recipe: Recipe,
  contentLayers: LayerWeights,
  targets: Targets,
  request: FeatureRequest,
): Term[] {
  const styled = targets.style.flatMap(({ parts, matched }) => [...parts.keys(), ...matched.keys()].map(({ layer }) => layer));
  const wanted = [...new Set([...targets.content.keys(), ...styled])];
  const found = wanted.length > 0 ? features(tape, image, wanted, request) : new Map<string, Tensor>();
  const terms: Term[] = [];
  for (const [layer, target] of targets.content) {
    const feature = found.get(layer)!;
    terms.push({
      kind: 'content',
      layer,
      value: tape.meanSquared(feature, target.tensor),
      constant:
        recipe.content.weight *
        contentLayers[layer]! *
        contentFactor(recipe.content.measure, elementsOf(feature.shape), target.sumOfSquares),
    });
  }
  for (const { pooling, weight } of activeEdges(recipe)) {
    const target = targets.edges.get(pooling);
    if (!target) continue;
    const map = edgeMap(tape, image, pooling, request.wraps);
    const value = tape.meanSquared(map, target.tensor);
    terms.push({ kind: 'content', layer: edgeName(pooling), value, constant: weight * elementsOf(map.shape) });
  }
  for (const region of targets.style) terms.push(...regionTerms(tape, image, recipe.style, region, found));
  if (recipe.tv.weight > 0) {
    const value = tape.totalVariation(image, { form: recipe.tv.form, wraps: request.wraps });
    terms.push({ kind: 'tv', value, constant: recipe.tv.weight });
  }
  return terms;
}

/** The style terms of one region, unweighted. */
function regionTerms(
  tape: Tape,
  image: Tensor,
  style: Recipe['style'],
  { share, guides, parts, matched }: RegionTargets,
  found: ReadonlyMap<string, Tensor>,
): Term[] {
  const styled: StyledLayers = {
    imagePixels: image.shape[0]! * image.shape[1]!,
    pixelsOf: (layer) => found.get(layer)!.shape[0]! * found.get(layer)!.shape[1]!,
    statisticsOf: (layer) => layerStatistics(tape, found.get(layer)!, style.normalize, guides.get(layer)),
  };
  const terms = styleTerms(tape, style, parts, styled, share);
  for (const [{ layer, weight }, term] of matched) {
    const distance = term(found.get(layer)!);
    if (!distance) continue;
    const { value, factor } = distance;
    terms.push({ kind: 'style', layer, value, constant: style.weight * share * weight * factor });
  }
  return terms;
}

/** The picture's layers as the style terms see them. */
export interface StyledLayers {
  /** Pixels of the picture, and of a layer. */
  readonly imagePixels: number;
  readonly pixelsOf: (layer: string) => number;
  /** Asked once for each layer. */
  readonly statisticsOf: (layer: string) => LayerStatistics;
}

/** The style terms, unweighted, from the layers' statistics; `share` is the region's of the style loss. */
export function styleTerms(
  tape: Tape,
  style: Recipe['style'],
  targets: RegionTargets['parts'],
  { imagePixels, pixelsOf, statisticsOf }: StyledLayers,
  share = 1,
): Term[] {
  const statistics = new Map<string, LayerStatistics>();
  const terms: Term[] = [];
  for (const [{ statistic, layer, weight }, target] of targets) {
    const of = statistics.get(layer) ?? statisticsOf(layer);
    statistics.set(layer, of);
    const measuring = { style, pixels: pixelsOf(layer), imagePixels };
    for (const { value, factor } of distances(tape, of, statistic, target, measuring)) {
      terms.push({ kind: 'style', layer, value, constant: style.weight * share * weight * factor });
    }
  }
  return terms;
}
