// The names of the forms of total variation, by themselves: options are checked before any kernel is loaded.

/** The forms of total variation, over differences d to the right and downwards. */
export const VARIATIONS = ['squared', 'absolute', 'power', 'nine-point', 'mean-squared'] as const;

/**
 * `squared` Σ d² (the lecture form of L_tv); `absolute` Σ |d| (neural-style); `mean-squared` the mean of d² to the right
 * plus the mean of d² downwards (anishathalye); `power` Σ (dx² + dy²)^1.25 over pixels that have both neighbours, per
 * channel (Keras); `nine-point` twice a third of the means of d² along rows and columns, plus a twelfth of those along
 * the two diagonals, the border repeated once (crowsonkb).
 */
export type VariationForm = (typeof VARIATIONS)[number];
