import { describe, expect, it } from 'vitest';
import { permuteWeights } from '../../src/kernels/permute.ts';
import { elementsOf } from '../../src/kernels/shape.ts';
import { randomValues } from '../check.ts';
import { permuteWeights as reference } from '../oracle/permute.ts';
import { runKernel } from '../run-kernel.ts';

const SHAPES: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [3, 3, 3, 64],
  [3, 3, 68, 5],
  [2, 5, 60, 7],
  [9, 1, 4, 4],
];

describe('weights with swapped channels', () => {
  for (const shape of SHAPES) {
    for (const flip of [false, true]) {
      it(`[${shape.join(', ')}]${flip ? ', rotated' : ''}: moves every value, changes none`, async () => {
        const [kh, kw, ci, co] = shape;
        const data = randomValues(elementsOf(shape), 1);
        const expected = Float32Array.from(reference(shape, data, flip));
        const swapped = [kh, kw, co, ci];
        const got = await runKernel([{ shape, data }], swapped, ([x], y) =>
          permuteWeights({ shape, flip }, { x: x!, y }),
        );
        expect(got).toEqual(expected);
        const old = randomValues(data.length, 2);
        const added = await runKernel(
          [{ shape, data }],
          swapped,
          ([x], y) => permuteWeights({ shape, flip }, { x: x!, y }, true),
          old,
        );
        expect(added).toEqual(expected.map((v, i) => v + old[i]!));
      });
    }
  }
});
