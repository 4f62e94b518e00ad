// Buffers with a fence of NaN behind their end: a kernel that reads on shows, even where it multiplies what it read by zero.
// Bounds of buffers cannot be relied on for that: WebGPU lets an access beyond them fall on another element, or give zero.

import { createBuffer } from '../src/gpu/buffers.ts';
import { bytesOf, pack, type Shape } from '../src/kernels/shape.ts';

/** Bytes behind the end. */
export const FENCE = 1024;

export const fence: Float32Array<ArrayBuffer> = new Float32Array(FENCE / 4).fill(NaN);

/** A fence for what is only written: what came of NaN behind the inputs shows, where it would not in a NaN. */
export const wall: Float32Array<ArrayBuffer> = new Float32Array(FENCE / 4).fill(1.5e9);

/** A buffer of values in memory layout, and what stands behind it. */
export function fencedBuffer(device: GPUDevice, shape: Shape, data: ArrayLike<number>, behind: typeof fence = fence): GPUBuffer {
  const buffer = createBuffer(device, 'test', bytesOf(shape) + FENCE);
  device.queue.writeBuffer(buffer, 0, pack(shape, data));
  device.queue.writeBuffer(buffer, bytesOf(shape), behind);
  return buffer;
}
