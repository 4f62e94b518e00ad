// What is reported of the loss: weighted terms, so that they add up to the total.

import { WgpuStyleError } from '../gpu/errors.ts';

/** Weighted losses: what each term contributes to `total`. */
export interface Losses {
  readonly total: number;
  readonly content: number;
  readonly style: number;
  readonly tv: number;
  /** The content and style losses of each layer, by its name. */
  readonly layers: Readonly<Record<string, number>>;
}

/** Which term of the loss a number belongs to. */
export interface TermName {
  readonly kind: 'content' | 'style' | 'tv';
  /** Layer of a content or style term. */
  readonly layer?: string;
}

/** Sums weighted terms by kind and layer. */
export function summarize(terms: readonly TermName[], values: ArrayLike<number>): Losses {
  const sums = { content: 0, style: 0, tv: 0 };
  const layers: Record<string, number> = {};
  terms.forEach(({ kind, layer }, i) => {
    const value = values[i]!;
    sums[kind] += value;
    if (layer !== undefined) layers[layer] = (layers[layer] ?? 0) + value;
  });
  return { total: sums.content + sums.style + sums.tv, ...sums, layers };
}

/** Throws `non-finite` when the loss is no number. */
export function checkFinite({ total }: Losses, iteration: number): void {
  if (Number.isFinite(total)) return;
  throw new WgpuStyleError('non-finite', {
    what: `the loss became ${total} in iteration ${iteration}`,
    where: 'session.run',
    fix: 'Lower the learning rate, or give pictures and weights in the expected ranges',
  });
}

/** The numbers before the terms: recipe's constant times the caller's factor (α, β of eq. 7). */
export function termWeights(
  terms: readonly { readonly kind: TermName['kind']; readonly constant: number }[],
  factors: { readonly contentWeight: number; readonly styleWeight: number; readonly tvWeight: number },
): number[] {
  const of = { content: factors.contentWeight, style: factors.styleWeight, tv: factors.tvWeight };
  return terms.map(({ kind, constant }) => constant * of[kind]);
}
