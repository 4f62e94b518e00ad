import { describe, expect, test } from 'vitest';
import type { Pixels } from '../../src/image/pixels.ts';
import { fitSize } from '../../src/image/fit-size.ts';
import { resize } from '../../src/image/resize.ts';
import { resizeOracle } from '../oracle/resize.ts';
import { noise } from './make-png.ts';

const filters = ['bicubic', 'bilinear', 'box'] as const;
// From and to: enlarging, reducing, one of each, odd ratios, single pixels and lines.
const shapes = [
  [7, 5, 31, 9],
  [31, 29, 7, 8],
  [8, 9, 16, 3],
  [1, 1, 4, 3],
  [1, 31, 2, 5],
  [64, 60, 9, 31],
  [17, 2, 1, 1],
  [5, 5, 5, 12],
] as const;

function picture(
  width: number,
  height: number,
  value: (x: number, y: number, c: number) => number,
): Pixels {
  const data = new Float32Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 4; c++) data[4 * (y * width + x) + c] = value(x, y, c);
    }
  }
  return { width, height, data };
}

const channel = ({ data }: Pixels, c: number): number[] =>
  Array.from(data).filter((_, i) => i % 4 === c);
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0)
    : Infinity;

describe.each(filters)('resize, %s', (filter) => {
  test.each(shapes)('%ix%i to %ix%i equals the double sum', (width, height, toWidth, toHeight) => {
    // Values from 0.3 to 0.7, so that overshoot is not clamped away.
    const input = picture(width, height, (x, y, c) =>
      c === 3 ? 1 : 0.3 + noise(1000, x, y, c) / 2500,
    );
    const output = resize(input, toWidth, toHeight, { filter });
    expect([output.width, output.height]).toEqual([toWidth, toHeight]);
    for (let c = 0; c < 3; c++) {
      const wanted = resizeOracle(channel(input, c), width, height, toWidth, toHeight, filter);
      expect(farthest(channel(output, c), wanted)).toBeLessThan(3e-7);
    }
    expect(channel(output, 3).every((alpha) => alpha === 1)).toBe(true);
  });

  test.each(shapes)(
    '%ix%i to %ix%i keeps a flat picture flat',
    (width, height, toWidth, toHeight) => {
      const output = resize(
        picture(width, height, (_, __, c) => (c === 3 ? 1 : 0.25 * (c + 1))),
        toWidth,
        toHeight,
        { filter },
      );
      for (let c = 0; c < 3; c++)
        expect(channel(output, c).every((v) => Math.abs(v - 0.25 * (c + 1)) < 1e-6)).toBe(true);
    },
  );
});

test.each(['bicubic', 'bilinear'] as const)(
  '%s keeps a ramp a ramp away from the borders',
  (filter) => {
    const ramp = picture(32, 4, (x, _, c) => (c === 3 ? 1 : (x + 0.5) / 32));
    for (const width of [48, 75, 16, 8]) {
      const values = channel(resize(ramp, width, 4, { filter }), 0).slice(0, width);
      const border = Math.ceil((2 * Math.max(1, 32 / width) * width) / 32) + 1;
      const inside = values.slice(border, -border);
      expect(inside.length).toBeGreaterThan(0);
      inside.forEach((value, i) => expect(value).toBeCloseTo((i + border + 0.5) / width, 6));
    }
  },
);

test('box reduction by a whole factor gives block means', () => {
  const input = picture(12, 9, (x, y, c) => (c === 3 ? 1 : noise(1000, x, y, c) / 1000));
  const output = resize(input, 4, 3, { filter: 'box' });
  for (let v = 0; v < 3; v++) {
    for (let u = 0; u < 4; u++) {
      let sum = 0;
      for (let y = 0; y < 3; y++)
        for (let x = 0; x < 3; x++) sum += input.data[4 * ((3 * v + y) * 12 + 3 * u + x)]!;
      expect(output.data[4 * (v * 4 + u)]).toBeCloseTo(sum / 9, 6);
    }
  }
});

test('reduction averages stripes to gray instead of picking some of them', () => {
  const stripes = picture(256, 1, (x, _, c) => (c === 3 ? 1 : x % 2));
  const values = channel(resize(stripes, 30, 1), 0);
  expect(values.every((value) => Math.abs(value - 0.5) < 0.05)).toBe(true);
});

test('the hidden colour of transparent pixels does not bleed', () => {
  const input = picture(4, 1, (x, _, c) =>
    c === 3 ? Number(x < 2) : c === (x < 2 ? 0 : 1) ? 1 : 0,
  );
  const { data } = resize(input, 9, 1, { filter: 'bilinear' });
  for (let x = 0; x < 9; x++) {
    const [red, green, , alpha] = data.subarray(4 * x, 4 * x + 4);
    expect(green).toBe(0);
    expect(red).toBeCloseTo(alpha! > 0 ? 1 : 0, 6);
  }
  expect(data[4 * 4 + 3]).toBeCloseTo(0.5, 6);
});

test('results stay in [0, 1] where bicubic overshoots', () => {
  const edge = picture(8, 1, (x, _, c) => (c === 3 ? 1 : Number(x > 3)));
  const { data } = resize(edge, 64, 1);
  expect(Math.min(...data)).toBe(0);
  expect(Math.max(...data)).toBe(1);
});

test('the same size returns the picture itself', () => {
  const input = picture(3, 2, () => 0.5);
  expect(resize(input, 3, 2)).toBe(input);
});

describe('fitSize', () => {
  test.each([
    [1024, 768, 512, 512, 384],
    [768, 1024, 512, 384, 512],
    [100, 100, 512, 512, 512],
    [1, 5000, 512, 1, 512],
    [5000, 1, 512, 512, 1],
    [1, 1, 64, 64, 64],
    [333, 1000, 300, 100, 300],
  ])('%ix%i with longest side %i is %ix%i', (width, height, size, toWidth, toHeight) => {
    expect(fitSize(width, height, size)).toEqual({ width: toWidth, height: toHeight });
  });

  test('takes exact sides as they are', () => {
    expect(fitSize(10, 20, { width: 33, height: 7 })).toEqual({ width: 33, height: 7 });
  });

  test.each([[0], [-1], [1.5], [NaN], [Infinity], [1e9], [{ width: 10, height: 0 }]])(
    'refuses %o',
    (size) => {
      expect(() => fitSize(10, 10, size)).toThrow(
        expect.objectContaining({
          code: 'bad-option',
          where: 'size',
          message: expect.stringMatching(/got .*, need whole/),
        }),
      );
    },
  );
});

test('nearest takes the pixel at ⌊i · from / to⌋, as torch.nn.functional.interpolate does', () => {
  const row = (values: readonly number[]): Float32Array<ArrayBuffer> => Float32Array.from(values.flatMap((v) => [v, v, v, 1]));
  const input = { width: 3, height: 1, data: row([0.1, 0.2, 0.3]) };
  expect(resize(input, 5, 1, { filter: 'nearest' }).data).toEqual(row([0.1, 0.1, 0.2, 0.2, 0.3]));
  expect(resize({ width: 5, height: 1, data: row([0.1, 0.2, 0.3, 0.4, 0.5]) }, 3, 1, { filter: 'nearest' }).data).toEqual(
    row([0.1, 0.2, 0.4]),
  );
});
