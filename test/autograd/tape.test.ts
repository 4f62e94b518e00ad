// The tape as a whole: gradients through graphs, folding, memory, replay, errors. Ops have tests of their own.

import { describe, expect, it } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { createBuffer, destroyBuffer, memoryUse } from '../../src/gpu/buffers.ts';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';

// A few f32 operations an element.
const TOLERANCE = 1e-6;

const SHAPE = [5, 7, 3];
const COUNT = 105;

async function withTape(use: (tape: Tape) => Promise<void> | void): Promise<void> {
  const tape = new Tape(await testDevice());
  try {
    await use(tape);
  } finally {
    tape.destroy();
  }
}

/** Compiles, runs once and reads the gradients. */
async function gradients(tape: Tape, loss: Tensor, wrt: readonly Tensor[]): Promise<Float32Array[]> {
  const program = tape.compile(loss, wrt);
  await program.run();
  const read: Float32Array[] = [];
  for (const x of wrt) read.push(await program.gradient(x));
  program.destroy();
  return read;
}

function sumOfSquares(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, v) => sum + v * v, 0);
}

describe('gradients', () => {
  it('of a tensor that is used several times are added up', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 1);
      const x = tape.variable(SHAPE, data);
      const squares = tape.sum(tape.square(x));
      const products = tape.sum(tape.mul(x, tape.scale(x, 3)));
      const positive = tape.sum(tape.relu(x));
      const [g] = await gradients(tape, tape.add(tape.add(squares, products), positive), [x]);
      expect(relativeError(g!, data.map((v) => 8 * v + (v > 0 ? 1 : 0)))).toBeLessThan(TOLERANCE);
    });
  });

  it('of one tensor in both places of an op are added up', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 2);
      const x = tape.variable(SHAPE, data);
      const [g] = await gradients(tape, tape.sum(tape.mul(x, x)), [x]);
      expect(relativeError(g!, data.map((v) => 2 * v))).toBeLessThan(TOLERANCE);
    });
  });

  it('exist for intermediate results, alone and beside the variables above them', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 3);
      const x = tape.variable(SHAPE, data);
      const y = tape.scale(x, 3);
      const loss = tape.sum(tape.square(y));
      for (const wrt of [[y], [x, y], [y, x]]) {
        const got = await gradients(tape, loss, wrt);
        wrt.forEach((t, i) => {
          const factor = t === y ? 6 : 18;
          expect(relativeError(got[i]!, data.map((v) => factor * v))).toBeLessThan(TOLERANCE);
        });
      }
    });
  });

  it('of the loss itself and of a constant exist too', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 4);
      const k = tape.constant(SHAPE, data);
      const loss = tape.sum(tape.square(k));
      const [one, g] = await gradients(tape, loss, [loss, k]);
      expect([...one!]).toEqual([1]);
      expect(relativeError(g!, data.map((v) => 2 * v))).toBeLessThan(TOLERANCE);
    });
  });

  it('flow through a diamond of many paths once per path', async () => {
    await withTape(async (tape) => {
      // y ← y + 0.5 y, ten times: dy/dx = 1.5¹⁰ along 2¹⁰ paths.
      const x = tape.variable([3], [1, -2, 0.5]);
      let y = x;
      for (let i = 0; i < 10; i++) y = tape.add(y, tape.scale(y, 0.5));
      const [g] = await gradients(tape, tape.sum(y), [x]);
      expect(relativeError(g!, [0, 0, 0].map(() => 1.5 ** 10))).toBeLessThan(TOLERANCE);
    });
  });

  it('that nobody asked for are not computed', async () => {
    await withTape((tape) => {
      const x = tape.variable(SHAPE);
      const k = tape.variable(SHAPE);
      const loss = tape.sum(tape.square(tape.mul(x, tape.tanh(k))));
      const counts = [[], [x], [k], [x, k]].map((wrt) => {
        const program = tape.compile(loss, wrt);
        program.destroy();
        return program.cost.dispatches;
      });
      expect(counts[0]).toBeLessThan(counts[1]!);
      expect(counts[1]).toBeLessThan(counts[2]!); // tanh is differentiated for k only
      expect(counts[2]).toBeLessThan(counts[3]!);
    });
  });
});

