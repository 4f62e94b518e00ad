// Checks an op of the tape against a float64 oracle: its values, its gradient with respect to every input, and the
// gradients again in the middle of a graph (scaled by 2.5 and added to another term), where a rule that forgets to
// scale or to accumulate shows.

import { expect } from 'vitest';
import { Tape, type Tensor } from '../../src/autograd/index.ts';
import { destroyBuffer } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { unaryBackward, unaryForward } from '../../src/kernels/unary.ts';
import { bytesOf, elementsOf, pack, unpack, type Shape } from '../../src/kernels/shape.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { fencedBuffer } from '../fence.ts';

export interface OpCheck {
  /** Shapes of the inputs; their values come from `values` or a seed. */
  readonly inputs: readonly Shape[];
  readonly values?: readonly Float32Array[];
  readonly build: (tape: Tape, ...inputs: Tensor[]) => Tensor;
  /** Inputs → result. */
  readonly forward: (...inputs: Float32Array[]) => Float64Array;
  /** dL/dY and the inputs → dL/dX per input. */
  readonly backward: (dY: Float32Array, ...inputs: Float32Array[]) => readonly Float64Array[];
  /** Relative to the RMS of the reference. */
  readonly tolerance: number;
}

/**
 * A stand-in for a scalar loss whose gradient with respect to each tensor is the given constant: it needs no other op,
 * so that a mistake in sum or mul cannot hide one here.
 */
function probe(tape: Tape, terms: readonly [Tensor, Tensor][]): Tensor {
  const zero = tape.constant([1], [0]);
  return tape.record({
    name: 'probe',
    inputs: terms.map(([x]) => x),
    shape: [1],
    forward: (y) => [unaryForward({ op: 'scale', shape: [1] }, { x: zero, y })],
    backward: terms.map(([x, u]) => ({ dX, accumulate }) => [
      unaryBackward({ op: 'scale', shape: x.shape }, { saved: u, dY: u, dX }, accumulate),
    ]),
  });
}

/** Padding lanes are part of every kernel's contract: the next one relies on their zeros. */
async function expectZeroPadding(device: GPUDevice, buffer: GPUBuffer, shape: Shape): Promise<void> {
  const read = await readBuffer(device, buffer, 0, bytesOf(shape));
  const packed = new Float32Array(read).map((v) => v + 0); // -0 is zero too
  expect(pack(shape, unpack(shape, packed)), 'padding lanes').toEqual(packed);
}

export async function checkOp(check: OpCheck): Promise<void> {
  const device = await testDevice();
  const values = check.values ?? check.inputs.map((shape, i) => randomValues(elementsOf(shape), i + 1));
  const tape = new Tape(device);
  const buffers = check.inputs.map((shape, i) => fencedBuffer(device, shape, values[i]!));
  const inputs = check.inputs.map((shape, i) => tape.variable(shape, buffers[i]));
  const y = check.build(tape, ...inputs);
  const expectedY = check.forward(...values);
  expect(elementsOf(y.shape)).toBe(expectedY.length);

  const dY = randomValues(expectedY.length, 11);
  const u = tape.constant(y.shape, dY);
  const expected = check.backward(dY, ...values);
  const program = tape.compile([probe(tape, [[y, u]]), y], inputs);
  await program.run();
  expect(relativeError(await program.read(y), expectedY), 'value').toBeLessThan(check.tolerance);
  await expectZeroPadding(device, program.buffer(y), y.shape);
  for (const [i, x] of inputs.entries()) {
    await expectZeroPadding(device, program.gradientBuffer(x), x.shape);
    const got = await program.gradient(x);
    expect(relativeError(got, expected[i]!), `gradient ${i}`).toBeLessThan(check.tolerance);
  }
  program.destroy();

  const others = values.map((v, i) => randomValues(v.length, 21 + i));
  const terms = inputs.map((x, i): [Tensor, Tensor] => [x, tape.constant(x.shape, others[i]!)]);
  const middle = tape.compile(probe(tape, [[tape.scale(y, 2.5), u], ...terms]), inputs);
  await middle.run();
  for (const [i, x] of inputs.entries()) {
    const got = await middle.gradient(x);
    const sum = expected[i]!.map((g, at) => 2.5 * g + others[i]![at]!);
    expect(relativeError(got, sum), `gradient ${i} mid-graph`).toBeLessThan(check.tolerance);
  }
  middle.destroy();
  tape.destroy();
  buffers.forEach(destroyBuffer);
}
