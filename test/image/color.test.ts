import { describe, expect, test } from 'vitest';
import {
  keepColors,
  matchColors,
  matchHistogram,
  matchLuma,
  toLuma,
} from '../../src/image/color.ts';
import {
  cholesky,
  invertLower,
  mapEigenvalues,
  multiply,
  transpose,
} from '../../src/image/matrix3.ts';
import type { Pixels } from '../../src/image/pixels.ts';
import { lightnessSpaces } from '../../src/image/lightness.ts';
import { colorMoments, lightAndChroma } from '../oracle/color.ts';
import { noise } from './make-png.ts';

type Rgba = readonly [number, number, number, number];

function picture(width: number, height: number, at: (i: number) => Rgba): Pixels {
  const data = Float32Array.from({ length: width * height }, (_, i) => i).map(() => 0);
  const rgba = new Float32Array(4 * data.length);
  data.forEach((_, i) => rgba.set(at(i), 4 * i));
  return { width, height, data: rgba };
}

/** Correlated colours in the middle of the range, so that no result is clamped. */
const scattered = (seed: number, spread: number, middle: Rgba, mix: number): Pixels =>
  picture(24, 18, (i) => {
    const [a, b, c] = [0, 1, 2].map((k) => (noise(10_000, i, seed, k) / 10_000 - 0.5) * spread) as [
      number,
      number,
      number,
    ];
    return [
      middle[0] + a,
      middle[1] + mix * a + (1 - mix) * b,
      middle[2] - mix * b + (1 - mix) * c,
      middle[3],
    ];
  });
const style = scattered(1, 0.3, [0.4, 0.6, 0.5, 1], 0.4);
const content = scattered(2, 0.2, [0.55, 0.45, 0.4, 1], 0.7);
const gray = picture(24, 18, (i) => [
  noise(256, i) / 255,
  noise(256, i) / 255,
  noise(256, i) / 255,
  1,
]);
const flat = picture(24, 18, () => [0.2, 0.5, 0.7, 1]);
const single = picture(1, 1, () => [0.9, 0.1, 0.3, 1]);
const clear = picture(5, 5, (i) => [noise(256, i) / 255, 0.3, 1, 0]);
const degenerate = { gray, flat, single, clear } as const;

const luma = (data: Float32Array, i: number): number =>
  0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
const inRange = ({ data }: Pixels): boolean => data.every((value) => value >= 0 && value <= 1);

describe.each(['pca', 'cholesky', 'monge'] as const)('matchColors, %s', (method) => {
  test('gives the style the mean and covariance of the content', () => {
    const got = colorMoments(matchColors(style, content, method).data);
    const wanted = colorMoments(content.data);
    got.mean.forEach((value, i) => expect(value).toBeCloseTo(wanted.mean[i]!, 5));
    // The ridge of 1e-5 on both sides keeps the match from being exact.
    got.covariance
      .flat()
      .forEach((value, i) =>
        expect(Math.abs(value - wanted.covariance.flat()[i]!)).toBeLessThan(2e-5),
      );
  });

  test('leaves a picture matched to itself as it is', () => {
    matchColors(style, style, method).data.forEach((value, i) =>
      expect(value).toBeCloseTo(style.data[i]!, 5),
    );
  });

  test.each(Object.keys(degenerate) as (keyof typeof degenerate)[])(
    'stays finite with a %s picture on either side',
    (name) => {
      const odd = degenerate[name];
      expect(inRange(matchColors(odd, content, method))).toBe(true);
      expect(inRange(matchColors(style, odd, method))).toBe(true);
      expect(inRange(matchColors(odd, odd, method))).toBe(true);
    },
  );

  test('a flat style takes the mean colour of the content', () => {
    const { mean } = colorMoments(content.data);
    const { data } = matchColors(flat, content, method);
    for (let c = 0; c < 3; c++) expect(data[c]).toBeCloseTo(mean[c]!, 5);
  });
});

test('transparent pixels do not count in the statistics', () => {
  const half = picture(24, 36, (i) =>
    i < 432 ? ([...style.data.subarray(4 * i, 4 * i + 4)] as unknown as Rgba) : [1, 0, 1, 0],
  );
  const whole = matchColors(style, content).data;
  matchColors(half, content)
    .data.subarray(0, whole.length)
    .forEach((v, i) => expect(v).toBeCloseTo(whole[i]!, 5));
});

describe('keepColors', () => {
  test('has the luma of the result and the chroma of the content', () => {
    const result = scattered(3, 0.2, [0.5, 0.5, 0.5, 1], 0.5);
    const { data } = keepColors(result, content);
    for (let i = 0; i < data.length; i += 4) {
      expect(luma(data, i)).toBeCloseTo(luma(result.data, i), 5);
      const chroma = (of: Float32Array, c: number): number => of[i + c]! - luma(of, i);
      for (const c of [0, 2]) expect(chroma(data, c)).toBeCloseTo(chroma(content.data, c), 5);
    }
  });

  test('of a gray content is gray, and the alpha is that of the result', () => {
    const result = scattered(4, 0.2, [0.5, 0.5, 0.5, 0.25], 0.5);
    const { data } = keepColors(result, gray);
    for (let i = 0; i < data.length; i += 4) {
      expect(data[i]).toBeCloseTo(data[i + 1]!, 5);
      expect(data[i + 3]).toBe(0.25);
    }
  });

  test('refuses another size', () => {
    expect(() => keepColors(style, single)).toThrow(/got 1x1, need 24x18/);
  });
});

