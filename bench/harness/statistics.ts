// What is made of samples: the median, the quartiles, and how fine the clock is that gave them.

/** The value below which a share of the values lies, between neighbours by interpolation. NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at));
}

/** What a row says of its samples, in their unit. */
export interface Summary {
  readonly median: number;
  /** Interquartile range: the middle half of the samples lies so close together. */
  readonly spread: number;
  readonly fastest: number;
  readonly samples: number;
}

/** Median and interquartile range. */
export function summarize(values: readonly number[]): Summary {
  return {
    median: quantile(values, 0.5),
    spread: quantile(values, 0.75) - quantile(values, 0.25),
    fastest: quantile(values, 0),
    samples: values.length,
  };
}

/** Steps of a clock: the greatest common divisor of its readings, undefined of fewer than three. */
export function quantumOf(readings: readonly bigint[]): bigint | undefined {
  if (readings.length < 3) return undefined;
  const first = readings[0]!;
  let divisor = 0n;
  for (const reading of readings) {
    let a = reading > first ? reading - first : first - reading;
    while (a !== 0n) [divisor, a] = [a, divisor % a];
  }
  return divisor === 0n ? undefined : divisor;
}

/** The smallest step that `now` was seen to take, in its unit; tried for at most `tries` steps. */
export function clockStep(now: () => number, tries = 20): number {
  let smallest = Infinity;
  for (let i = 0; i < tries; i++) {
    const before = now();
    let after = now();
    while (after === before) after = now();
    smallest = Math.min(smallest, after - before);
  }
  return smallest;
}
