import { describe, expect, test } from 'vitest';
import {
  isOpaque,
  pixelsFromBytes,
  pixelsFromFloats,
  pixelsFromPlanar,
  pixelsToBytes,
  pixelsToPlanar,
} from '../../src/image/pixels.ts';

describe('pixelsFromBytes', () => {
  test('tells RGBA, RGB and gray by length', () => {
    expect(Array.from(pixelsFromBytes(1, 1, Uint8Array.of(255, 0, 51, 102)).data)).toEqual(
      [1, 0, 0.2, 0.4].map(Math.fround),
    );
    expect(Array.from(pixelsFromBytes(1, 1, Uint8Array.of(255, 0, 51)).data)).toEqual(
      [1, 0, 0.2, 1].map(Math.fround),
    );
    expect(Array.from(pixelsFromBytes(2, 1, Uint8ClampedArray.of(51, 0)).data)).toEqual(
      [0.2, 0.2, 0.2, 1, 0, 0, 0, 1].map(Math.fround),
    );
  });

  test('a wrong length says what was given and what is needed', () => {
    expect(() => pixelsFromBytes(3, 2, new Uint8Array(23), 'content')).toThrow(
      'content: data of the wrong length for 3x2 pixels: got 23 values, need 24 (RGBA), 18 (RGB) or 6 (gray). ' +
        'Check width and height, and that rows carry no padding.',
    );
  });

  test.each([
    [0, 5],
    [5, 0],
    [-1, 5],
    [1.5, 2],
    [NaN, 2],
  ])('refuses %d x %d', (width, height) => {
    expect(() => pixelsFromBytes(width, height, new Uint8Array(0))).toThrow(
      expect.objectContaining({
        code: 'bad-image',
        message: expect.stringMatching(/without area/),
      }),
    );
  });

  test('refuses more pixels than can be held', () => {
    expect(() => pixelsFromBytes(65536, 65536, new Uint8Array(4))).toThrow(
      /too many pixels: got 65536x65536/,
    );
  });
});

describe('pixelsFromFloats', () => {
  test('takes 0 to 1 and clamps what is a little outside', () => {
    expect(
      Array.from(pixelsFromFloats(2, 1, Float32Array.of(-0.1, 0.5, 1.2, 0, 0.25, 1)).data),
    ).toEqual([0, 0.5, 1, 1, 0, 0.25, 1, 1]);
  });

  test.each([
    [NaN, /got NaN at x 1, y 0, channel 2, need numbers from 0 to 1\. Remove NaN/],
    [Infinity, /got Infinity at x 1, y 0, channel 2.*Remove NaN and infinity/],
    [128, /got 128 at x 1, y 0, channel 2.*Divide 8-bit values by 255/],
  ])('refuses %d and says where it is', (value, message) => {
    const floats = new Float32Array(12);
    floats[5] = value;
    expect(() => pixelsFromFloats(2, 2, floats)).toThrow(
      expect.objectContaining({ code: 'bad-image', message: expect.stringMatching(message) }),
    );
  });
});

test('planar and back keeps everything', () => {
  const pixels = pixelsFromBytes(
    3,
    2,
    Uint8Array.from({ length: 24 }, (_, i) => 10 * i),
  );
  const planar = pixelsToPlanar(pixels);
  expect(planar.length).toBe(18);
  expect([planar[0], planar[6], planar[12]]).toEqual([
    pixels.data[0],
    pixels.data[1],
    pixels.data[2],
  ]);
  expect(pixelsFromPlanar(3, 2, planar, { alpha: pixels })).toEqual(pixels);
  expect(isOpaque(pixelsFromPlanar(3, 2, planar))).toBe(true);
  expect(() => pixelsFromPlanar(3, 3, planar)).toThrow(/got 18 values, need 3 x 3 x 3 = 27/);
  expect(() => pixelsFromPlanar(2, 3, planar, { alpha: pixels })).toThrow(/got 3x2, need 2x3/);
});

test('to bytes clamps and rounds to nearest, halves up', () => {
  const data = Float32Array.of(-1, 2, 0.5, 127.5 / 255, 0.49 / 255, 0.51 / 255, NaN, 1);
  expect(Array.from(pixelsToBytes({ width: 2, height: 1, data }))).toEqual([
    0, 255, 128, 128, 0, 1, 0, 255,
  ]);
});

test('every 8-bit value survives the way through floats', () => {
  const bytes = Uint8Array.from({ length: 256 * 4 }, (_, i) => i >> 2);
  expect(Array.from(pixelsToBytes(pixelsFromBytes(256, 1, bytes)))).toEqual(Array.from(bytes));
});
