import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { argsort, take } from '../../src/autograd/ops/sort.ts';
import { elementsOf, rowsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import { sortedRows, sortForward, sortPasses, takeBackward, takeForward } from '../../src/kernels/sort.ts';
import { checkOp } from '../autograd/check-op.ts';
import { dot, randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/sort.ts';
import { folded, runKernel } from '../run-kernel.ts';

/** One row to beyond four workgroups' memories. */
const SHAPES = [[1, 1, 3], [2, 1, 4], [3, 5], [7, 8, 60], [9, 31, 68], [512, 4], [513, 5], [31, 33, 7], [50, 61, 2]] as const;

/** Whole multiples of a quarter: most have equals. */
function quarters(shape: Shape, seed: number): Float32Array<ArrayBuffer> {
  return randomValues(elementsOf(shape), seed).map((v) => Math.round(8 * v) / 4);
}

async function placesOf(shape: Shape, values: Float32Array, mask?: readonly number[]): Promise<Float32Array> {
  const tape = new Tape(await testDevice());
  const inside = mask && tape.constant([...shape.slice(0, -1), 1], mask);
  const places = argsort(tape, tape.variable(shape, values), inside);
  const program = tape.compile(places);
  await program.run();
  const read = await program.read(places);
  tape.destroy();
  return read;
}

describe('sorted columns', () => {
  for (const shape of SHAPES) {
    const c = shape.at(-1)!;
    it(`of ${showShape(shape)}: places, equal values in the order of their rows`, async () => {
      const values = quarters(shape, 3);
      const places = await placesOf(shape, values);
      expect(Math.log2(places.length / c) % 1).toBe(0);
      expect(Float64Array.from(places.slice(0, values.length))).toEqual(reference.argsort(c, values));
    });

    it(`of ${showShape(shape)}: values and gradient, of all rows and of the first`, async () => {
      for (const count of new Set([rowsOf(shape), Math.ceil(rowsOf(shape) / 3)])) {
        const places = (x: Float32Array): Float64Array => reference.argsort(c, x);
        await checkOp({
          inputs: [shape],
          build: (tape, x) => take(tape, x!, argsort(tape, x!), count),
          forward: (x) => reference.take(c, count, x!, places(x!)),
          backward: (dY, x) => [reference.takeBackward(c, dY, places(x!))],
          tolerance: 5e-7, // moves are exact; in the middle of a graph 2.5·g + other is rounded once
        });
      }
    });
  }

  it.each([[[3, 5]], [[16, 4]], [[600, 18]], [[50, 61, 2]]])('of [%s]: the kernels by themselves in folded grids, and nothing behind', async (shape) => {
    const [c, rows] = [shape.at(-1)!, rowsOf(shape)];
    const count = Math.ceil(rows / 3);
    const values = quarters(shape, 7);
    const size = sortedRows({ shape });
    const places = await runKernel([{ shape, data: values }], [size, c], ([x], out, scratch) =>
      sortForward({ shape }, { x: x!, places: out }, scratch).map(folded));
    const want = reference.argsort(c, values);
    expect([...places.subarray(0, rows * c)]).toEqual([...want]);

    const found = { shape: [size, c], data: places };
    const taken = await runKernel([{ shape, data: values }, found], [count, c], ([x, at], y) =>
      folded(takeForward({ shape, count }, { x: x!, places: at!, y })));
    expect([...taken]).toEqual([...reference.take(c, count, values, want)]);
    const dY = randomValues(count * c, 8);
    for (const old of [undefined, randomValues(rows * c, 9)]) {
      const back = await runKernel([{ shape: [count, c], data: dY }, found], shape, ([d, at], dX) =>
        folded(takeBackward({ shape, count }, { places: at!, dY: d!, dX }, old !== undefined)), old);
      expect(relativeError(back, reference.takeBackward(c, dY, want).map((v, i) => v + (old?.[i] ?? 0)))).toBeLessThan(5e-7);
    }
  });

  it('the gradient is the transpose: <take x, u> = <x, gradient>', async () => {
    const tape = new Tape(await testDevice());
    const [c, rows, count] = [6, 700, 333];
    const values = randomValues(rows * c, 1);
    const x = tape.variable([rows, c], values);
    const u = randomValues(count * c, 2);
    const taken = take(tape, x, argsort(tape, x), count);
    const loss = tape.sum(tape.mul(taken, tape.constant([count, c], u)));
    const program = tape.compile([loss, taken], [x]);
    await program.run();
    const sides = [dot(await program.read(taken), u), dot(values, await program.gradient(x))];
    expect(Math.abs(sides[0]! / sides[1]! - 1)).toBeLessThan(1e-10);
    tape.destroy();
  });

  it('pixels outside of a mask come behind those within', async () => {
    const shape = [29, 31, 5];
    const values = quarters(shape, 4);
    const mask = Array.from(randomValues(29 * 31, 5), (v) => (v > 0.2 ? 1 : 0));
    const inside = [...mask.keys()].filter((row) => mask[row]! > 0);
    const places = await placesOf(shape, values, mask);
    const some = Float64Array.from(inside.flatMap((row) => [...values.subarray(row * 5, row * 5 + 5)]));
    const expected = reference.argsort(5, some).map((i) => inside[i]!);
    expect(Float64Array.from(places.slice(0, expected.length))).toEqual(expected);
  });

  it('what is not finite comes last, and every row still has one place', async () => {
    const values = randomValues(700, 6);
    values.set([NaN, Infinity, -Infinity, -NaN], 10);
    const places = [...(await placesOf([700, 1], values))];
    expect(places.slice(696, 700)).toEqual([10, 11, 12, 13]);
    expect(places.sort((a, b) => a - b)).toEqual([...places.keys()]);
  });

  it('passes are a bitonic network: what is far apart is compared one stride at a time', () => {
    expect(sortPasses(1)).toEqual([{ kind: 'blocks', run: 1 }]);
    expect(sortPasses(512)).toEqual([{ kind: 'blocks', run: 512 }]);
    expect(sortPasses(2048)).toEqual([
      { kind: 'blocks', run: 512 },
      { kind: 'compare', run: 1024, stride: 512 },
      { kind: 'merge', run: 1024 },
      { kind: 'compare', run: 2048, stride: 1024 },
      { kind: 'compare', run: 2048, stride: 512 },
      { kind: 'merge', run: 2048 },
    ]);
    expect(sortPasses(65536)).toHaveLength(36);
  });

  it('says what is wrong with shapes and counts', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([5, 4]);
    expect(() => argsort(tape, tape.variable([4]))).toThrow(/argsort.*\[4\]/);
    expect(() => argsort(tape, x, tape.variable([4, 1]))).toThrow(/argsort mask.*\[4, 1\]/);
    expect(() => take(tape, x, tape.variable([4, 4]))).toThrow(/take.*\[4, 4\]/);
    expect(() => take(tape, x, argsort(tape, x), 6)).toThrow(/take count.*6/);
    tape.destroy();
  });
});
