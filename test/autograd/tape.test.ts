// The tape as a whole: gradients through graphs, folding, memory, replay, errors. Ops have tests of their own.

import { describe, expect, it } from 'vitest';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { COUNT, gradients, SHAPE, sumOfSquares, withTape } from './with-tape.ts';

// A few f32 operations an element.
const TOLERANCE = 1e-6;

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
      expect(program.cost).toEqual({ dispatches: 0, flops: 0, bytes: 0, arenaBytes: 0, foldedBytes: 0 });
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
