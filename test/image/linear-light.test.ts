import { expect, test } from 'vitest';
import { resizeLight } from '../../src/image/linear-light.ts';
import { pixelsFromFloats } from '../../src/image/pixels.ts';
import { resizeOracle } from '../oracle/resize.ts';
import { randomValues } from '../check.ts';

const toLinear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const toEncoded = (v: number): number => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

test.each([[31, 29, 7, 8], [8, 9, 16, 3], [1, 5, 1, 2]])('%ix%i to %ix%i: the light is resampled, against float64', (w, h, width, height) => {
  const gray = randomValues(w * h, 3).map((v) => 0.5 + 0.25 * v);
  const { data } = resizeLight(pixelsFromFloats(w, h, gray), width, height);
  const expected = resizeOracle(Float64Array.from(gray, toLinear), w, h, width, height, 'bicubic').map(toEncoded);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - data[4 * i]!)))).toBeLessThan(2e-6);
});

test('black and white lines become the gray that they look like, 188 of 255; alpha is no light', () => {
  const lines = Float32Array.from({ length: 32 * 8 * 4 }, (_, i) => (i % 4 === 3 ? 0.5 : Math.floor(i / 4) % 2));
  const { data } = resizeLight(pixelsFromFloats(32, 8, lines), 8, 2);
  expect(Math.round(data[12]! * 255)).toBe(188);
  expect(data[3]).toBeCloseTo(0.5, 6);
});
