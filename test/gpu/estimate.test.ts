// How long dispatches are expected to take, and what measured slices change about it.

import { expect, test } from 'vitest';
import type { Cost } from '../../src/gpu/dispatch.ts';
import { Estimate, type Stretch } from '../../src/gpu/estimate.ts';

function sequenceOf(costs: readonly Cost[]): Stretch['sequence'] {
  return { length: costs.length, cost: (index) => costs[index]! };
}

const big: Cost = { flops: 2e9, bytes: 1e6 };
const small: Cost = { flops: 1e6, bytes: 4e7 };

function sumOf(estimate: Estimate, { sequence, first, end }: Stretch): number {
  let sum = 0;
  for (let i = first; i < end; i++) sum += estimate.of(sequence, i);
  return sum;
}

test('a dispatch is guessed by arithmetic or by traffic, whichever takes longer', () => {
  const sequence = sequenceOf([big, small, { flops: 0, bytes: 0 }]);
  const estimate = new Estimate();
  expect(estimate.of(sequence, 0)).toBeCloseTo(100.01, 6);
  expect(estimate.of(sequence, 1)).toBeCloseTo(10.01, 6);
  expect(estimate.of(sequence, 2)).toBeCloseTo(0.01, 6);
});

test('the first measurement is taken as it is, for dispatches that were not measured too', () => {
  const sequence = sequenceOf([big, big, small]);
  const estimate = new Estimate();
  estimate.learn([{ sequence, first: 0, end: 1 }], 1.0001);
  expect(estimate.of(sequence, 0)).toBeCloseTo(1.0001, 9);
  expect(estimate.of(sequence, 1)).toBeCloseTo(1.0001, 9);
  expect(estimate.of(sequence, 2)).toBeCloseTo(0.1001, 9);
});

test('slices of any cut teach what each dispatch takes, within a millisecond', () => {
  // The truth is another mix than the guess: the second kernel is ten times slower than its arithmetic says.
  const truth = [5, 30, 0.5, 2, 8];
  const sequence = sequenceOf([big, { flops: 6e8, bytes: 0 }, small, { flops: 4e8, bytes: 0 }, big]);
  const estimate = new Estimate();
  const time = ({ first, end }: Stretch): number => truth.slice(first, end).reduce((a, b) => a + b, 0);
  for (let round = 0; round < 40; round++) {
    for (const cut of [1 + (round % 4), 5]) {
      const stretches = [{ sequence, first: 0, end: cut }, { sequence, first: cut, end: 5 }];
      for (const stretch of stretches) if (stretch.end > stretch.first) estimate.learn([stretch], time(stretch));
    }
  }
  truth.forEach((milliseconds, i) => expect(Math.abs(estimate.of(sequence, i) - milliseconds)).toBeLessThan(1));
});

test('one hiccup of the machine changes little, and what clocks cannot see changes nothing', () => {
  const sequence = sequenceOf([big, small]);
  const estimate = new Estimate();
  const whole = { sequence, first: 0, end: 2 };
  estimate.learn([whole], 4);
  estimate.learn([whole], 4000);
  expect(sumOf(estimate, whole)).toBeLessThan(4 * 3);
  for (let i = 0; i < 6; i++) estimate.learn([whole], 4);
  expect(sumOf(estimate, whole)).toBeLessThan(4.1);
  const tiny = new Estimate();
  const none = { sequence: sequenceOf([{ flops: 1000, bytes: 100 }]), first: 0, end: 1 };
  tiny.learn([none], 0);
  expect(sumOf(tiny, none)).toBeCloseTo(0.01, 3);
  // A slice of nothing says nothing.
  tiny.learn([], 5);
  expect(sumOf(tiny, none)).toBeCloseTo(0.01, 3);
});
