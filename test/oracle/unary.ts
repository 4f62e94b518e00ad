// Elementwise functions in float64 with their derivatives.

export interface Function1 {
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

export const relu: Function1 = { value: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) };
export const tanh: Function1 = { value: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 };
export const square: Function1 = { value: (x) => x * x, slope: (x) => 2 * x };
export const abs: Function1 = { value: Math.abs, slope: Math.sign };
export const reciprocal: Function1 = { value: (x) => 1 / x, slope: (x) => -1 / x ** 2 };

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
export const sigmoid: Function1 = { value: logistic, slope: (x) => logistic(x) * (1 - logistic(x)) };

export function scale(factor: number): Function1 {
  return { value: (x) => factor * x, slope: () => factor };
}

/** 1 / √(x + ε). */
export function rsqrt(epsilon: number): Function1 {
  return { value: (x) => 1 / Math.sqrt(x + epsilon), slope: (x) => -0.5 * (x + epsilon) ** -1.5 };
}
