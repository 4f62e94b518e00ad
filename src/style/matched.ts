// The terms of statistics by value (`mrf`, `histogram`, `sliced-wasserstein`): what is read of the styles for them, once, and
// what is made of it. A chunk of its own.

import type { Tape, Tensor } from '../autograd/index.ts';
import type { Guides, Region } from './guides.ts';
import { patchTerm } from './mrf.ts';
import type { Recipe } from './recipes.ts';
import type { StylePart } from './statistics.ts';
import type { Values } from './remembered.ts';
import type { MatchedTerm, StyleValues } from './style-values.ts';
import { insideOf, sortedValues, transportTerm, type KeepTarget } from './transport.ts';

/** Brings home what `see` makes of a style's features at the layer of each of `parts`. */
export type ReadStyle = (
  style: Region['styles'][number],
  parts: readonly StylePart[],
  see: (part: StylePart, feature: Tensor) => Tensor,
) => Promise<ReadonlyMap<StylePart, Values>>;

/** The terms of a region for `parts`; parts of which no style has anything have none. */
export async function matchedTerms(
  tape: Tape,
  parts: readonly StylePart[],
  { styles, guides }: Pick<Region, 'styles'> & { readonly guides: Guides | undefined },
  measure: Recipe['style']['measure'],
  read: ReadStyle,
  keep: KeepTarget,
): Promise<Map<StylePart, MatchedTerm>> {
  const found = new Map<StylePart, StyleValues[]>(parts.map((part) => [part, []]));
  for (const style of styles) {
    const own = parts.filter(({ layer }) => !style.guides || style.guides.has(layer));
    if (own.length === 0) continue;
    const masks: Tensor[] = [];
    const values = await read(style, own, ({ statistic, layer }, feature) => {
      if (statistic === 'mrf') return feature;
      const inside = insideOf(tape, style.guides?.get(layer));
      if (inside) masks.push(inside.mask);
      return sortedValues(tape, statistic, feature, inside);
    });
    for (const [part, { shape, data }] of values) {
      found.get(part)!.push({ shape, data, weight: style.weight, guide: style.guides?.get(part.layer) });
    }
    masks.forEach((mask) => tape.release(mask));
  }
  const terms = new Map<StylePart, MatchedTerm>();
  for (const [part, list] of found) {
    if (list.length === 0) continue;
    const guide = guides?.get(part.layer);
    const term =
      part.statistic === 'mrf' ? patchTerm(tape, list, guide, measure) : transportTerm(tape, part.statistic, list, guide, measure, keep);
    if (term) terms.set(part, term);
  }
  return terms;
}
