// Seeded numbers, and GPU buffers of them.

import { bytesOf, type Shape } from 'wgpu-style/kernels';

/** Values in [-0.5, 0.5) from a seed (mulberry32): the same on every machine. */
export function seeded(count: number, seed: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  let state = seed >>> 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    values[i] = ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  }
  return values;
}

/** Buffers that end together. Every shape here ends in a multiple of 4, so that values lie in them without padding. */
export class Buffers {
  readonly #device: GPUDevice;
  readonly #made: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer of `shape` with these values, or zeros. */
  make(shape: Shape, values?: Float32Array): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const size = bytesOf(shape);
    const buffer = this.#device.createBuffer({ label: 'bench', size, usage, mappedAtCreation: values !== undefined });
    this.#made.push(buffer);
    if (values) new Float32Array(buffer.getMappedRange()).set(values);
    if (values) buffer.unmap();
    return buffer;
  }

  /** Makes temporary buffers for kernels that want some. */
  readonly scratch = (shape: Shape): GPUBuffer => this.make(shape);

  destroy(): void {
    for (const buffer of this.#made) buffer.destroy();
  }
}

/** The floats of a buffer. */
export async function readFloats(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: 'bench', size: buffer.size, usage });
  const encoder = device.createCommandEncoder({ label: 'bench' });
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const floats = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return floats;
}
