// Weights with swapped channel axes, as the definition reads.

/** k [kh, kw, ci, co] → [kh, kw, co, ci]; with `flip` both kernel axes run backwards. */
export function permuteWeights(
  [kh, kw, ci, co]: readonly [number, number, number, number],
  k: ArrayLike<number>,
  flip: boolean,
): Float64Array {
  const out = new Float64Array(kh * kw * ci * co);
  for (let y = 0; y < kh; y++)
    for (let x = 0; x < kw; x++)
      for (let i = 0; i < ci; i++)
        for (let o = 0; o < co; o++) {
          const [ty, tx] = flip ? [kh - 1 - y, kw - 1 - x] : [y, x];
          out[((ty * kw + tx) * co + o) * ci + i] = k[((y * kw + x) * ci + i) * co + o]!;
        }
  return out;
}
