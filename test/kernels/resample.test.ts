import { describe, expect, it } from 'vitest';
import { tapsOf, type Taps } from '../../src/image/taps.ts';
import { prepareTexels, resampleCost, resampleForward, type ResampleParams } from '../../src/kernels/resample.ts';
import { randomValues } from '../check.ts';
import { resizeOracle } from '../oracle/resize.ts';
import { folded, runKernel, type Values } from '../run-kernel.ts';

const TOLERANCE = 2e-6;

/** The tables of an axis as a kernel takes them: integers by their bits. */
function tables(taps: readonly Taps[]): [Values, Values] {
  const weights = taps.flatMap((tap) => [...tap.weights]);
  let at = 0;
  const spans = taps.flatMap((tap) => [tap.first, (at += tap.weights.length) - tap.weights.length]);
  const bits = new Float32Array(Uint32Array.from([...spans, 0, at]).buffer);
  return [{ shape: [bits.length], data: bits }, { shape: [weights.length], data: weights }];
}

/** Each of four channels by itself. */
function oracle(x: ArrayLike<number>, [h, w]: readonly [number, number], [toH, toW]: readonly [number, number]): number[] {
  const output = new Array<number>(4 * toH * toW);
  for (let c = 0; c < 4; c++) {
    const plane = Array.from({ length: h * w }, (_, i) => x[4 * i + c]!);
    resizeOracle(plane, w, h, toW, toH, 'bicubic').forEach((value, i) => (output[4 * i + c] = value));
  }
  return output;
}

function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThan(TOLERANCE);
}

describe('resampling an axis', () => {
  it.each([[7, 5, 12], [4, 31, 9], [1, 2, 5], [3, 9, 1], [70, 6, 5]])('%i lines of %i samples to %i, across and down, folded too', async (lines, from, to) => {
    const x = randomValues(4 * lines * from, 1);
    const [spans, weights] = tables(tapsOf(from, to, 'bicubic'));
    for (const fold of [<T>(same: T): T => same, folded]) {
      const across: ResampleParams = { axis: 'across', width: to, rows: lines, begin: 0, end: from };
      const wide = await runKernel([{ shape: [lines, from, 4], data: x }, spans, weights], [lines, to, 4], ([a, s, w], y) =>
        fold(resampleForward(across, { x: a!, spans: s!, weights: w!, y })),
      );
      expectClose(wide, oracle(x, [lines, from], [lines, to]));
      const down: ResampleParams = { axis: 'down', width: lines, rows: to, begin: 0, end: from };
      const high = await runKernel([{ shape: [from, lines, 4], data: x }, spans, weights], [to, lines, 4], ([a, s, w], y) =>
        fold(resampleForward(down, { x: a!, spans: s!, weights: w!, y })),
      );
      expectClose(high, oracle(x, [from, lines], [to, lines]));
    }
  });

  it('goes on where it was begun: rows in pieces, into a part of a band whose other rows stay', async () => {
    const [width, from, to] = [3, 11, 7];
    const x = randomValues(4 * width * from, 2);
    const [spans, weights] = tables(tapsOf(from, to, 'bicubic'));
    const piece = (begin: number, end: number): Values => ({ shape: [end - begin, width, 4], data: x.subarray(4 * width * begin, 4 * width * end) });
    const old = randomValues(4 * width * 4, 3);
    // The band is rows 2 to 5; rows 3 and 4 are made, of input rows 1 to 10 in three pieces.
    const cuts = [[1, 5], [5, 6], [6, 11]] as const;
    const y = await runKernel(
      [spans, weights, ...cuts.map(([begin, end]) => piece(begin, end))],
      [4, width, 4],
      ([s, w, ...xs], output) =>
        cuts.map(([begin, end], i) =>
          resampleForward({ axis: 'down', width, rows: 2, first: 3, origin: 2, begin, end }, { x: xs[i]!, spans: s!, weights: w!, y: output }),
        ),
      old,
    );
    const row = 4 * width;
    expectClose(y.subarray(row, 3 * row), oracle(x, [from, width], [to, width]).slice(3 * row, 5 * row));
    expect([...y.subarray(0, row), ...y.subarray(3 * row)]).toEqual([...old.subarray(0, row), ...old.subarray(3 * row)]);
  });

  it('makes a picture only of what is whole', async () => {
    // One output row of two input rows, each weighing 1/2: 2 and 0.5 of a colour, alpha 1 and 0.
    const [spans, weights] = tables([{ first: 0, weights: Float64Array.of(0.5, 0.5) }]);
    const x = [2, -1, 0.5, 1, 0.5, 0, 0.25, 0];
    const finish = { light: false, alpha: true };
    const run = (end: number): Promise<Float32Array> =>
      runKernel([{ shape: [2, 1, 4], data: x }, spans, weights], [1, 1, 4], ([a, s, w], y) =>
        resampleForward({ axis: 'down', width: 1, rows: 1, begin: 0, end, finish }, { x: a!, spans: s!, weights: w!, y }),
      );
    expect([...(await run(1))]).toEqual([1, -0.5, 0.25, 0.5]);
    expect([...(await run(2))]).toEqual([1, 0, 0.75, 0.5]);
    const across = await runKernel([{ shape: [1, 2, 4], data: x }, spans, weights], [1, 1, 4], ([a, s, w], y) =>
      resampleForward({ axis: 'across', width: 1, rows: 1, begin: 0, end: 2, finish }, { x: a!, spans: s!, weights: w!, y }),
    );
    expect([...across]).toEqual([1, 0, 0.75, 0.5]);
  });
});

it('texels are prepared in place: light, colours times alpha, or both', async () => {
  const count = 331;
  const x = randomValues(4 * count, 4).map((v) => (v + 1) / 2);
  const linear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  for (const light of [false, true]) {
    for (const alpha of [false, true]) {
      for (const fold of [<T>(same: T): T => same, folded]) {
        const y = await runKernel([], [count, 4], (_, output) => fold(prepareTexels(count, { light, alpha }, output)), x);
        expectClose(y, x.map((v, i) => (i % 4 === 3 ? v : (light ? linear(v) : v) * (alpha ? x[i | 3]! : 1))));
      }
    }
  }
});

it('costs what it moves', () => {
  const across = resampleCost({ axis: 'across', width: 10, rows: 3, begin: 0, end: 40 });
  expect(across).toEqual({ flops: 32 * 120, bytes: 16 * 150 });
  expect(resampleCost({ axis: 'down', width: 10, rows: 8, begin: 2, end: 6 })).toEqual({ flops: 32 * 80, bytes: 16 * 120 });
});
