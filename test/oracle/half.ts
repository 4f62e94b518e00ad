// Numbers of 16 bits, written as their definitions read: IEEE half floats, and bfloat16, the upper half of an f32.

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The nearest number with `bits` of precision and exponents from `least` up, ties to even. */
function nearest(x: number, bits: number, least: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), least);
  const step = 2 ** (exponent - bits + 1);
  return roundHalfEven(x / step) * step;
}

/** The nearest half float; what is larger than the largest becomes that. */
export function toF16(x: number): number {
  return Math.max(-65504, Math.min(65504, nearest(x, 11, -14)));
}

/** The nearest bfloat16. */
export function toBf16(x: number): number {
  return nearest(x, 8, -126);
}

/** The value of 16 bits of a half float. */
export function f16Of(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The value of 16 bits of a bfloat16. */
export function bf16Of(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
}

/** The 16 bits whose value is `x`, found by trying: `of` is one of the above. */
export function bitsOf(of: (bits: number) => number): (x: number) => number {
  const table = new Map<number, number>();
  for (let bits = 0xffff; bits >= 0; bits--) table.set(of(bits), bits);
  return (x) => {
    const bits = table.get(x);
    if (bits === undefined) throw new Error(`${x} is no number of 16 bits`);
    return bits;
  };
}
