// A device that computes nothing and only counts: what a run would allocate and dispatch, without a GPU. Everything
// built on it takes the same code path as on a real device, so a plan cannot drift from the run that it describes.
// Read-backs give zeros.

/** What a plan may be asked about: a device's own limits, or the defaults that every WebGPU device has. */
export type PlanLimits = Readonly<Record<string, number>>;

/** The default limits of the WebGPU specification, as far as this library meets them. */
export const DEFAULT_LIMITS: PlanLimits = {
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxStorageBuffersPerShaderStage: 8,
  maxTextureDimension2D: 8192,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
};

/** A counting device with the limits, adapter and features of `device`; without one, with what every device has. */
export function counterFor(device: GPUDevice | undefined): GPUDevice {
  return countingDevice(device?.limits as PlanLimits | undefined, device?.adapterInfo, device?.features);
}

/**
 * A counting device that says it has these limits, adapter and features: kernels are chosen by them. Ask `memoryUse` what
 * was allocated on it; it needs no destroying.
 */
export function countingDevice(
  limits: PlanLimits = DEFAULT_LIMITS,
  adapterInfo?: GPUAdapterInfo,
  features: Iterable<string> = [],
): GPUDevice {
  const nothing = (): void => undefined;
  const pass = {
    setPipeline: nothing,
    setBindGroup: nothing,
    dispatchWorkgroups: nothing,
    pushDebugGroup: nothing,
    popDebugGroup: nothing,
    draw: nothing,
    end: nothing,
  };
  const encoder = {
    beginComputePass: () => pass,
    beginRenderPass: () => pass,
    copyBufferToBuffer: nothing,
    clearBuffer: nothing,
    finish: () => ({}),
  };
  const pipeline = { getBindGroupLayout: () => ({}) };
  const device = {
    limits,
    adapterInfo,
    features: new Set(features),
    lost: new Promise(nothing),
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    createBuffer: ({ size, usage, label }: GPUBufferDescriptor) => ({
      size,
      usage,
      label,
      mapAsync: () => Promise.resolve(),
      getMappedRange: (_: number, length: number) => new ArrayBuffer(length),
      unmap: nothing,
      destroy: nothing,
    }),
    createTexture: ({ format, size }: GPUTextureDescriptor) => {
      const [width, height] = size as [number, number];
      return { format, width, height, createView: () => ({}), destroy: nothing };
    },
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createShaderModule: () => ({}),
    createComputePipeline: () => pipeline,
    createComputePipelineAsync: () => Promise.resolve(pipeline),
    createRenderPipeline: () => pipeline,
    createCommandEncoder: () => encoder,
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    destroy: nothing,
  };
  return device as unknown as GPUDevice;
}
