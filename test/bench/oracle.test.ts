// Samples of a kernel's result are what the whole float64 loops give at those places.

import { describe, expect, test } from 'vitest';
import * as oracle from '../../bench/harness/oracle.ts';
import { conv2d, conv2dBackwardData, conv2dBackwardWeights, type Geometry } from '../oracle/conv2d.ts';
import { gram, gramBackward, matmul } from '../oracle/matmul.ts';
import { avgPool, maxPoolBackward, type Windows } from '../oracle/pool.ts';
import { randomValues } from '../check.ts';

const side = 6;
const [ci, co] = [8, 12];
const geometry: Geometry = {
  h: side, w: side, cin: ci, cout: co, kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1, 1, 1], mode: 'zero',
};
const x = { side, c: ci, data: randomValues(side * side * ci, 1) };
const dY = { side, c: co, data: randomValues(side * side * co, 2) };
const weights = randomValues(9 * ci * co, 3);

function expectSamplesOf(whole: ArrayLike<number>, { indices, values }: oracle.Samples): void {
  expect(indices.length).toBeGreaterThan(7);
  expect(new Set(indices).size).toBe(indices.length);
  indices.forEach((index, i) => expect(values[i]).toBeCloseTo(whole[index]!, 12));
}

describe('samples', () => {
  test('of a convolution, with its corners and borders', () => {
    const samples = oracle.convolution(x, weights, co);
    expectSamplesOf(conv2d(geometry, x.data, weights), samples);
    expect(samples.indices[0]).toBe(0);
    expect(samples.indices).toContain(side * side * co - 1);
  });

  test('of its gradients', () => {
    expectSamplesOf(conv2dBackwardData(geometry, dY.data, weights), oracle.convolutionToData(dY, weights, ci));
    expectSamplesOf(conv2dBackwardWeights(geometry, x.data, dY.data), oracle.convolutionToWeights(x, dY));
  });

  test('of a Gram matrix and its gradient', () => {
    const dG = randomValues(co * co, 4);
    expectSamplesOf(gram(co, 0.1, dY.data), oracle.gramMatrix(dY, 0.1));
    expectSamplesOf(gramBackward(co, 0.1, dG, dY.data), oracle.gramToData(dY, 0.1, dG));
  });

  test('of a matrix product', () => {
    const [a, b] = [randomValues(9 * 5, 5), randomValues(5 * 4, 6)];
    expectSamplesOf(matmul(9, 4, 5, a, b), oracle.product(9, 4, 5, a, b));
  });

  test('of pooling and its gradient', () => {
    const windows: Windows = { shape: [side, side, ci], size: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0], countPadding: false };
    const gradient = randomValues((side * side * ci) / 4, 7);
    expectSamplesOf(avgPool(windows, x.data), oracle.pooling('average', x));
    expectSamplesOf(maxPoolBackward(windows, x.data, gradient), oracle.pooling('max', x, gradient));
  });

  test('of a picture of one pixel', () => {
    expect(oracle.samplePixels(1)).toEqual([[0, 0]]);
  });
});

test('the largest error is relative to the RMS, and infinite for what is no number', () => {
  const samples = { indices: [0, 2], values: [3, 4] };
  expect(oracle.largestError([3, 99, 4], samples)).toBe(0);
  expect(oracle.largestError([3, 99, 5], samples)).toBeCloseTo(1 / Math.sqrt(12.5), 12);
  expect(oracle.largestError([3, 99, NaN], samples)).toBe(Infinity);
});
