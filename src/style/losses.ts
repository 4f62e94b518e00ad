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

/** One step of `session.run`. */
export interface SessionProgress {
  readonly iteration: number;
  readonly iterations: number;
  /** Losses before the update of this iteration. */
  readonly losses: Losses;
  /**
   * 0; or, where loss or gradient was not finite, how many times in a row: the step before was then cut to a quarter, a
   * sixteenth of that, … in place of an update. At 6 the run ends with `non-finite`.
   */
  readonly retries: number;
  /** True in the last iteration of a run whose loss has come to rest (option `tolerance`). */
  readonly converged: boolean;
  readonly millisecondsPerIteration: number;
  readonly secondsLeft: number;
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

/** Steps cut in a row, to 2e-13 of the first one's length together, after which a run gives up. */
const MOST_RETRIES = 6;

/** Throws `non-finite` when cutting the step has not helped for too long. */
export function checkRetries(retries: number, { total }: Losses, iteration: number): void {
  if (retries < MOST_RETRIES) return;
  const what = Number.isFinite(total) ? 'the gradient is not finite' : `the loss is ${total}`;
  throw new WgpuStyleError('non-finite', {
    what: `${what} in iteration ${iteration}, after ${retries - 1} attempts with smaller steps`,
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
