import { describe, expect, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import { randomValues, relativeError } from '../check.ts';
import { folded, runKernel } from '../run-kernel.ts';
import { unary } from '../../src/autograd/ops/unary.ts';
import type { Tape, Tensor } from '../../src/autograd/index.ts';
import { elementsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import type { Dispatch } from '../../src/gpu/dispatch.ts';
import { unaryBackward, unaryForward } from '../../src/kernels/unary.ts';
import * as reference from '../oracle/unary.ts';

// WGSL lets tanh and exp be off by a few units in the last place, and more near zero.
const TOLERANCE = 5e-6;

const SHAPES: readonly Shape[] = [[1], [5], [1, 1, 3], [2, 7, 4], [9, 31, 60], [8, 7, 68], [3, 3, 5, 7]];

const CASES: {
  readonly name: string;
  readonly build: (tape: Tape, x: Tensor) => Tensor;
  readonly f: reference.Function1;
  /** Spread and centre of the values; default 4 around 0. */
  readonly values?: readonly [number, number];
}[] = [
  { name: 'relu', build: (tape, x) => tape.relu(x), f: reference.relu },
  // Not far into saturation, where 1 − y² has few digits left.
  { name: 'tanh', build: (tape, x) => tape.tanh(x), f: reference.tanh, values: [2, 0] },
  { name: 'sigmoid', build: (tape, x) => tape.sigmoid(x), f: reference.sigmoid },
  { name: 'square', build: (tape, x) => tape.square(x), f: reference.square },
  { name: 'abs', build: (tape, x) => tape.abs(x), f: reference.abs },
  { name: 'scale', build: (tape, x) => tape.scale(x, -1.75), f: reference.scale(-1.75) },
  { name: 'reciprocal', build: (tape, x) => unary(tape, 'reciprocal', x), f: reference.reciprocal, values: [1, 1.5] },
  { name: 'rsqrt', build: (tape, x) => unary(tape, 'rsqrt', x, 0.5), f: reference.rsqrt(0.5), values: [1, 1] },
];

describe('functions of one tensor', () => {
  for (const { name, build, f, values: [spread, centre] = [4, 0] } of CASES) {
    for (const shape of SHAPES) {
      it(`${name} of ${showShape(shape)}: value and gradient`, async () => {
        await checkOp({
          inputs: [shape],
          values: [randomValues(elementsOf(shape), 5).map((v) => v * spread + centre)],
          build: (tape, x) => build(tape, x!),
          forward: (x) => Float64Array.from(x!, f.value),
          backward: (dY, x) => [Float64Array.from(x!, (v, i) => f.slope(v) * dY[i]!)],
          tolerance: TOLERANCE,
        });
      });
    }
  }

  it('tanh and sigmoid saturate without overflowing, relu and abs are flat at 0', async () => {
    const edges = Float32Array.of(-1e30, -200, -90, -16, 0, 16, 90, 200, 1e30, 0, -0, 0);
    for (const name of ['tanh', 'sigmoid', 'relu', 'abs'] as const) {
      // The values around 1e30 would drown the rest of relu's and abs's.
      const x = name === 'relu' || name === 'abs' ? edges.map((v) => Math.sign(v)) : edges;
      await checkOp({
        inputs: [[4, 3]],
        values: [x],
        build: (tape, t) => tape[name](t!),
        forward: (t) => Float64Array.from(t!, reference[name].value),
        backward: (dY, t) => [Float64Array.from(t!, (v, i) => reference[name].slope(v) * dY[i]!)],
        tolerance: TOLERANCE,
      });
    }
  });

  // Vectors that fill no last group of 64, in grids of one dimension and of two.
  for (const shape of [[9, 31, 60], [2, 7, 3]] as const) {
    for (const isFolded of [false, true]) {
      const fold = <B>(dispatch: Dispatch<B>): Dispatch<B> => (isFolded ? folded(dispatch) : dispatch);
      it(`relu and its gradient over ${showShape(shape)} in a ${isFolded ? 'folded' : 'straight'} grid, and nothing behind`, async () => {
        const params = { op: 'relu', shape } as const;
        const [x, dY] = [randomValues(elementsOf(shape), 1), randomValues(elementsOf(shape), 2)];
        const y = await runKernel([{ shape, data: x }], shape, ([a], b) => fold(unaryForward(params, { x: a!, y: b })));
        expect(relativeError(y, Float64Array.from(x, reference.relu.value))).toBe(0);
        const inputs = [y, dY].map((data) => ({ shape, data }));
        const dX = await runKernel(inputs, shape, ([saved, g], b) => fold(unaryBackward(params, { saved: saved!, dY: g!, dX: b }, false)));
        expect(relativeError(dX, Float64Array.from(x, (v, i) => reference.relu.slope(v) * dY[i]!))).toBe(0);
      });
    }
  }
});
