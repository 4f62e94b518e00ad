import { describe, expect, test } from 'vitest';
import { narrowToHalf, widenBfloat, widenHalf } from '../../src/vgg/half.ts';

/** The value of a half, from the definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
const finite = Array.from(all)
  .map((bits) => ({ bits, value: halfValue(bits) }))
  .filter(({ value, bits }) => Number.isFinite(value) && (value !== 0 || bits === 0));

describe('float16', () => {
  test('all 65,536 halfs widen to their value', () => {
    const wide = widenHalf(all);
    const wrong = Array.from(all).filter((bits) => !Object.is(wide[bits], halfValue(bits)));
    expect(wrong).toEqual([]);
  });

  test('all 65,536 halfs come back bit for bit, NaN payloads and signed zeros included', () => {
    expect(narrowToHalf(widenHalf(all))).toEqual(all);
  });

  test('numbers between two halfs go to the nearer one, ties to the even one, everywhere', () => {
    const sorted = finite.toSorted((a, b) => a.value - b.value);
    const inputs: number[] = [];
    const expected: number[] = [];
    for (let i = 0; i + 1 < sorted.length; i++) {
      const [low, high] = [sorted[i]!, sorted[i + 1]!];
      const middle = (low.value + high.value) / 2;
      const quarter = (high.value - low.value) / 4;
      const even = low.bits % 2 === 0 ? low : high;
      inputs.push(middle - quarter, middle, middle + quarter);
      expected.push(low.value, even.value, high.value);
    }
    const got = widenHalf(narrowToHalf(Float32Array.from(inputs)));
    const wrong = inputs.filter(
      (_, i) => got[i] !== expected[i] && !(got[i] === 0 && expected[i] === 0),
    );
    expect(wrong).toEqual([]);
  });

  test('the edges of the range: overflow at 65,520, underflow at 2^-25, signs kept', () => {
    const edges = [
      65504,
      65519.996,
      65520,
      -65520,
      1e38,
      2 ** -25,
      2 ** -25 * 1.0001,
      -(2 ** -26),
      -0,
    ];
    const got = Array.from(narrowToHalf(Float32Array.from(edges)));
    expect(got).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00, 0, 1, 0x8000, 0x8000]);
  });

  test('a NaN whose payload lies below the cut stays a NaN', () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff801fff).buffer);
    expect(Array.from(narrowToHalf(nan))).toEqual([0x7e00, 0xfe00]);
  });

  test('views into a larger buffer are read at their own offset', () => {
    const values = Float32Array.of(9, 1, -2, 9);
    expect(Array.from(narrowToHalf(values.subarray(1, 3)))).toEqual([0x3c00, 0xc000]);
  });
});

test('bfloat16 widens by sixteen zero bits', () => {
  expect(Array.from(widenBfloat(Uint16Array.of(0x3f80, 0xc020, 0x0000)))).toEqual([1, -2.5, 0]);
});
