// The arena's placement is a pure function: no GPU here.

import { describe, expect, it } from 'vitest';
import { peakLiveBytes, placeValues, type Lifetime } from '../../src/autograd/arena.ts';
import { randomValues } from '../check.ts';

/** Some dispatch reads the one and writes the other. */
function mixed(a: Lifetime, b: Lifetime): boolean {
  const meet = (x: ReadonlySet<number> = new Set(), y: ReadonlySet<number> = new Set()): boolean =>
    [...x].some((dispatch) => y.has(dispatch));
  return meet(a.reads, b.writes) || meet(a.writes, b.reads);
}

/** Bytes of all slots, after checking that the placement keeps every promise. */
function placedBytes(values: readonly Lifetime[]): number {
  const { slotOf, offsetOf, slotBytes } = placeValues(values);
  expect(slotOf.length).toBe(values.length);
  values.forEach((a, i) => {
    expect(offsetOf[i]! % 256).toBe(0);
    expect(offsetOf[i]! + a.bytes).toBeLessThanOrEqual(slotBytes[slotOf[i]!]!);
    if (a.isResult) expect(offsetOf[i]).toBe(0);
    values.slice(0, i).forEach((b, j) => {
      const areAlive = a.first <= b.last && b.first <= a.last;
      if (slotOf[i] !== slotOf[j] || !areAlive) return;
      const areApart = offsetOf[i]! + a.bytes <= offsetOf[j]! || offsetOf[j]! + b.bytes <= offsetOf[i]!;
      expect(areApart, `values ${j} and ${i} overlap`).toBe(true);
      expect(mixed(a, b), `a dispatch reads and writes the slot of ${j} and ${i}`).toBe(false);
    });
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
  // Forward op i reads activation i - 1 and writes i; its derivative, op end - i, reads the activation and the
  // gradient of i and writes the gradient of i - 1.
  const end = 2 * sizes.length;
  const forward = sizes.map((bytes, i) => {
    const last = end - i;
    return { bytes, first: i, last, reads: new Set([i + 1, last]), writes: new Set([i]) };
  });
  const backward = sizes.map((bytes, i) => {
    const [first, last] = [end - i - 1, end - i];
    return { bytes, first, last, reads: new Set([last]), writes: new Set([first]), isResult: i === 0 };
  });
  return [...forward, ...backward];
}

describe('arena', () => {
  it('places nothing, and one value', () => {
    expect(placeValues([])).toEqual({ slotOf: [], offsetOf: [], slotBytes: [] });
    expect(placeValues([{ bytes: 32, first: 3, last: 3 }])).toEqual({
      slotOf: [0],
      offsetOf: [0],
      slotBytes: [32],
    });
    expect(peakLiveBytes([])).toBe(0);
  });

  it('shares memory between values that follow each other, not between values that meet in one dispatch', () => {
    const chain = [0, 1, 2, 3].map((i) => ({ bytes: 64, first: i, last: i + 1 }));
    expect(placedBytes(chain)).toBe(128);
    expect(peakLiveBytes(chain)).toBe(128);
    const apart = [0, 2, 4].map((i) => ({ bytes: 64, first: i, last: i + 1 }));
    expect(placedBytes(apart)).toBe(64);
  });

  it('puts small values beside each other into a large slot that is free, on aligned offsets', () => {
    const large = { bytes: 4096, first: 10, last: 12 };
    const small = [0, 1, 2].map((first) => ({ bytes: 300, first, last: 5 }));
    expect(placedBytes([large, ...small])).toBe(4096);
    expect(placeValues([large, ...small]).offsetOf).toEqual([0, 0, 512, 1024]);
  });

  it('never binds one buffer for reading and for writing in a dispatch', () => {
    const large = { bytes: 4096, first: 10, last: 12 };
    const chain = [0, 1, 2, 3].map((first) => ({
      bytes: 256, first, last: first + 1, reads: new Set([first + 1]), writes: new Set([first]),
    }));
    // Each needs another buffer than the one before: two in all, though the large one had room for everything.
    expect(placedBytes([large, ...chain])).toBe(4096 + 256);
  });

  it('keeps every promise, whatever the sizes, lifetimes and uses', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomValues(240, seed).map((v) => (v + 1) / 2);
      const values = Array.from({ length: 40 }, (_, i) => {
        const first = Math.floor(random[6 * i]! * 60);
        const length = Math.floor(random[6 * i + 2]! ** 2 * 30);
        return {
          bytes: 16 * Math.ceil(random[6 * i + 1]! ** 3 * 1000),
          first,
          last: first + length,
          reads: new Set([first + length, first + Math.floor(length * random[6 * i + 3]!)]),
          writes: new Set([first]),
          isResult: random[6 * i + 4]! < 0.1,
        };
      });
      const bytes = placedBytes(values);
      const peak = peakLiveBytes(values);
      expect(bytes).toBeGreaterThanOrEqual(peak);
      // Arbitrary sizes fit badly; a doubling would be a bug.
      expect(bytes).toBeLessThan(2 * peak);
    }
  });

  it('needs hardly more for a network than the most bytes ever alive', () => {
    const values = network(512);
    expect(placedBytes(values) / peakLiveBytes(values)).toBeLessThan(1.06);
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
