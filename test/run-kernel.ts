// Runs a kernel by itself: values in, values out, with the three promises of every kernel checked on the way: old
// contents never shine through (unless asked to accumulate), padding lanes hold zeros, and nothing behind the end of a
// buffer is used or touched (fence.ts).

import { expect } from 'vitest';
import { runOnce } from '../bench/harness/workshop.ts';
import { destroyBuffer } from '../src/gpu/buffers.ts';
import type { Dispatch } from '../src/gpu/dispatch.ts';
import { readBuffer } from '../src/gpu/readback.ts';
import { bytesOf, elementsOf, pack, unpack, type Shape } from '../src/kernels/shape.ts';
import { randomValues } from './check.ts';
import { testDevice } from './device.ts';
import { FENCE, fence, fencedBuffer, wall } from './fence.ts';

/** Values of a shape, row-major, without padding. */
export interface Values {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** Makes dispatches over real buffers; `scratch` gives a temporary buffer. */
export type MakeDispatches = (
  inputs: readonly GPUBuffer[],
  output: GPUBuffer,
  scratch: (shape: Shape) => GPUBuffer,
) => Dispatch<GPUBuffer> | readonly Dispatch<GPUBuffer>[];

/**
 * A dispatch over many elements as one over more than 65,535 workgroups is: folded into two dimensions, here of 3 and more
 * groups, with some to spare.
 */
export function folded<B>(dispatch: Dispatch<B>): Dispatch<B> {
  const { workgroups: [groups] } = dispatch;
  return { ...dispatch, workgroups: [3, Math.ceil(groups / 3) + 1, 1] };
}

/** The output of a kernel. `old` is what the output holds before; garbage (in the padding lanes: zeros) if absent. */
export async function runKernel(
  inputs: readonly Values[],
  outputShape: Shape,
  make: MakeDispatches,
  old?: ArrayLike<number>,
): Promise<Float32Array> {
  const read = await runKernelBytes(inputs, outputShape, make, old);
  const packed = new Float32Array(read).map((v) => v + 0); // -0 is zero too
  const values = unpack(outputShape, packed);
  expect(pack(outputShape, values), 'padding lanes hold zeros').toEqual(packed);
  return values;
}

/** The bytes of a kernel's output in memory layout: for outputs that are no floats. */
export async function runKernelBytes(
  inputs: readonly Values[],
  outputShape: Shape,
  make: MakeDispatches,
  old?: ArrayLike<number>,
): Promise<ArrayBuffer> {
  const device = await testDevice();
  const made = new Map<GPUBuffer, typeof fence>();
  const upload = ({ shape, data }: Values, behind: typeof fence = fence): GPUBuffer => {
    const buffer = fencedBuffer(device, shape, data, behind);
    made.set(buffer, behind);
    return buffer;
  };
  const garbage = randomValues(elementsOf(outputShape), 99).map((v) => v * 1e6);
  const output = upload({ shape: outputShape, data: old ?? garbage }, wall);
  // Scratch starts as garbage in every lane.
  const scratch = (shape: Shape): GPUBuffer => {
    const floats = bytesOf(shape) / 4;
    return upload({ shape: [floats], data: randomValues(floats, 98).map((v) => v * 1e6) });
  };
  const dispatches = [make(inputs.map((input) => upload(input)), output, scratch)].flat();
  await runOnce(device, dispatches);
  const read = await readBuffer(device, output, 0, bytesOf(outputShape));
  for (const [buffer, behind] of made) {
    const found = await readBuffer(device, buffer, buffer.size - FENCE, FENCE);
    expect(new Float32Array(found), 'what lies behind a buffer').toEqual(behind);
  }
  for (const buffer of made.keys()) destroyBuffer(buffer);
  return read;
}
