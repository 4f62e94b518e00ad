// Per-channel normalisations in float64: x has rows of c values.

export function normalize(x: ArrayLike<number>, mean: ArrayLike<number>, std: ArrayLike<number>): Float64Array {
  const c = mean.length;
  return Float64Array.from(x, (v, i) => (v - mean[i % c]!) / std[i % c]!);
}

/** dX, dMean, dStd. */
export function normalizeBackward(
  dY: ArrayLike<number>,
  x: ArrayLike<number>,
  mean: ArrayLike<number>,
  std: ArrayLike<number>,
): [Float64Array, Float64Array, Float64Array] {
  const c = mean.length;
  const dX = new Float64Array(x.length);
  const dMean = new Float64Array(c);
  const dStd = new Float64Array(c);
  for (let i = 0; i < x.length; i++) {
    const k = i % c;
    dX[i] = dY[i]! / std[k]!;
    dMean[k]! -= dY[i]! / std[k]!;
    dStd[k]! -= (dY[i]! * (x[i]! - mean[k]!)) / std[k]! ** 2;
  }
  return [dX, dMean, dStd];
}

/** Mean and 1 / √(σ² + ε) of each channel, the biased variance as in PyTorch. */
function statistics(c: number, epsilon: number, x: ArrayLike<number>): { mean: Float64Array; inverse: Float64Array } {
  const rows = x.length / c;
  const mean = new Float64Array(c);
  const variance = new Float64Array(c);
  for (let i = 0; i < x.length; i++) mean[i % c]! += x[i]! / rows;
  for (let i = 0; i < x.length; i++) variance[i % c]! += (x[i]! - mean[i % c]!) ** 2 / rows;
  return { mean, inverse: variance.map((v) => 1 / Math.sqrt(v + epsilon)) };
}

export function instanceNorm(
  epsilon: number,
  x: ArrayLike<number>,
  scale: ArrayLike<number>,
  bias: ArrayLike<number>,
): Float64Array {
  const c = scale.length;
  const { mean, inverse } = statistics(c, epsilon, x);
  return Float64Array.from(x, (v, i) => (v - mean[i % c]!) * inverse[i % c]! * scale[i % c]! + bias[i % c]!);
}

/** dX, dScale, dBias (Ioffe and Szegedy 2015, section 3, with pixels as the batch). */
export function instanceNormBackward(
  epsilon: number,
  dY: ArrayLike<number>,
  x: ArrayLike<number>,
  scale: ArrayLike<number>,
): [Float64Array, Float64Array, Float64Array] {
  const c = scale.length;
  const rows = x.length / c;
  const { mean, inverse } = statistics(c, epsilon, x);
  const dScale = new Float64Array(c);
  const dBias = new Float64Array(c);
  for (let i = 0; i < x.length; i++) {
    dScale[i % c]! += dY[i]! * (x[i]! - mean[i % c]!) * inverse[i % c]!;
    dBias[i % c]! += dY[i]!;
  }
  const dX = Float64Array.from(x, (v, i) => {
    const k = i % c;
    const normal = (v - mean[k]!) * inverse[k]!;
    return scale[k]! * inverse[k]! * (dY[i]! - dBias[k]! / rows - (normal * dScale[k]!) / rows);
  });
  return [dX, dScale, dBias];
}
