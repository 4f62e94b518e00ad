// Small problems whose gradients the host computes in float64, and a driver that plays one against an optimiser on the
// GPU: gradient up, one update, values back.

import { expect } from 'vitest';
import { createBuffer, destroyBuffer } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import type { Optimizer, Parameter } from '../../src/optim/index.ts';
import { randomValues } from '../check.ts';
import type { OracleOptimizer } from '../oracle/optim.ts';

/** A function to minimise, from a start. */
export interface Problem {
  readonly start: Float32Array;
  readonly evaluate: (x: ArrayLike<number>) => { loss: number; gradient: Float64Array };
}

/** ½ Σ λ (x − c)², λ spread evenly in the logarithm from 1 to `condition`. */
export function quadratic(size: number, condition: number, scale = 1): Problem {
  const center = randomValues(size, 1);
  return {
    start: randomValues(size, 2),
    evaluate: (x) => {
      let loss = 0;
      const gradient = center.reduce((g, c, i) => {
        const lambda = scale * condition ** (((i * 7919) % size) / Math.max(1, size - 1));
        const off = x[i]! - c;
        loss += 0.5 * lambda * off * off;
        g[i] = lambda * off;
        return g;
      }, new Float64Array(size));
      return { loss, gradient };
    },
  };
}

/** Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])²: a curved valley, where pairs of negative curvature occur. */
export function rosenbrock(size: number): Problem {
  return {
    start: Float32Array.from({ length: size }, (_, i) => 0.3 * ((i * 7) % 5) - 0.5),
    evaluate: (x) => {
      let loss = 0;
      const gradient = new Float64Array(size);
      for (let i = 0; i + 1 < size; i++) {
        const bend = x[i + 1]! - x[i]! ** 2;
        const left = 1 - x[i]!;
        loss += 100 * bend * bend + left * left;
        gradient[i]! -= 400 * x[i]! * bend + 2 * left;
        gradient[i + 1]! += 200 * bend;
      }
      return { loss, gradient };
    },
  };
}

/** Σ (x² − 1)²/4 from near the hill at 0: curvature is negative there, positive in the wells at ±1. */
export function doubleWell(size: number): Problem {
  return {
    start: randomValues(size, 3).map((v) => 0.02 * v),
    evaluate: (x) => {
      const values = Float64Array.from(x);
      const loss = values.reduce((sum, v) => sum + (v * v - 1) ** 2 / 4, 0);
      return { loss, gradient: values.map((v) => v * (v * v - 1)) };
    },
  };
}

/** What stands behind a parameter that is played: numbers that an update would change, as it would no NaN. */
const BEHIND = new Float32Array(64).fill(1);

/** Buffers of a parameter with `size` floats; their padding holds zeros, and behind it stands `behind`. */
export function makeParameter(
  device: GPUDevice,
  size: number,
  behind: Float32Array<ArrayBuffer> = new Float32Array(),
): Parameter & { readonly destroy: () => void } {
  const end = endOf(size);
  const value = createBuffer(device, 'test/value', end + behind.byteLength);
  const gradient = createBuffer(device, 'test/gradient', end + behind.byteLength);
  for (const buffer of [value, gradient]) device.queue.writeBuffer(buffer, end, behind);
  const destroy = (): void => [value, gradient].forEach(destroyBuffer);
  return { value, gradient, floats: size, destroy };
}

/** Bytes of `size` floats as vec4s. */
function endOf(size: number): number {
  return 16 * Math.ceil(size / 4);
}

/** Records and submits one update. */
export function update(device: GPUDevice, optimizer: Optimizer): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  optimizer.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

/** Values after each update, `values[0]` being the start, and the loss at each. */
export interface Trace {
  readonly values: readonly Float32Array[];
  readonly losses: readonly number[];
  /** The average of the iterates at the end, where one is kept. */
  readonly average: Float32Array;
}

/** `steps` updates on the GPU; `before` is called ahead of each. `cuts` are the floats of each parameter; default: one has all. */
export async function play(
  device: GPUDevice,
  problem: Problem,
  steps: number,
  make: (parameter: Parameter, all: readonly Parameter[]) => Optimizer,
  before?: (step: number, optimizer: Optimizer) => void,
  cuts: readonly number[] = [problem.start.length],
): Promise<Trace> {
  const parameters = cuts.map((floats) => makeParameter(device, floats, BEHIND));
  const optimizer = make(parameters[0]!, parameters);
  await optimizer.ready;
  const write = (name: 'value' | 'gradient', values: Float32Array): void => {
    let at = 0;
    for (const parameter of parameters) {
      device.queue.writeBuffer(parameter[name], 0, values.slice(at, (at += parameter.floats)) as Float32Array<ArrayBuffer>);
    }
  };
  const read = async (buffers: readonly GPUBuffer[]): Promise<Float32Array> => {
    const bands = await Promise.all(buffers.map((buffer, i) => readBuffer(device, buffer, 0, cuts[i]! * 4)));
    return Float32Array.from(bands.flatMap((bytes) => [...new Float32Array(bytes)]));
  };
  write('value', problem.start);
  const values: Float32Array[] = [problem.start];
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    before?.(step, optimizer);
    const { loss, gradient } = problem.evaluate(values[step]!);
    losses.push(loss);
    write('gradient', Float32Array.from(gradient));
    update(device, optimizer);
    values.push(await read(parameters.map(({ value }) => value)));
  }
  for (const [i, { value }] of parameters.entries()) {
    const behind = await readBuffer(device, value, endOf(cuts[i]!), BEHIND.byteLength);
    expect(new Float32Array(behind), 'what lies behind a parameter').toEqual(BEHIND);
  }
  const average = await read(optimizer.average ?? []);
  optimizer.destroy();
  for (const parameter of parameters) parameter.destroy();
  return { values, losses, average };
}

/** The oracle's own run: losses before each update. */
export function playOracle(problem: Problem, steps: number, oracle: OracleOptimizer): number[] {
  const x = Float64Array.from(problem.start);
  return Array.from({ length: steps }, () => {
    const { loss, gradient } = problem.evaluate(x);
    oracle.step(x, gradient);
    return loss;
  });
}

/**
 * Where the oracle goes from each x that the GPU was at, with the gradients that the GPU was given: the largest error
 * of a value in each step, relative to the RMS of that step. Rounding of x is allowed for: a value near 1 cannot move
 * by less than 1e-7.
 */
export function stepErrors(problem: Problem, { values }: Trace, oracle: OracleOptimizer): number[] {
  return values.slice(1).map((now, step) => {
    const before = values[step]!;
    const { gradient } = problem.evaluate(before);
    const x = Float64Array.from(before);
    oracle.step(x, Float32Array.from(gradient));
    let worst = 0;
    let square = 0;
    for (let i = 0; i < x.length; i++) {
      const wanted = x[i]! - before[i]!;
      const rounding = 1.2e-7 * Math.abs(now[i]!);
      const difference = Math.abs(now[i]! - before[i]! - wanted) - rounding;
      worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
      square += wanted * wanted;
    }
    return worst / (Math.sqrt(square / x.length) || 1);
  });
}
