// Winograd on the tape: where a table of measurements asks for it, a graph computes the same by it.

import { describe, expect, it } from 'vitest';
import { Tape } from '../../src/autograd/index.ts';
import { conv2dCandidates, conv2dClass, type Conv2dParams } from '../../src/kernels/conv2d.ts';
import { kernelTarget } from '../../src/kernels/target.ts';
import { rememberTuning } from '../../src/kernels/tuning.ts';
import { randomValues, relativeError } from '../check.ts';
import { freshDevice } from '../device.ts';

const SIDE = 22;
const CHANNELS = [24, 32, 28] as const;
const storage = { read: () => undefined, write: () => undefined };

function paramsOf(side: number, ci: number, co: number): Conv2dParams {
  return {
    input: [side, side, ci], output: [side, side, co], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1],
    mode: 'zero',
  };
}

const [c0, c1, c2] = CHANNELS;
const LAYERS = [paramsOf(SIDE, c0, c1), paramsOf(SIDE / 2, c1, c2)];

/** Loss, gradient and dispatches of convolution, ReLU, pooling, convolution, ReLU, Gram loss. */
async function run(
  device: GPUDevice,
): Promise<{ loss: number; gradient: Float32Array; dispatches: number }> {
  const tape = new Tape(device);
  const x = tape.variable([SIDE, SIDE, c0], randomValues(SIDE * SIDE * c0, 1));
  const [w1, w2] = LAYERS.map(({ input, output }, i) =>
    tape.constant([3, 3, input[2], output[2]], randomValues(9 * input[2] * output[2], 2 + i).map((v) => v / 12)),
  );
  const bias = tape.constant([c1], randomValues(c1, 5));
  const a = tape.maxPool(tape.relu(tape.conv2d(x, w1!, { bias })));
  const b = tape.relu(tape.conv2d(a, w2!));
  const target = tape.constant([c2, c2], randomValues(c2 * c2, 6));
  const loss = tape.sum(tape.square(tape.sub(tape.gram(b), target)));
  const program = tape.compile(loss, [x]);
  try {
    await program.run();
    const [value, gradient] = [await program.read(loss), await program.gradient(x)];
    return { loss: value[0]!, gradient, dispatches: program.cost.dispatches };
  } finally {
    program.destroy();
    tape.destroy();
  }
}

describe('convolutions by Winograd on the tape', () => {
  it('give the loss and the gradient of the direct kernels, with everything joined', async () => {
    const device = await freshDevice();
    const direct = kernelTarget(device);
    expect(LAYERS.every((params) => conv2dCandidates(params, direct).includes('winograd'))).toBe(true);
    rememberTuning(device, {}, storage);
    const want = await run(device);
    const both = LAYERS.flatMap(({ input, output, ...rest }) => [
      { ...rest, input, output },
      { ...rest, input: output, output: input },
    ]);
    rememberTuning(device, Object.fromEntries(both.map((params) => [conv2dClass(params)!, 'winograd'])), storage);
    const got = await run(device);
    expect(Math.abs(got.loss / want.loss - 1)).toBeLessThan(1e-5);
    expect(relativeError(got.gradient, want.gradient)).toBeLessThan(1e-4);
    // Three dispatches in place of one, forward and back; ReLU, pooling and unpooling stay inside.
    expect(got.dispatches - want.dispatches).toBe(2 * 4);
    device.destroy();
  });
});
