// Memory and errors of the tape: what is given back, what stays the same, what is refused.

import { describe, expect, it } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { createBuffer, destroyBuffer, memoryUse } from '../../src/gpu/buffers.ts';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { COUNT, SHAPE, withTape } from './with-tape.ts';

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