describe('constants', () => {
  it('are folded: what depends on them alone runs once, and again after a write', async () => {
    const device = await testDevice();
    await withTape(async (tape) => {
      const k = tape.constant(SHAPE, randomValues(COUNT, 5));
      const x = tape.variable(SHAPE, new Float32Array(COUNT).fill(1));
      const loss = tape.sum(tape.mul(x, tape.square(tape.square(k))));
      const program = tape.compile(loss, [x]);
      const plain = tape.compile(tape.sum(tape.mul(x, k)), [x]);
      expect(program.cost.dispatches).toBe(plain.cost.dispatches);
      await program.run();
      const fourth = randomValues(COUNT, 5).map((v) => v ** 4);
      expect(relativeError(await program.gradient(x), fourth)).toBeLessThan(TOLERANCE);

      // Behind the tape's back: nothing is folded anew, so the results stay.
      const zeros = new Float32Array(k.buffer!.size / 4);
      device.queue.writeBuffer(k.buffer!, 0, zeros);
      await program.run();
      expect(relativeError(await program.gradient(x), fourth)).toBeLessThan(TOLERANCE);

      const other = randomValues(COUNT, 6);
      tape.write(k, other);
      for (let run = 0; run < 2; run++) {
        await program.run();
        const expected = other.map((v) => v ** 4);
        expect(relativeError(await program.gradient(x), expected)).toBeLessThan(TOLERANCE);
      }
      program.destroy();
      plain.destroy();
    });
  });

  it('written between the runs of two programs reach both', async () => {
    await withTape(async (tape) => {
      const k = tape.constant([1], [2]);
      const x = tape.variable([1], [1]);
      const programs = [tape.mul(x, tape.square(k)), tape.mul(x, tape.scale(k, 10))].map((y) => ({
        y,
        program: tape.compile(y),
      }));
      for (const value of [2, 3, 4]) {
        tape.write(k, [value]);
        const got: number[] = [];
        for (const { y, program } of programs) {
          await program.run();
          got.push((await program.read(y))[0]!);
        }
        expect(got).toEqual([value * value, 10 * value]);
      }
      programs.forEach(({ program }) => program.destroy());
    });
  });
});

describe('programs', () => {
  it('of one tape share variables and nothing else', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 7);
      const x = tape.variable(SHAPE, data);
      const y = tape.square(x);
      const a = tape.compile(tape.sum(y), [x]);
      const b = tape.compile([tape.sum(tape.scale(y, 10)), y], [x]);
      await Promise.all([a.run(), b.run()]);
      expect(relativeError(await a.gradient(x), data.map((v) => 2 * v))).toBeLessThan(TOLERANCE);
      expect(relativeError(await b.gradient(x), data.map((v) => 20 * v))).toBeLessThan(TOLERANCE);
      a.destroy();
      const next = randomValues(COUNT, 8);
      tape.write(x, next);
      await b.run();
      expect(relativeError(await b.read(y), next.map((v) => v * v))).toBeLessThan(TOLERANCE);
      expect(relativeError(await b.gradient(x), next.map((v) => 20 * v))).toBeLessThan(TOLERANCE);
      b.destroy();
    });
  });

  it('read what they kept, and compute the rest for whoever looks', async () => {
    await withTape(async (tape) => {
      const data = randomValues(COUNT, 9);
      const x = tape.variable(SHAPE, data);
      const y = tape.square(x);
      const loss = tape.sum(tape.scale(y, 2));
      const program = tape.compile(loss);
      await program.run();
      expect(await program.read(x)).toEqual(data);
      expect(relativeError(await program.read(loss), [2 * sumOfSquares(data)])).toBeLessThan(TOLERANCE);
      expect(relativeError(await program.read(y), data.map((v) => v * v))).toBeLessThan(TOLERANCE);
      expect(() => program.buffer(y)).toThrow(/not kept/);
      expect(program.buffer(x)).toBe(x.buffer);
      program.destroy();
    });
  });

  it("record into a caller's encoder and never submit", async () => {
    const device = await testDevice();
    await withTape(async (tape) => {
      const x = tape.variable([4], [1, 2, 3, 4]);
      const y = tape.square(x);
      const program = tape.compile(y);
      await program.ready;
      const encoder = device.createCommandEncoder();
      program.encode(encoder);
      tape.write(x, [2, 2, 2, 2]);
      const commands = encoder.finish();
      device.queue.submit([commands]);
      expect([...(await program.read(y))]).toEqual([4, 4, 4, 4]);
      program.destroy();
    });
  });

  it('of a variable alone have nothing to do', async () => {
    await withTape(async (tape) => {
      const x = tape.variable([2, 3], [1, 2, 3, 4, 5, 6]);
      const program = tape.compile(x);
      await program.run();
      expect(program.cost).toEqual({ dispatches: 0, flops: 0, bytes: 0, arenaBytes: 0 });
      expect([...(await program.read(x))]).toEqual([1, 2, 3, 4, 5, 6]);
      program.destroy();
    });
  });

  it('give the same bytes in every run and when compiled again', async () => {
    await withTape(async (tape) => {
      const x = tape.variable([31, 33, 5], randomValues(31 * 33 * 5, 10));
      const pooled = tape.maxPool(tape.pad(x, 2, 'reflect'), { size: 3, stride: 2 });
      const up = tape.upsample(tape.avgPool(x, { size: 3, stride: 1 }), 2, { mode: 'bilinear' });
      const loss = tape.add(tape.sum(tape.square(pooled)), tape.mean(tape.tanh(up)));
      const seen: Float32Array[] = [];
      for (let compiled = 0; compiled < 2; compiled++) {
        const program = tape.compile(loss, [x]);
        for (let run = 0; run < 2; run++) {
          await program.run();
          seen.push(await program.gradient(x), await program.read(loss));
        }
        program.destroy();
      }
      for (let i = 2; i < seen.length; i++) expect(seen[i]).toEqual(seen[i % 2]);
    });
  });
});

