// What benchmarks make of their samples.

import { describe, expect, test } from 'vitest';
import { clockStep, quantile, quantumOf, summarize } from '../../bench/harness/statistics.ts';

describe('quantiles', () => {
  test('lie between neighbours, whatever the order', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75);
    expect(quantile([7], 0.75)).toBe(7);
    expect(quantile([10, 20, 30], 1)).toBe(30);
  });

  test('of nothing are no number', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('a summary is median, interquartile range and the fastest', () => {
    expect(summarize([9, 1, 5, 3, 7])).toEqual({ median: 5, spread: 4, fastest: 1, samples: 5 });
  });
});

describe('the steps of a clock', () => {
  test('timestamps that are multiples of 65,536 ns from any beginning', () => {
    const readings = [3n, 3n + 2n * 65_536n, 3n + 6n * 65_536n, 3n + 16n * 65_536n];
    expect(quantumOf(readings)).toBe(131_072n);
    expect(quantumOf([...readings, 3n + 65_536n])).toBe(65_536n);
  });

  test('are not known of two readings, or of one and the same', () => {
    expect(quantumOf([5n, 9n])).toBeUndefined();
    expect(quantumOf([5n, 5n, 5n])).toBeUndefined();
  });

  test('timestamps may go backwards', () => {
    expect(quantumOf([100n, 70n, 130n, 90n])).toBe(10n);
  });

  test('a clock that moves at every second look', () => {
    let looks = 0;
    expect(clockStep(() => Math.floor(looks++ / 2) * 0.25)).toBe(0.25);
  });
});
