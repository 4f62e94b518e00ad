// Buffers with an owner and a count. Everything the library allocates goes through `createBuffer`, so that the sum of
// live bytes is exact and a leak shows in a number.

import { WgpuStyleError } from './errors.ts';

/** Live and highest sum of the bytes that this library holds on a device. */
export interface MemoryUse {
  readonly bytes: number;
  readonly peakBytes: number;
}

interface Ledger {
  bytes: number;
  peakBytes: number;
}

const ledgers = new WeakMap<GPUDevice, Ledger>();
const owners = new WeakMap<GPUBuffer, Ledger>();

function ledgerOf(device: GPUDevice): Ledger {
  let ledger = ledgers.get(device);
  if (!ledger) {
    ledger = { bytes: 0, peakBytes: 0 };
    ledgers.set(device, ledger);
  }
  return ledger;
}

/** Bytes of GPU buffers that the library holds on `device` now, and the most it ever held. */
export function memoryUse(device: GPUDevice): MemoryUse {
  const { bytes, peakBytes } = ledgerOf(device);
  return { bytes, peakBytes };
}

/** Forgets the highest sum so far, so that the next run's own peak can be read. */
export function resetPeak(device: GPUDevice): void {
  const ledger = ledgerOf(device);
  ledger.peakBytes = ledger.bytes;
}

/** A storage buffer's usual usage: bound in kernels, filled and read by copies. */
export function storageUsage(): GPUBufferUsageFlags {
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
}

/**
 * Creates a buffer of `size` bytes (rounded up to 16) that this library owns.
 *
 * @throws `limit-exceeded` when the device's limits forbid the size; running out of memory is reported by
 *   {@link watchMemory}, since WebGPU tells of it later.
 */
export function createBuffer(
  device: GPUDevice,
  label: string,
  size: number,
  usage: GPUBufferUsageFlags = storageUsage(),
): GPUBuffer {
  const bytes = Math.max(16, Math.ceil(size / 16) * 16);
  const limit =
    usage & GPUBufferUsage.STORAGE
      ? Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize)
      : device.limits.maxBufferSize;
  if (bytes > limit) {
    throw new WgpuStyleError('limit-exceeded', {
      what: `a buffer of ${mebibytes(bytes)} is needed, the device allows ${mebibytes(limit)}`,
      where: label,
      fix: 'Use a smaller size, or request the device with higher limits (requestDevice does)',
    });
  }
  const buffer = device.createBuffer({ label: `wgpu-style/${label}`, size: bytes, usage });
  const ledger = ledgerOf(device);
  ledger.bytes += bytes;
  ledger.peakBytes = Math.max(ledger.peakBytes, ledger.bytes);
  owners.set(buffer, ledger);
  return buffer;
}

/** Destroys a buffer made by {@link createBuffer}; harmless when done twice or on a caller's buffer. */
export function destroyBuffer(buffer: GPUBuffer): void {
  const ledger = owners.get(buffer);
  if (!ledger) return;
  owners.delete(buffer);
  ledger.bytes -= buffer.size;
  buffer.destroy();
}

/**
 * Runs `allocate` inside an out-of-memory error scope. The result comes at once; `settled` rejects with
 * `out-of-memory` if the device could not provide the memory.
 */
export function watchMemory<T>(
  device: GPUDevice,
  where: string,
  allocate: () => T,
): { readonly result: T; readonly settled: Promise<void> } {
  device.pushErrorScope('out-of-memory');
  let result: T;
  let popped: Promise<GPUError | null>;
  try {
    result = allocate();
  } finally {
    popped = device.popErrorScope();
    popped.catch(() => undefined);
  }
  const settled = popped.then((error) => {
    if (!error) return;
    throw new WgpuStyleError('out-of-memory', {
      what: `the device ran out of memory (${mebibytes(memoryUse(device).bytes)} asked for in all)`,
      where,
      fix: 'Use a smaller size, or free other GPU memory',
    });
  });
  return { result, settled };
}

/** Bytes for messages: '12.5 MiB'. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
