import { describe, expect, it } from 'vitest';
import { normal, philox, uniform } from '../../src/image/random.ts';

type Words = [number, number, number, number];

const ONES = 0xffffffff;

/** Known answers of Philox4x32-10: Random123, tests/kat_vectors. Counter, key, result. */
const KNOWN: [Words, [number, number], Words][] = [
  [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
  [[ONES, ONES, ONES, ONES], [ONES, ONES], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

function moment(values: Float32Array, power: number): number {
  return values.reduce((sum, v) => sum + v ** power, 0) / values.length;
}

describe('seeded random numbers', () => {
  it('are those of Philox4x32-10', () => {
    for (const [counter, key, result] of KNOWN) expect(philox(counter, key)).toEqual(result);
  });

  it('uniform: in [0, 1), with the moments of that distribution', () => {
    const values = uniform(7, 100_003);
    expect(Math.min(...values.subarray(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values.subarray(0, 50_000))).toBeLessThan(1);
    // Standard errors are 0.29 / √n and 0.30 / √n: 0.001.
    expect(Math.abs(moment(values, 1) - 1 / 2)).toBeLessThan(0.004);
    expect(Math.abs(moment(values, 2) - 1 / 3)).toBeLessThan(0.004);
  });

  it('normal: with the moments of that distribution', () => {
    const values = normal(7, 100_003);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(Math.abs(moment(values, 1))).toBeLessThan(0.013);
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(0.018);
    expect(Math.abs(moment(values, 3))).toBeLessThan(0.05);
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(0.13);
    // Neighbours come from one pair of the transform and must not know each other.
    const products = values.map((v, i) => v * (values[i + 1] ?? 0));
    expect(Math.abs(moment(products, 1))).toBeLessThan(0.013);
  });

  it('same seed, same numbers; a longer sequence begins with the shorter; all bits of a seed count', () => {
    expect(normal(3, 10)).toEqual(normal(3, 10));
    expect(uniform(3, 1000).subarray(0, 10)).toEqual(uniform(3, 10));
    expect(uniform(3, 10)).not.toEqual(uniform(4, 10));
    expect(uniform(3, 10)).not.toEqual(uniform(3 + 2 ** 40, 10));
    expect(uniform(3, 0).length).toBe(0);
  });
});
