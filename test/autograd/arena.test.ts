// The arena's placement is a pure function: no GPU here.

import { describe, expect, it } from 'vitest';
import { peakLiveBytes, placeValues, type Lifetime } from '../../src/autograd/arena.ts';
import { randomValues } from '../check.ts';

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Bytes of all slots, after checking that values alive together never share one and that each fits. */
function placedBytes(values: readonly Lifetime[]): number {
  const { slotOf, slotBytes } = placeValues(values);
  expect(slotOf.length).toBe(values.length);
  values.forEach((a, i) => {
    expect(slotBytes[slotOf[i]!]!).toBeGreaterThanOrEqual(a.bytes);
    for (let j = 0; j < i; j++) {
      if (slotOf[i] === slotOf[j]) expect(overlap(a, values[j]!), `values ${j} and ${i}`).toBe(false);
    }
  });
  return slotBytes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Activations and gradients of a VGG with convolution, ReLU and pooling, as a reverse pass without fusion sees them. */
function network(side: number): Lifetime[] {
  const blocks = [[64, 2], [128, 2], [256, 4], [512, 4], [512, 1]] as const;
  const sizes: number[] = [];
  for (const [block, [channels, convolutions]] of blocks.entries()) {
    const bytes = (side / 2 ** block) ** 2 * channels * 4;
    for (let i = 0; i < convolutions; i++) sizes.push(bytes, bytes);
    if (block < blocks.length - 1) sizes.push(bytes / 4);
  }
  const end = 2 * sizes.length;
  const forward = sizes.map((bytes, i) => ({ bytes, first: i, last: end - i }));
  const backward = sizes.map((bytes, i) => ({ bytes, first: end - i - 1, last: end - i }));
  return [...forward, ...backward];
}

/** What any placement needs that gives each slot one tenant at a time: for each size, as many slots as are alive. */
function slotBound(values: readonly Lifetime[]): number {
  const sizes = [...new Set(values.map((v) => v.bytes))].sort((a, b) => b - a);
  let slots = 0;
  let bytes = 0;
  for (const size of sizes) {
    const atLeast = values.filter((v) => v.bytes >= size).map((v) => ({ ...v, bytes: 1 }));
    bytes += (peakLiveBytes(atLeast) - slots) * size;
    slots = peakLiveBytes(atLeast);
  }
  return bytes;
}

describe('arena', () => {
  it('places nothing, and one value', () => {
    expect(placeValues([])).toEqual({ slotOf: [], slotBytes: [] });
    expect(placeValues([{ bytes: 32, first: 3, last: 3 }])).toEqual({ slotOf: [0], slotBytes: [32] });
    expect(peakLiveBytes([])).toBe(0);
  });

  it('shares memory between values that follow each other, not between values that meet in one dispatch', () => {
    const chain = [0, 1, 2, 3].map((i) => ({ bytes: 64, first: i, last: i + 1 }));
    expect(placedBytes(chain)).toBe(128);
    expect(peakLiveBytes(chain)).toBe(128);
    const apart = [0, 2, 4].map((i) => ({ bytes: 64, first: i, last: i + 1 }));
    expect(placedBytes(apart)).toBe(64);
  });

  it('never lets values overlap, whatever their sizes and lifetimes', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomValues(120, seed).map((v) => (v + 1) / 2);
      const values = Array.from({ length: 40 }, (_, i) => {
        const first = Math.floor(random[3 * i]! * 60);
        return {
          bytes: 16 * Math.ceil(random[3 * i + 1]! ** 3 * 1000),
          first,
          last: first + Math.floor(random[3 * i + 2]! ** 2 * 30),
        };
      });
      const bytes = placedBytes(values);
      const peak = peakLiveBytes(values);
      expect(bytes).toBeGreaterThanOrEqual(peak);
      // Slots are whole buffers, so that arbitrary sizes fit badly; a doubling would be a bug.
      expect(bytes).toBeLessThan(2 * peak);
    }
  });

  it('is as good as slots can be for a network, and close to the most bytes ever alive', () => {
    const values = network(512);
    expect(placedBytes(values)).toBeLessThanOrEqual(1.02 * slotBound(values));
    // The rest is the price of slots: those of the largest gradients stand empty while the small ones are alive.
    expect(placedBytes(values) / peakLiveBytes(values)).toBeLessThan(1.2);
  });

  it('counts the most bytes alive as a simulation does', () => {
    const values = network(64);
    const last = Math.max(...values.map((v) => v.last));
    const alive = Array.from({ length: last + 1 }, (_, at) =>
      values.reduce((sum, v) => (v.first <= at && at <= v.last ? sum + v.bytes : sum), 0),
    );
    expect(peakLiveBytes(values)).toBe(Math.max(...alive));
  });
});
