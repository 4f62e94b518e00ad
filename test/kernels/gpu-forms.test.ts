// What a real GPU would run, run here: tests have a software adapter, which is given other forms of the kernels. Kernel
// tests hold each form to float64; this holds whole graphs of GPU forms, with everything that is fused into them, to the
// same graphs of CPU forms, which are held to PyTorch (test/style/oracle.test.ts).

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { StyleSession, type StyleTransferOptions } from '../../src/index.ts';
import { asGpu } from '../as-gpu.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { picture, tinyNetwork } from '../style/setting.ts';

// Both sum up to 9 · 40 products and a few thousand pixels in f32, in different orders.
const TOLERANCE = 2e-5;

let gpu: GPUDevice;
let cpu: GPUDevice;
beforeAll(async () => {
  [gpu, cpu] = [await asGpu(), await testDevice()];
});

describe('GPU forms in a tape', () => {
  it('are chosen where the device is a GPU', () => {
    expect(new Tape(gpu).target).toEqual({ software: false, subgroupSize: undefined });
  });

  // 12 and 40 output channels: both tile widths of conv3x3, with part of a tile idle; 5: the run of registers.
  for (const [inner, outer] of [[12, 40], [40, 5], [5, 12]] as const) {
    it(`with ReLU, gates and accumulation fused, 3 → ${inner} → ${outer} channels`, async () => {
      const results = [];
      for (const device of [gpu, cpu]) {
        const tape = new Tape(device);
        const x = tape.variable([19, 21, 3], randomValues(19 * 21 * 3, 1));
        const k1 = tape.variable([3, 3, 3, inner], randomValues(27 * inner, 2));
        const b1 = tape.variable([inner], randomValues(inner, 3));
        const k2 = tape.variable([3, 3, inner, outer], randomValues(9 * inner * outer, 4));
        const hidden = tape.relu(tape.conv2d(x, k1, { bias: b1, padding: 'reflect' }));
        // Two readers of `hidden`: the convolution's backward pass adds to the Gram matrix's, then gates.
        const y = tape.relu(tape.conv2d(hidden, k2));
        const loss = tape.add(tape.meanSquared(tape.gram(hidden, 0.01)), tape.meanSquared(y));
        const wrt = [x, k1, b1, k2];
        const program = tape.compile(loss, wrt);
        await program.run();
        results.push([await program.read(loss), ...(await Promise.all(wrt.map((t) => program.gradient(t))))]);
        program.destroy();
        tape.destroy();
      }
      const [got, reference] = results as [Float32Array[], Float32Array[]];
      got.forEach((values, i) => expect(relativeError(values, reference[i]!)).toBeLessThan(TOLERANCE));
    });
  }
});

describe('gates and poolings through several blocks', () => {
  // A convolution that unpools as it loads writes the first term of a gradient that a Gram matrix completes and gates:
  // where each term goes is decided in two steps, which once disagreed.
  it('give the gradient of the same graph with nothing fused', async () => {
    for (const device of [gpu, cpu]) {
      const tape = new Tape(device);
      const x = tape.variable([19, 22, 3], randomValues(19 * 22 * 3, 1));
      const taps: Tensor[] = [];
      let y: Tensor = x;
      for (const [block, [cin, cout]] of ([[3, 8], [8, 12], [12, 8]] as const).entries()) {
        const weights = (from: number, seed: number): Tensor =>
          tape.constant([3, 3, from, cout], randomValues(9 * from * cout, seed).map((v) => v / 3));
        y = tape.relu(tape.conv2d(y, weights(cin, 10 * block + 2)));
        taps.push(y);
        y = tape.maxPool(tape.relu(tape.conv2d(y, weights(cout, 10 * block + 3))));
      }
      const terms = taps.map((tap, i) => {
        const c = tap.shape[2]!;
        return tape.meanSquared(tape.gram(tap, 0.01), tape.constant([c, c], randomValues(c * c, 40 + i)));
      });
      const total = tape.sum(tape.weigh([...terms, tape.meanSquared(y)], tape.constant([4], [1, 2, 3, 4])));
      const fused = tape.compile(total, [x]);
      // With every intermediate gradient asked for nothing can be joined or fused.
      const whole = tape.compile(total, [x, ...taps]);
      await fused.run();
      await whole.run();
      expect(fused.cost.dispatches).toBeLessThan(whole.cost.dispatches);
      expect(relativeError(await fused.gradient(x), await whole.gradient(x))).toBeLessThan(TOLERANCE);
      fused.destroy();
      whole.destroy();
      tape.destroy();
    }
  });
});

describe('GPU forms in style transfer', () => {
  let sessions: StyleSession[];
  beforeAll(async () => {
    const options: StyleTransferOptions = {
      content: picture(45, 37, 1),
      style: picture(38, 44, 2),
      network: tinyNetwork([[16, 20], [36, 40]]),
      recipe: 'gatys',
      contentLayers: { relu2_2: 1 },
      styleLayers: { relu1_1: 0.5, relu1_2: 0.5, relu2_1: 0.5, relu2_2: 0.5 },
      tvWeight: 1,
      size: 45,
    };
    sessions = [];
    for (const device of [gpu, cpu]) sessions.push(await StyleSession.create({ ...options, device }));
  });
  afterAll(() => sessions.forEach((session) => session.destroy()));

  it('give the losses and the gradient of the CPU forms', async () => {
    const [ours, theirs] = sessions as [StyleSession, StyleSession];
    const [losses, reference] = [await ours.evaluate(), await theirs.evaluate()];
    expect(Math.abs(losses.total / reference.total - 1)).toBeLessThan(TOLERANCE);
    expect(relativeError(await ours.gradient(), await theirs.gradient())).toBeLessThan(TOLERANCE);
  });

  it('go the same way for a few iterations of L-BFGS', async () => {
    const [ours, theirs] = sessions as [StyleSession, StyleSession];
    const [losses, reference] = [await ours.step(4), await theirs.step(4)];
    expect(Math.abs(losses.total / reference.total - 1)).toBeLessThan(1e-3); // the first steps amplify rounding
  });
});