describe('memory', () => {
  it('returns to what it was when programs and tape are destroyed', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    const tape = new Tape(device);
    const x = tape.variable(SHAPE, randomValues(COUNT, 11));
    const loss = tape.sum(tape.square(tape.tanh(tape.scale(x, 2))));
    const programs = [tape.compile(loss, [x]), tape.compile(loss)];
    for (const program of programs) await program.run();
    await programs[0]!.gradient(x);
    expect(memoryUse(device).bytes).toBeGreaterThan(before);
    programs.forEach((program) => {
      program.destroy();
      program.destroy(); // twice is harmless
    });
    tape.destroy();
    expect(memoryUse(device).bytes).toBe(before);
  });

  it('stays the same over 1,000 runs', async () => {
    const device = await testDevice();
    await withTape(async (tape) => {
      const x = tape.variable(SHAPE, randomValues(COUNT, 12));
      const program = tape.compile(tape.sum(tape.square(tape.maxPool(x))), [x]);
      await program.run();
      const { bytes, peakBytes } = memoryUse(device);
      for (let run = 0; run < 1000; run++) await program.run();
      expect(memoryUse(device)).toEqual({ bytes, peakBytes });
      program.destroy();
    });
  });

  it('of one variable can be given back early; a borrowed buffer is never destroyed', async () => {
    const device = await testDevice();
    const lent = createBuffer(device, 'test', 16);
    device.queue.writeBuffer(lent, 0, Float32Array.of(1, 2, 3, 0));
    const before = memoryUse(device).bytes;
    await withTape(async (tape) => {
      const x = tape.variable([3], lent);
      const y = tape.square(x);
      const program = tape.compile(y);
      await program.run();
      expect([...(await program.read(y))]).toEqual([1, 4, 9]);
      program.destroy();
      tape.release(x);
      const large = tape.variable([1000]);
      expect(memoryUse(device).bytes).toBe(before + 4000);
      tape.release(large);
      expect(memoryUse(device).bytes).toBe(before);
    });
    expect([...new Float32Array(await readBuffer(device, lent))]).toEqual([1, 2, 3, 0]);
    destroyBuffer(lent);
  });

  it('that is shared changes no result: the same bytes as when every value is kept', async () => {
    await withTape(async (tape) => {
      const x = tape.variable([17, 19, 3], randomValues(17 * 19 * 3, 14));
      const values: Tensor[] = [];
      let y: Tensor = x;
      for (const [layer, [from, to]] of ([[3, 8], [8, 12], [12, 5]] as const).entries()) {
        const k = tape.constant([3, 3, from, to], randomValues(9 * from * to, 15 + layer));
        for (const op of [
          (t: Tensor) => tape.conv2d(t, k, { padding: 'reflect' }),
          (t: Tensor) => tape.tanh(t),
          (t: Tensor) => (layer === 1 ? tape.maxPool(t) : tape.concat([t, tape.square(t)])),
          (t: Tensor) => tape.slice(t, [0, 0, 0], [t.shape[0]!, t.shape[1]!, to]),
        ]) {
          y = op(y);
          values.push(y);
        }
      }
      const loss = tape.add(tape.mean(tape.square(y)), tape.mean(tape.gram(values[0]!)));
      const shared = tape.compile(loss, [x]);
      const apart = tape.compile([loss, ...values], [x, ...values]);
      expect(shared.cost.arenaBytes).toBeLessThan(apart.cost.arenaBytes / 1.5);
      for (const program of [shared, apart]) await program.run();
      expect(await shared.read(loss)).toEqual(await apart.read(loss));
      expect(await shared.gradient(x)).toEqual(await apart.gradient(x));
      shared.destroy();
      apart.destroy();
    });
  });

  it('is shared by values that do not live together', async () => {
    await withTape((tape) => {
      let y = tape.variable([64, 64, 4]);
      for (let i = 0; i < 20; i++) y = tape.scale(y, 1.1);
      const program = tape.compile(y);
      expect(program.cost.arenaBytes).toBe(2 * 64 * 64 * 16);
      expect(program.cost.dispatches).toBe(20);
      program.destroy();
    });
  });
});