describe.each(['ycbcr', 'yiq', 'lab', 'oklab'] as const)('light and chroma in %s', (space) => {
  const { from, to } = lightnessSpaces[space];
  const colors = Array.from({ length: 200 }, (_, i) => [0, 1, 2].map((c) => noise(256, i, c) / 255) as [number, number, number]);
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [i & 1, (i >> 1) & 1, i >> 2] as [number, number, number]);

  test('are those of the published formulas, up to the scale and zero of Lab, and go back', () => {
    for (const rgb of [...colors, ...corners]) {
      const wanted = lightAndChroma(space, rgb);
      const [scale, zero] = space === 'lab' ? [100, 16] : [1, 0];
      from(rgb).forEach((value, i) => expect(value).toBeCloseTo((wanted[i]! + (i === 0 ? zero : 0)) / scale, 9));
      to(from(rgb)).forEach((value, i) => expect(value).toBeCloseTo(rgb[i]!, 6));
    }
  });

  test('keepColors takes one from the result, the other from the content', () => {
    const result = scattered(3, 0.1, [0.5, 0.5, 0.5, 1], 0.5);
    const { data } = keepColors(result, content, space);
    const at = (of: Float32Array, i: number): number[] => lightAndChroma(space, Array.from(of.subarray(i, i + 3)));
    for (let i = 0; i < data.length; i += 4) {
      expect(at(data, i)[0]).toBeCloseTo(at(result.data, i)[0]!, 4);
      for (const c of [1, 2]) expect(at(data, i)[c]).toBeCloseTo(at(content.data, i)[c]!, 4);
    }
  });
});

test('toLuma is gray with Rec. 601 luma; matchLuma has the mean luma of the content', () => {
  const { data } = toLuma(style);
  for (let i = 0; i < data.length; i += 4) {
    expect(data[i]).toBeCloseTo(luma(style.data, i), 6);
    expect(data[i]).toBe(data[i + 2]);
  }
  const wanted = colorMoments(toLuma(content).data).mean[0]!;
  expect(colorMoments(matchLuma(style, content).data).mean[0]).toBeCloseTo(wanted, 5);
  expect(inRange(matchLuma(clear, clear))).toBe(true);
});

describe('matchHistogram', () => {
  test("gives each channel the content's values at the same ranks", () => {
    const { data } = matchHistogram(style, content);
    const sorted = (of: Float32Array, c: number): number[] =>
      Array.from(of)
        .filter((_, i) => i % 4 === c)
        .sort((a, b) => a - b);
    for (let c = 0; c < 3; c++) {
      const wanted = sorted(content.data, c);
      // Equal values of the style share a rank: allow one step between neighbours.
      const step = Math.max(...wanted.slice(1).map((v, i) => v - wanted[i]!));
      sorted(data, c).forEach((value, i) =>
        expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(step + 1e-6),
      );
    }
  });

  test('leaves a picture matched to itself as it is, nearly', () => {
    matchHistogram(gray, gray).data.forEach((value, i) =>
      expect(Math.abs(value - gray.data[i]!)).toBeLessThan(0.01),
    );
  });

  test('keeps flat areas flat and the order of values', () => {
    const flattened = matchHistogram(flat, content).data;
    for (let i = 4; i < flattened.length; i++) expect(flattened[i]).toBe(flattened[i % 4]);
    const { data } = matchHistogram(style, content);
    const order = Array.from({ length: 432 }, (_, i) => 4 * i).sort(
      (a, b) => style.data[a]! - style.data[b]!,
    );
    order.slice(1).forEach((at, i) => expect(data[at]!).toBeGreaterThanOrEqual(data[order[i]!]!));
  });

  test.each(Object.keys(degenerate) as (keyof typeof degenerate)[])(
    'stays in range with a %s picture on either side',
    (name) => {
      expect(inRange(matchHistogram(degenerate[name], content))).toBe(true);
      expect(inRange(matchHistogram(style, degenerate[name]))).toBe(true);
    },
  );

  test('works between pictures of different sizes', () => {
    const { data } = matchHistogram(style, single);
    for (let i = 0; i < data.length; i += 4) expect(data[i]).toBeCloseTo(0.9, 6);
  });
});

describe('matrix3', () => {
  const a = [0.5, 0.2, -0.1, 0.2, 0.3, 0.05, -0.1, 0.05, 0.4];
  const close = (got: readonly number[], wanted: readonly number[]): void =>
    got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 12));

  test('the square root squared is the matrix, for repeated eigenvalues too', () => {
    for (const matrix of [a, [2, 0, 0, 0, 2, 0, 0, 0, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
      const root = mapEigenvalues(matrix, (v) => Math.sqrt(Math.max(v, 0)));
      close(multiply(root, root), matrix);
    }
  });

  test('Cholesky factor times its transpose is the matrix; its inverse undoes it', () => {
    const l = cholesky(a);
    close(multiply(l, transpose(l)), a);
    close(multiply(l, invertLower(l)), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});
