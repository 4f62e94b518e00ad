export { WgpuStyleError, badOption, throwIfAborted, type ErrorCode, type ErrorDetail } from './errors.ts';
export {
  describeAdapter,
  isSoftwareAdapter,
  requestDevice,
  requestDeviceFrom,
  type AdapterDescription,
  type DeviceRequest,
} from './device.ts';
export { createBuffer, destroyBuffer, memoryUse, resetPeak, watchMemory, type MemoryUse } from './buffers.ts';
export {
  linearWorkgroups,
  Params,
  Sequence,
  totalCost,
  type BufferRange,
  type Cost,
  type Dispatch,
  type Workgroups,
} from './dispatch.ts';
export { pipelineCount, type Shader } from './pipelines.ts';
export { ReadbackRing, readBuffer } from './readback.ts';
export { PassTimer } from './timing.ts';