describe('errors', () => {
  it('say what was given and what to do, before anything reaches the GPU', async () => {
    await withTape(async (tape) => {
      const x = tape.variable([4], [1, 2, 3, 4]);
      const stranger = tape.variable([4], undefined, 'stranger');
      const y = tape.square(x);
      const loss = tape.sum(y);
      expect(() => tape.compile(y, [x])).toThrow(/tape\.compile.*scalar loss, got shape \[4\].*tape\.sum/);
      expect(() => tape.compile(loss, [stranger])).toThrow(/does not depend on stranger \[4\]/);
      expect(() => tape.variable([4], [1, 2, 3])).toThrow(/tape\.variable: got 3 values for shape \[4\], need 4/);
      expect(() => tape.write(x, [1])).toThrow(/tape\.write: got 1 values/);
      expect(() => tape.write(y, [1, 2, 3, 4])).toThrow(/is computed/);
      expect(() => tape.constant([0], [])).toThrow(/positive whole numbers/);
      expect(() => tape.variable([1, 2, 3, 4, 5])).toThrow(/one to four/);
      expect(() => tape.variable([2.5])).toThrow(/positive whole numbers/);
      const program = tape.compile(loss, [x]);
      await program.run();
      await expect(program.gradient(y)).rejects.toThrow(/no gradient of .* was compiled/);
      program.destroy();
      await expect(program.run()).rejects.toThrow(/was destroyed/);
      await expect(program.read(loss)).rejects.toThrow(/was destroyed/);
    });
  });

  it('tell of variables that were released too early', async () => {
    await withTape(async (tape) => {
      const x = tape.variable([4], [1, 2, 3, 4], 'x');
      const program = tape.compile(tape.square(x));
      await program.run();
      tape.release(x);
      await expect(program.run()).rejects.toThrow(/x was released/);
      await expect(program.read(x)).rejects.toThrow(/x was released/);
      const before = memoryUse(tape.device).bytes;
      expect(() => tape.compile(tape.square(x))).toThrow(/tape\.compile: x was released/);
      expect(memoryUse(tape.device).bytes).toBe(before);
      program.destroy();
    });
  });

  it('are of one class, with a code', async () => {
    const device = await testDevice();
    await withTape((tape) => {
      const attempts: [() => unknown, string][] = [
        [() => tape.variable([]), 'bad-option'],
        [() => tape.variable([5], createSmall(device)), 'bad-option'],
        [() => tape.variable([65535, 65535, 4]), 'limit-exceeded'],
      ];
      for (const [attempt, code] of attempts) {
        let error: unknown;
        try {
          attempt();
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(WgpuStyleError);
        expect(error).toMatchObject({ code, where: expect.any(String), fix: expect.any(String) });
      }
    });
  });

  it('leave the tape usable, and no memory behind', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    await withTape(async (tape) => {
      const x = tape.variable([16], randomValues(16, 13));
      // An arena that cannot be: the pad alone is far beyond every limit.
      const row = tape.reshape(x, [1, 16, 1]);
      const huge = tape.pad(tape.square(row), [65535, 0, 65535, 0]);
      expect(() => tape.compile(tape.pad(huge, [0, 65535, 0, 0]))).toThrow(/a buffer of .* is needed/);
      const program = tape.compile(tape.sum(x), [x]);
      await program.run();
      expect([...(await program.gradient(x))]).toEqual(new Array(16).fill(1));
      program.destroy();
    });
    expect(memoryUse(device).bytes).toBe(before);
  });
});

function createSmall(device: GPUDevice): GPUBuffer {
  const buffer = createBuffer(device, 'test', 16);
  destroyBuffer(buffer);
  return buffer;
}
