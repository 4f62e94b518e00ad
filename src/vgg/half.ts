// IEEE 754 binary16 to and from binary32, on bit patterns, so that signalling NaNs and signed zeros
// survive. It knows nothing about files or networks. The GPU never sees these numbers: weights are
// widened before they are uploaded.

/**
 * Widens binary16 bit patterns to float32. Exact for every one of the 65,536 patterns, NaN payloads
 * included.
 */
export function widenHalf(half: Uint16Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(half.length);
  const bits = new Uint32Array(result.buffer);
  for (let i = 0; i < half.length; i++) {
    const h = half[i]!;
    const sign = (h & 0x8000) << 16;
    const exponent = (h >>> 10) & 0x1f;
    const fraction = h & 0x3ff;
    if (exponent === 0x1f) bits[i] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent !== 0) bits[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else if (fraction === 0) bits[i] = sign;
    else {
      // A subnormal half is a normal float32: shift the leading one up to the hidden bit.
      const shift = Math.clz32(fraction) - 21;
      bits[i] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    }
  }
  return result;
}

/**
 * Rounds float32 values to binary16 bit patterns: to nearest, ties to even; magnitudes from 65,520
 * up become infinity, below 2^-25 (and 2^-25 itself, a tie) signed zero.
 */
export function narrowToHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = narrowBits(bits[i]!);
  return result;
}

function narrowBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) {
    if (fraction === 0) return sign | 0x7c00;
    // A NaN whose payload is cut to nothing must stay a NaN.
    return sign | 0x7c00 | (fraction >>> 13 || 0x200);
  }
  const halfExponent = exponent - 112;
  if (halfExponent >= 0x1f) return sign | 0x7c00;
  if (halfExponent < -10) return sign;
  const shift = halfExponent > 0 ? 13 : 14 - halfExponent;
  const significand = halfExponent > 0 ? fraction : fraction | 0x800000;
  const kept = (halfExponent > 0 ? halfExponent << 10 : 0) | (significand >>> shift);
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  // Adding one may carry into the exponent: that is the next representable number, up to infinity.
  return sign | (rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept);
}

/** Widens bfloat16 bit patterns (the upper half of a float32) to float32. Exact. */
export function widenBfloat(half: Uint16Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(half.length);
  const bits = new Uint32Array(result.buffer);
  for (let i = 0; i < half.length; i++) bits[i] = half[i]! << 16;
  return result;
}
