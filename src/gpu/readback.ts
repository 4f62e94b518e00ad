// Getting bytes back from the GPU: once and awaited, or late through a small ring that never stalls the queue.

import { createBuffer, destroyBuffer } from './buffers.ts';
import { WgpuStyleError } from './errors.ts';

/** What a buffer is for that is read by the host. */
export function stagingUsage(): GPUBufferUsageFlags {
  return GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
}

/** Maps for reading. Mapping fails only when the buffer or its device is gone, so that is what the error says. */
async function map(staging: GPUBuffer, where: string): Promise<void> {
  try {
    await staging.mapAsync(GPUMapMode.READ);
  } catch (cause) {
    throw new WgpuStyleError('device-lost', {
      what: `the GPU device or the buffer went away during a read-back: ${String(cause)}`,
      where,
      fix: 'Request a new device and start again',
      cause,
    });
  }
}

/**
 * Copies `byteLength` bytes of `buffer` (which needs COPY_SRC) into `staging` (COPY_DST, MAP_READ), and gives what `take` makes
 * of them; it must not keep them. Offset and length are multiples of 4.
 */
export async function readThrough<T>(
  device: GPUDevice,
  staging: GPUBuffer,
  buffer: GPUBuffer,
  byteOffset: number,
  byteLength: number,
  take: (bytes: ArrayBuffer) => T,
): Promise<T> {
  const encoder = device.createCommandEncoder({ label: 'wgpu-style/readback' });
  encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, byteLength);
  device.queue.submit([encoder.finish()]);
  await map(staging, 'readBuffer');
  const taken = take(staging.getMappedRange(0, byteLength));
  staging.unmap();
  return taken;
}

/** Copies `byteLength` bytes of `buffer` (which needs COPY_SRC) to the host. Offset and length are multiples of 4. */
export async function readBuffer(
  device: GPUDevice,
  buffer: GPUBuffer,
  byteOffset = 0,
  byteLength: number = buffer.size - byteOffset,
): Promise<ArrayBuffer> {
  const staging = createBuffer(device, 'readback', byteLength, stagingUsage());
  try {
    return await readThrough(device, staging, buffer, byteOffset, byteLength, (bytes) => bytes.slice(0));
  } finally {
    destroyBuffer(staging);
  }
}

/** Up to so many bytes are read at once. */
const AT_ONCE = 2 ** 26;
/** More than these come in pieces, so that reading a large picture does not take as much memory again. */
const PIECE = 2 ** 24;

/** Bytes of staging buffers that {@link readFloats} needs at a time for `bytes`. */
export function pieceBytes(bytes: number): number {
  return bytes <= AT_ONCE ? bytes : PIECE;
}

/**
 * The first `floats` floats of buffers one behind the other. All copies are recorded at once, so that nothing that is
 * submitted later gets in between; but above 64 MiB they come one after another, and the caller must submit nothing that
 * changes them meanwhile.
 */
export async function readFloats(
  device: GPUDevice,
  buffers: readonly GPUBuffer[],
  floats: number,
): Promise<Float32Array<ArrayBuffer>> {
  const all = new Float32Array(floats);
  let at = 0;
  if (pieceBytes(4 * floats) < 4 * floats) {
    for (const buffer of buffers) {
      for (let from = 0; from < buffer.size && at < floats; from += PIECE) {
        const length = Math.min(PIECE, buffer.size - from, 4 * (floats - at));
        all.set(new Float32Array(await readBuffer(device, buffer, from, length)), at);
        at += length / 4;
      }
    }
    return all;
  }
  const reads = buffers.map((buffer) => {
    const begin = at;
    at += buffer.size / 4;
    const length = Math.min(buffer.size, 4 * (floats - begin));
    return readBuffer(device, buffer, 0, length).then((bytes) => all.set(new Float32Array(bytes), begin));
  });
  await Promise.all(reads);
  return all;
}

/**
 * A ring of staging buffers for a few floats per iteration (losses). `encode` copies into a free one; the values
 * arrive later, in order, through `onValues`. When all are under way the iteration is skipped, never awaited.
 */
export class ReadbackRing {
  readonly #byteLength: number;
  readonly #free: GPUBuffer[];
  readonly #all: readonly GPUBuffer[];
  #destroyed = false;

  constructor(device: GPUDevice, label: string, byteLength: number, count = 3) {
    this.#byteLength = byteLength;
    this.#all = Array.from({ length: count }, (_, i) =>
      createBuffer(device, `${label}/${i}`, byteLength, stagingUsage()),
    );
    this.#free = [...this.#all];
  }

  /**
   * Records copies of `sources`, one behind the other, into a free staging buffer. Call the returned function after the submit: it maps the
   * buffer without waiting and resolves to the values. Undefined when no buffer is free.
   */
  encode(
    encoder: GPUCommandEncoder,
    ...sources: readonly (GPUBuffer | GPUBufferBinding)[]
  ): (() => Promise<Float32Array<ArrayBuffer>>) | undefined {
    const staging = this.#free.pop();
    if (!staging) return undefined;
    let at = 0;
    for (const source of sources) {
      const { buffer, offset = 0, size = this.#byteLength - at } = 'buffer' in source ? source : { buffer: source };
      encoder.copyBufferToBuffer(buffer, offset, staging, at, size);
      at += size;
    }
    return async () => {
      await map(staging, 'ReadbackRing');
      const values = new Float32Array(staging.getMappedRange(0, this.#byteLength).slice(0));
      staging.unmap();
      if (!this.#destroyed) this.#free.push(staging);
      return values;
    };
  }

  destroy(): void {
    this.#destroyed = true;
    for (const staging of this.#all) destroyBuffer(staging);
  }
}
