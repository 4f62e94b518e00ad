// Programs that keep activations and their gradients in 16 bits.

import { beforeAll, describe, expect, it } from 'vitest';
import { Tape, type Program, type Tensor } from '../../src/autograd/index.ts';
import { randomValues, relativeError } from '../check.ts';
import { asGpu } from '../as-gpu.ts';
import { testDevice } from '../device.ts';

type Storage = 'f32' | 'f16';

interface Ran {
  readonly terms: Float32Array;
  readonly gradient: Float32Array;
  readonly cost: Program['cost'];
}

/** A small network with everything that one iteration has: blocks, poolings, Gram matrices, a content term. */
function record(tape: Tape, x: Tensor, pooling: 'max' | 'average', scale = 1): { terms: Tensor; loss: Tensor } {
  const weights = (ci: number, co: number, seed: number): Tensor => {
    const values = randomValues(9 * ci * co, seed).map((v) => v * Math.sqrt(6 / (9 * ci)));
    return tape.constant([3, 3, ci, co], values);
  };
  const target = (shape: readonly number[], seed: number, size: number): Tensor => {
    return tape.constant(shape, randomValues(shape.reduce((a, b) => a * b), seed).map((v) => v * size));
  };
  const pool = (y: Tensor): Tensor => (pooling === 'max' ? tape.maxPool(y) : tape.avgPool(y));
  const [h, w] = x.shape as [number, number, number];
  const first = tape.relu(tape.conv2d(x, weights(3, 16, 11)));
  const second = pool(tape.relu(tape.conv2d(first, weights(16, 16, 12))));
  const third = tape.relu(tape.conv2d(second, weights(16, 32, 13)));
  const last = tape.relu(tape.conv2d(pool(tape.relu(tape.conv2d(third, weights(32, 32, 14)))), weights(32, 32, 15)));
  const terms = tape.weigh(
    [
      tape.meanSquared(last, target(last.shape, 5, 1)),
      tape.meanSquared(tape.gram(first, 1 / (h * w * 16)), target([16, 16], 6, 0.1)),
      tape.meanSquared(tape.gram(third, 4 / (h * w * 32)), target([32, 32], 7, 0.1)),
    ],
    tape.constant([3], [scale, 10 * scale, 10 * scale]),
  );
  return { terms, loss: tape.sum(terms) };
}

async function run(device: GPUDevice, storage: Storage, pooling: 'max' | 'average', scale = 1): Promise<Ran> {
  const tape = new Tape(device, { storage });
  const x = tape.variable([34, 38, 3], randomValues(34 * 38 * 3, 1));
  const { terms, loss } = record(tape, x, pooling, scale);
  const program = tape.compile([loss, terms], [x]);
  await program.run();
  const ran = { terms: await program.read(terms), gradient: await program.gradient(x), cost: program.cost };
  program.destroy();
  tape.destroy();
  return ran;
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0];
  b.forEach((v, i) => {
    difference += (a[i]! - v) ** 2;
    size += v * v;
  });
  return Math.sqrt(difference / size);
}

describe.each(['CPU', 'GPU'])('16 bits in %s forms', (kind) => {
  let device: GPUDevice;
  beforeAll(async () => {
    device = kind === 'GPU' ? await asGpu() : await testDevice();
  });

  it.each(['max', 'average'] as const)('losses within 1 per mille, gradients within a tenth, %s pooling', async (pooling) => {
    const full = await run(device, 'f32', pooling);
    const halves = await run(device, 'f16', pooling);
    expect(halves.terms).not.toEqual(full.terms);
    expect(relativeError(halves.terms, full.terms)).toBeLessThan(1e-3);
    // Rounding flips the sign of one ReLU's argument in some thousands, and each flip moves a gradient: 5 % were seen.
    expect(distance(halves.gradient, full.gradient)).toBeLessThan(0.1);
    expect(halves.cost.dispatches).toBe(full.cost.dispatches);
    expect(halves.cost.flops).toBe(full.cost.flops);
    const saved = (full.cost.arenaBytes - halves.cost.arenaBytes) / (full.cost.arenaBytes - full.cost.foldedBytes);
    expect(saved).toBeGreaterThan(0.4);
    expect(halves.cost.bytes).toBeLessThan(0.7 * full.cost.bytes);
  });

  it('gradients keep the range of f32', async () => {
    const whole = await run(device, 'f16', 'max');
    const tiny = await run(device, 'f16', 'max', 2 ** -60);
    expect(distance(tiny.gradient.map((v) => v * 2 ** 60), whole.gradient)).toBeLessThan(1e-5);
  });
});

it('what is asked for stays f32, also where it is in the middle', async () => {
  const device = await testDevice();
  const results = [];
  for (const storage of ['f32', 'f16'] as const) {
    const tape = new Tape(device, { storage });
    const x = tape.variable([12, 12, 3], randomValues(432, 1));
    const k = tape.constant([3, 3, 3, 8], randomValues(216, 2));
    const k2 = tape.constant([3, 3, 8, 8], randomValues(576, 3));
    const y = tape.conv2d(x, k);
    const z = tape.conv2d(y, k2);
    const loss = tape.meanSquared(z);
    const program = tape.compile([loss, y], [x, y]);
    await program.run();
    results.push([await program.read(y), await program.gradient(y), await program.read(z)]);
    program.destroy();
    tape.destroy();
  }
  const [full, halves] = results as [Float32Array[], Float32Array[]];
  expect(halves[0]).toEqual(full[0]);
  expect(relativeError(halves[2]!, full[2]!)).toBeLessThan(2e-3); // computed anew, of a y in 16 bits
  expect(halves[1]).not.toEqual(full[1]);
  expect(relativeError(halves[1]!, full[1]!)).toBeLessThan(0.01);
});

it('a graph that only other ops touch is computed as in f32', async () => {
  const device = await testDevice();
  const results = [];
  for (const storage of ['f32', 'f16'] as const) {
    const tape = new Tape(device, { storage });
    const x = tape.variable([8, 8, 4], randomValues(256, 1));
    const program = tape.compile([tape.mean(tape.tanh(tape.mul(tape.square(x), x)))], [x]);
    await program.run();
    results.push(await program.gradient(x));
    program.destroy();
    tape.destroy();
  }
  expect(results[1]).toEqual(results[0]);
});

it('another storage is refused', async () => {
  const device = await testDevice();
  expect(() => new Tape(device, { storage: 'bf16' as 'f16' })).toThrow(/Tape storage/);
});
