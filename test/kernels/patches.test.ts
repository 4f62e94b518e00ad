import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { argmax, patchDistance } from '../../src/autograd/ops/patches.ts';
import { nearestForward } from '../../src/kernels/patches.ts';
import { showShape } from '../../src/kernels/shape.ts';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/patches.ts';
import { folded, runKernel } from '../run-kernel.ts';

describe('argmax', () => {
  for (const [rows, n] of [[1, 1], [2, 3], [7, 4], [9, 5], [64, 31], [65, 60], [300, 68], [5, 1030]] as const) {
    it(`of ${rows} rows of ${n}: values and indices`, async () => {
      // All below zero: the zeros that pad a row must not win.
      const values = [randomValues(rows * n, n).map((v) => v - 1.5)];
      await checkOp({
        inputs: [[rows, n]],
        values,
        build: (tape, x) => tape.add(argmax(tape, x!), tape.scale(tape.slice(tape.concat([x!, x!], 1), [0, 0], [rows, 2]), 0)),
        forward: (x) => reference.argmax(n, x!),
        backward: (_, x) => [new Float64Array(x!.length)],
        tolerance: 1e-7,
      });
    });

    it(`of ${rows} rows of ${n}: the kernel by itself in a folded grid, and nothing behind`, async () => {
      const data = randomValues(rows * n, n).map((v) => v - 1.5);
      const got = await runKernel([{ shape: [rows, n], data }], [rows, 2], ([x], best) =>
        folded(nearestForward({ shape: [rows, n], first: 0 }, { x: x!, best })));
      expect([...got]).toEqual([...reference.argmax(n, data)]);
    });
  }

  it('in parts is the same, and the first of equals wins across them', async () => {
    const tape = new Tape(await testDevice());
    const rows = 37;
    const x = randomValues(rows * 12, 3).map((v) => Math.round(3 * v)); // many equals
    const whole = argmax(tape, tape.constant([rows, 12], x));
    const part = (from: number, size: number): ReturnType<Tape['constant']> => tape.slice(tape.constant([rows, 12], x), [0, from], [rows, size]);
    const first = argmax(tape, part(0, 5));
    const both = argmax(tape, part(5, 7), { first: 5, before: first });
    const program = tape.compile([whole, both]);
    await program.run();
    expect(await program.read(both)).toEqual(await program.read(whole));
    expect([...(await program.read(whole))]).toEqual([...reference.argmax(12, x)]);
    tape.destroy();
  });
});

describe('the distance of patches to their matches', () => {
  for (const shape of [[3, 3, 1], [3, 7, 4], [8, 9, 5], [9, 3, 60], [31, 8, 68]] as const) {
    it(`of ${showShape(shape)}: value and gradient`, async () => {
      const [h, w, c] = shape;
      const count = (h - 2) * (w - 2);
      // Two maps of other sizes, one after the other.
      const maps = [[4, 6, c], [5, 3, c]] as const;
      const data = maps.map(([mh, mw], i) => randomValues(mh * mw * c, 40 + i));
      const patches = maps.flatMap((map, i) => reference.patchesOf(map, data[i]!));
      const table = maps.flatMap(([mh, mw], i) =>
        Array.from({ length: (mh - 2) * (mw - 2) }, (_, k) => [24 * i + Math.floor(k / (mw - 2)) * mw + (k % (mw - 2)), mw]),
      );
      const index = Array.from({ length: count }, (_, p) => (7 * p + 3) % patches.length);
      const matches = index.map((k) => patches[k]!);
      const weight = randomValues(count, 50).map((v) => v + 1);
      await checkOp({
        inputs: [shape],
        build: (tape, x) =>
          patchDistance(
            tape,
            x!,
            {
              source: tape.constant([39, c], [...data[0]!, ...data[1]!]),
              table: tape.constant([patches.length, 2], table.flat()),
              best: tape.constant([h - 2, w - 2, 2], index.flatMap((k) => [0, k])),
              weight: tape.constant([h - 2, w - 2, 1], weight),
            },
            0.5,
          ),
        forward: (x) => Float64Array.of(0.5 * reference.patchDistance(shape, x!, matches, weight)),
        backward: (dY, x) => [reference.patchDistanceBackward(shape, x!, matches, weight, 0.5 * dY[0]!)],
        tolerance: 2e-6,
      });
    });
  }

  it('says what is wrong with shapes', async () => {
    const tape = new Tape(await testDevice());
    const of = (...shape: number[]): ReturnType<Tape['variable']> => tape.variable(shape);
    const matches = { source: of(9, 4), table: of(1, 2), best: of(1, 1, 2), weight: of(1, 1, 1) };
    expect(() => patchDistance(tape, of(3, 2, 4), matches)).toThrow(/patchDistance.*\[3, 2, 4\]/);
    expect(() => patchDistance(tape, of(3, 3, 5), matches)).toThrow(/\[9, 4\]/);
    expect(() => argmax(tape, of(4, 5), { before: of(3, 2) })).toThrow(/before.*\[3, 2\]/);
    tape.destroy();
  });
});
