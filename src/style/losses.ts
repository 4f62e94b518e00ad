// What is reported of the loss: weighted terms, so that they add up to the total.

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
