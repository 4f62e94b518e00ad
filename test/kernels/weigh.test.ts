// Terms of a loss by themselves; as an op of the tape see reduce.test.ts.

import { describe, expect, it } from 'vitest';
import { weighForward, weighSums, type PartialSum } from '../../src/kernels/weigh.ts';
import { randomValues, relativeError } from '../check.ts';
import { runKernel } from '../run-kernel.ts';

// Sums of a thousand positive terms.
const TOLERANCE = 1e-6;

describe('terms in parts', () => {
  // Vec4s of each term: fewer than there are threads, as many, and more; up to the most terms that there may be.
  const CASES = [[1], [255, 256, 257], [64, 1, 1030, 16], [3, 2, 1, 7, 300], Array.from({ length: 15 }, (_, i) => 5 * i + 1)];

  for (const counts of CASES) {
    it(`of ${counts.join(', ')} vec4s are summed, weighted and added up`, async () => {
      let end = 0;
      const terms = counts.map((vectors, i): PartialSum => {
        const first = end;
        end = Math.ceil((first + vectors) / 16) * 16 + 16;
        return { first, vectors, factor: 0.5 + i };
      });
      // What lies between the terms is no number.
      const parts = new Float32Array(4 * end).fill(NaN);
      for (const { first, vectors } of terms) parts.set(randomValues(4 * vectors, first + 1).map((v) => v + 1.5), 4 * first);
      const weights = randomValues(counts.length, 7).map((v) => v + 1.5);
      const want = terms.map(({ first, vectors, factor }, i) =>
        parts.subarray(4 * first, 4 * (first + vectors)).reduce((sum, v) => sum + weights[i]! * factor * v, 0),
      );
      const inputs = [{ shape: [end, 4], data: parts }, { shape: [counts.length], data: weights }];
      const run = (wanted: 'terms' | 'total' | 'terms alone'): Promise<Float32Array> =>
        runKernel(inputs, wanted === 'total' ? [1] : [counts.length], (io, out, scratch) => {
          const [y, total] = wanted === 'total' ? [scratch([counts.length]), out] : [out, scratch([1])];
          return weighSums(terms, { parts: io[0]!, weights: io[1]!, y, total: wanted === 'terms alone' ? undefined : total });
        });
      expect(relativeError(await run('terms'), want)).toBeLessThan(TOLERANCE);
      expect(relativeError(await run('terms alone'), want)).toBeLessThan(TOLERANCE);
      expect(relativeError(await run('total'), [want.reduce((a, b) => a + b)])).toBeLessThan(TOLERANCE);
    });
  }
});

describe('terms that are scalars', () => {
  it.each([1, 2, 3, 5])('%i of them, the first infinite: the others, and the padding, do not notice', async (n) => {
    const terms = Float32Array.from(randomValues(n, 1), (v, i) => (i === 0 ? Infinity : v));
    const weights = randomValues(n, 2).map((v) => v + 1.5);
    const inputs = [{ shape: [n], data: weights }, ...Array.from(terms, (v) => ({ shape: [1], data: [v] }))];
    const got = await runKernel(inputs, [n], ([w, ...io], y) => weighForward({ terms: io, weights: w!, y }));
    expect(got[0]).toBe(Infinity);
    expect(relativeError(got.subarray(1), terms.subarray(1).map((v, i) => v * weights[i + 1]!))).toBeLessThan(TOLERANCE);
  });
});
