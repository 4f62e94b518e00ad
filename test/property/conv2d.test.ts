// Convolutions of random shape: any kernel, stride, dilation, padding and mode; value and all three gradients, also in the
// middle of a graph, against the float64 loops. WGPU_STYLE_GRAPHS=50000 tries more of them.

import { describe, it } from 'vitest';
import { checkOp } from '../autograd/check-op.ts';
import * as oracle from '../oracle/conv2d.ts';
import { columnSum } from '../oracle/reduce.ts';
import { randomGeometry } from './convolutions.ts';
import { forEachSeed } from './dice.ts';

const COUNT = Math.ceil(Number(process.env['WGPU_STYLE_GRAPHS'] ?? 1000) / 10);

// As in test/autograd/conv2d.test.ts; where strides leave most of a gradient zero its RMS is small beside its terms.
const TOLERANCE = 1e-4;

describe(`${COUNT} random convolutions`, () => {
  it('have the values and the gradients of the definition', { timeout: 60_000 + 400 * COUNT }, async () => {
    await forEachSeed(COUNT, 'test/property/conv2d.test.ts', async (dice) => {
      const sides = [1, 2, 3, 7, 8, 9, 13, 17];
      const image = [dice.pick(sides), dice.pick(sides), dice.pick([1, 3, 4, 5, 8, 20, 36])] as const;
      const g = randomGeometry(dice, image, 36);
      const { stride, dilation, pad, mode } = g;
      await checkOp({
        inputs: [[...image], [...g.kernel, g.cin, g.cout], [g.cout]],
        build: (tape, x, k, bias) => tape.conv2d(x!, k!, { bias, stride, dilation, pad, padding: mode }),
        forward: (x, k, bias) => oracle.conv2d(g, x!, k!, bias),
        backward: (dY, x, k) => [
          oracle.conv2dBackwardData(g, dY, k!),
          oracle.conv2dBackwardWeights(g, x!, dY),
          columnSum(g.cout, dY),
        ],
        tolerance: TOLERANCE,
      });
    });
  });
});
