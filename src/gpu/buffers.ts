// Buffers with an owner and a count. Everything the library allocates goes through `createBuffer`, so that the sum of
// live bytes is exact and a leak shows in a number.

import { badOption, WgpuStyleError } from './errors.ts';

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
 * Runs `allocate` and sees what the device says of it. The result comes at once; `settled` rejects with
 * `out-of-memory` if the device could not provide the memory, and with `bad-option` if it refused anything else. What is
 * done in `allocate` with memory that is not there is refused as well: no error of that is left for others to see.
 */
export function watchMemory<T>(
  device: GPUDevice,
  where: string,
  allocate: () => T,
): { readonly result: T; readonly settled: Promise<void> } {
  const ledger = ledgerOf(device);
  const { bytes: held, peakBytes } = ledger;
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  let result: T;
  let popped: Promise<readonly (GPUError | null)[]>;
  try {
    result = allocate();
  } finally {
    // A device that is lost may have no answer: that is told by what is done with it next.
    popped = Promise.all([device.popErrorScope(), device.popErrorScope()]).catch(() => []);
  }
  const asked = ledger.bytes;
  const settled = popped.then(([memory, other]) => {
    if (memory) {
      // What was refused was never held.
      ledger.peakBytes = Math.min(ledger.peakBytes, peakBytes);
      throw new WgpuStyleError('out-of-memory', {
        what: `the device ran out of memory (${mebibytes(asked)} asked for in all)`,
        where,
        fix: 'Use a smaller size, or free other GPU memory',
        shortage: { held, asked, isOn: (other) => other === device },
      });
    }
    if (other) throw badOption(where, other.message, 'Check the buffers');
  });
  settled.catch(() => undefined); // reported to whoever awaits it
  return { result, settled };
}

/** Bytes for messages: '12.5 MiB'. */
export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
