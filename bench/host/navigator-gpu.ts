// `navigator.gpu` in Node, for libraries that know browsers only. It comes from the same Dawn as our own device, whose
// waiting naps (src/node/nap.ts patches the classes, so it naps for everyone in the process).

import { create, globals } from 'webgpu';

/** Held for good: Dawn crashes when an instance is collected under living objects. */
let gpu: GPU | undefined;

/** Puts Dawn where browsers have WebGPU. The process's environment has to name the driver. */
export async function installNavigatorGpu(): Promise<void> {
  if (gpu) return;
  gpu = create([]);
  Object.assign(globalThis, globals);
  const navigator = { gpu, userAgent: 'Node', platform: process.platform, hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  takeSharedMemory();
}

/** Dawn's writeBuffer refuses views of shared memory, which browsers take and onnxruntime-web hands over. */
function takeSharedMemory(): void {
  const queue = (globals as unknown as { GPUQueue: { prototype: Pick<GPUQueue, 'writeBuffer'> } }).GPUQueue.prototype;
  const { writeBuffer } = queue;
  queue.writeBuffer = function (this: GPUQueue, buffer, offset, data, ...rest) {
    const isShared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
    const own = isShared ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() : data;
    const range = isShared ? inBytes(data, rest) : rest;
    return writeBuffer.call(this, buffer, offset, own as Uint8Array<ArrayBuffer>, ...range);
  };
}

/** Offset and size of a typed array are in elements; the copy is of bytes. */
function inBytes(data: ArrayBufferView, range: readonly (number | undefined)[]): number[] {
  const element = 'BYTES_PER_ELEMENT' in data ? Number(data.BYTES_PER_ELEMENT) : 1;
  return range.filter((value) => value !== undefined).map((value) => value * element);
}
