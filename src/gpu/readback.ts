// Getting bytes back from the GPU: once and awaited, or late through a small ring that never stalls the queue.

import { createBuffer, destroyBuffer, watchMemory } from './buffers.ts';
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
  copyTo(device, staging, buffer, byteOffset, byteLength);
  await map(staging, 'readBuffer');
  const taken = take(staging.getMappedRange(0, byteLength));
  staging.unmap();
  return taken;
}

function copyTo(device: GPUDevice, staging: GPUBuffer, buffer: GPUBuffer, byteOffset: number, byteLength: number): void {
  const encoder = device.createCommandEncoder({ label: 'wgpu-style/readback' });
  encoder.copyBufferToBuffer(buffer, byteOffset, staging, 0, byteLength);
  device.queue.submit([encoder.finish()]);
}

/**
 * Copies `byteLength` bytes of `buffer` (which needs COPY_SRC) to the host. Offset and length are multiples of 4. Throws
 * `out-of-memory` where there is none for the copy, `device-lost`.
 */
export async function readBuffer(
  device: GPUDevice,
  buffer: GPUBuffer,
  byteOffset = 0,
  byteLength: number = buffer.size - byteOffset,
): Promise<ArrayBuffer> {
  const { result: staging, settled } = watchMemory(device, 'readBuffer', () => {
    const made = createBuffer(device, 'readback', byteLength, stagingUsage());
    copyTo(device, made, buffer, byteOffset, byteLength);
    return made;
  });
  try {
    await settled;
    await map(staging, 'readBuffer');
    return staging.getMappedRange(0, byteLength).slice(0);
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
 * `floats` floats, from number `begin` on, of buffers one behind the other. Copies come one after another, of 16 MiB at most: the
 * caller must submit nothing that changes them meanwhile.
 */
export async function readStretch(
  device: GPUDevice,
  buffers: readonly GPUBuffer[],
  begin: number,
  floats: number,
): Promise<Float32Array<ArrayBuffer>> {
  const stretch = new Float32Array(floats);
  let first = 0;
  for (const buffer of buffers) {
    const end = Math.min(buffer.size, 4 * (begin + floats - first));
    for (let from = 4 * Math.max(0, begin - first); from < end; from += PIECE) {
      const bytes = await readBuffer(device, buffer, from, Math.min(PIECE, end - from));
      stretch.set(new Float32Array(bytes), first + from / 4 - begin);
    }
    first += buffer.size / 4;
  }
  return stretch;
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
  if (pieceBytes(4 * floats) < 4 * floats) return readStretch(device, buffers, 0, floats);
  const all = new Float32Array(floats);
  let at = 0;
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
