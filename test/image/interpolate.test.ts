import { describe, expect, it } from 'vitest';
import { interpolated } from '../../src/image/interpolate.ts';
import { randomValues } from '../check.ts';
import { interpolateOracle } from '../oracle/interpolate.ts';

/** What PyTorch 1.13.1 gives for torch.nn.functional.interpolate(x, size, mode=…, align_corners=False), x of [2, 3] in float64. */
const X = [0.3, -0.7, 0.5, 1, 0.2, -0.4];
const TORCH: Record<'bicubic' | 'bilinear', Record<string, readonly number[]>> = {
  bicubic: {
    '5x3': [
      0.33690277777777794, -0.25315, -0.7781249999999998, -0.02135, 0.7083250000000001, 0.7363999999999997, 0.2792, -0.25,
      -0.13119999999999984, 0.07880000000000006, 1.1358972222222221, 0.8115500000000003, 0.27812500000000023, -0.2410499999999993,
      -0.5507250000000005,
    ],
    '2x1': [0.435546875, -0.04960937500000002],
  },
  bilinear: {
    '5x3': [0.3, -0.1, -0.7, 0.02, 0.5, 0.65, 0.29, -0.25, -0.07, 0.05, 1, 0.68, 0.2, -0.16, -0.4],
    '2x1': [0.425, -0.025],
  },
};

describe.each(['bicubic', 'bilinear'] as const)('interpolation as PyTorch has it, %s', (mode) => {
  it('knows the values of PyTorch, and so does the double sum', () => {
    for (const [size, wanted] of Object.entries(TORCH[mode])) {
      const [width, height] = size.split('x').map(Number) as [number, number];
      const data = Float32Array.from(X.flatMap((value) => [value, 2 * value, -value, 1]));
      const got = interpolated(data, { width: 3, height: 2 }, { width, height }, mode);
      const oracle = interpolateOracle(X, 3, 2, width, height, mode);
      wanted.forEach((value, i) => {
        expect(oracle[i]).toBeCloseTo(value, 12);
        for (const [c, factor] of [1, 2, -1].entries()) expect(got[4 * i + c]).toBeCloseTo(factor * value, 6);
        expect(got[4 * i + 3]).toBeCloseTo(1, 6);
      });
    }
  });

  it.each([[7, 5, 10, 7], [16, 13, 24, 20], [9, 8, 4, 3], [1, 1, 3, 2], [1, 6, 1, 9], [2, 5, 5, 5]])(
    '%ix%i to %ix%i equals the double sum',
    (width, height, toWidth, toHeight) => {
      const data = randomValues(4 * width * height, 1);
      const got = interpolated(data, { width, height }, { width: toWidth, height: toHeight }, mode);
      for (let c = 0; c < 4; c++) {
        const plane = Array.from({ length: width * height }, (_, i) => data[4 * i + c]!);
        interpolateOracle(plane, width, height, toWidth, toHeight, mode).forEach((value, i) => expect(got[4 * i + c]).toBeCloseTo(value, 6));
      }
    },
  );
});
