import { describe, expect, it } from 'vitest';
import type { Dispatch } from '../../src/gpu/dispatch.ts';
import { affineBackward, affineForward } from '../../src/kernels/affine.ts';
import { elementsOf, showShape, type Shape } from '../../src/kernels/shape.ts';
import { randomValues, relativeError } from '../check.ts';
import { folded, runKernel } from '../run-kernel.ts';

// Two roundings an element.
const TOLERANCE = 1e-6;

// The last has as many vec4s as there are threads in its groups.
const SHAPES: readonly Shape[] = [[1, 1, 3], [7, 9, 5], [9, 31, 68], [32, 4]];

describe('shift and scale per channel, by itself', () => {
  for (const shape of SHAPES) {
    const c = shape.at(-1)!;
    const x = randomValues(elementsOf(shape), 1);
    const center = randomValues(c, 2);
    const gain = randomValues(c, 3);
    const old = randomValues(elementsOf(shape), 4);

    for (const isFolded of [false, true]) {
      const fold = <B>(dispatch: Dispatch<B>): Dispatch<B> => (isFolded ? folded(dispatch) : dispatch);
      it(`of ${showShape(shape)} in a ${isFolded ? 'folded' : 'straight'} grid, and nothing behind`, async () => {
        const inputs = [{ shape, data: x }, { shape: [c], data: center }, { shape: [c], data: gain }];
        const got = await runKernel(inputs, shape, (io, y) =>
          fold(affineForward(shape, { x: io[0]!, center: io[1]!, gain: io[2]!, y })),
        );
        expect(relativeError(got, x.map((v, i) => (v - center[i % c]!) * gain[i % c]!))).toBeLessThan(TOLERANCE);

        for (const before of [undefined, old]) {
          const back = await runKernel([inputs[0]!, inputs[2]!], shape, (io, dX) =>
            fold(affineBackward(shape, { gain: io[1]!, dY: io[0]!, dX }, before !== undefined)), before);
          const want = x.map((v, i) => v * gain[i % c]! + (before?.[i] ?? 0));
          expect(relativeError(back, want)).toBeLessThan(TOLERANCE);
        }
      });
    }
  }
});
