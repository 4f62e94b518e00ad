import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { elementsOf } from '../../src/kernels/shape.ts';
import { upsampleBackward, upsampledShape, upsampleForward } from '../../src/kernels/upsample.ts';
import { checkOp } from '../autograd/check-op.ts';
import { dot, randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import * as reference from '../oracle/upsample.ts';
import { runKernel } from '../run-kernel.ts';

// Three interpolations, or up to 100 weighted terms in f32.
const TOLERANCE = 3e-6;

const CASES: [[number, number, number], [number, number]][] = [
  [[1, 1, 3], [2, 2]],
  [[2, 7, 4], [2, 2]],
  [[8, 9, 5], [3, 2]],
  [[1, 31, 64], [2, 1]],
  [[7, 2, 68], [4, 5]],
  [[9, 8, 1], [1, 1]],
];

describe('upsampling', () => {
  for (const mode of ['nearest', 'bilinear'] as const) {
    for (const [shape, factor] of CASES) {
      const g = { shape, factor, mode };
      it(`${mode}, [${shape.join(', ')}] by ${factor.join('x')}: value, gradient, adjoint`, async () => {
        await checkOp({
          inputs: [shape],
          build: (tape, x) => tape.upsample(x, factor, { mode }),
          forward: (x) => reference.upsample(g, x),
          backward: (dY) => [reference.upsampleBackward(g, dY)],
          tolerance: TOLERANCE,
        });
        const large = upsampledShape(g);
        const x = randomValues(elementsOf(shape), 1);
        const u = randomValues(elementsOf(large), 2);
        const y = await runKernel([{ shape, data: x }], large, ([a], b) => upsampleForward(g, { x: a!, y: b }));
        const back = await runKernel([{ shape: large, data: u }], shape, ([a], b) =>
          upsampleBackward(g, { dY: a!, dX: b }, false),
        );
        expect(Math.abs(dot(y, u) - dot(x, back)) / Math.sqrt(dot(y, y) * dot(u, u))).toBeLessThan(TOLERANCE);
      });
    }
  }

  it('nearest, an infinite gradient reaches the one pixel that it comes from', async () => {
    const g = { shape: [3, 4, 1], factor: [2, 3], mode: 'nearest' } as const;
    const dY = new Float32Array(6 * 12).fill(1);
    dY[12 * 3 + 7] = Infinity; // of pixel (1, 2)
    const got = await runKernel([{ shape: [6, 12, 1], data: dY }], g.shape, ([a], dX) => upsampleBackward(g, { dY: a!, dX }, false));
    expect([...got]).toEqual(Array.from({ length: 12 }, (_, i) => (i === 4 + 2 ? Infinity : 6)));
  });

  it('knows the two-fold enlargement of two pixels by heart', async () => {
    // torch.nn.functional.interpolate([1, 2], scale_factor=2, mode='linear', align_corners=False)
    const tape = new Tape(await testDevice());
    const y = tape.upsample(tape.constant([1, 2, 1], [1, 2]), [1, 2], { mode: 'bilinear' });
    const program = tape.compile(y);
    await program.run();
    expect([...(await program.read(y))]).toEqual([1, 1.25, 1.75, 2]);
    program.destroy();
    tape.destroy();
  });

  it('says what is wrong with a factor or a mode', async () => {
    const tape = new Tape(await testDevice());
    const x = tape.variable([4, 5, 3]);
    expect(() => tape.upsample(x, 0)).toThrow(/tape\.upsample.*factor is 0/);
    expect(() => tape.upsample(x, 1.5)).toThrow(/whole number/);
    expect(() => tape.upsample(x, 2, { mode: 'cubic' as 'nearest' })).toThrow(/unknown mode "cubic"/);
    expect(() => tape.upsample(tape.variable([4]), 2)).toThrow(/height, width, channels/);
    tape.destroy();
  });
});
