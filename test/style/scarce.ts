// A device that has only so much memory. No adapter here runs out of it on demand, so a real device is told to: what is
// refused is an invalid buffer and an error in the innermost scope for it, as WebGPU has it, and what is done with such a
// buffer is refused by the device itself.

/** A device's memory. */
export interface Scarce {
  /** Sum of live buffers beyond which there is nothing. */
  bytes: number;
  /** The allocation that fails, counted from here on (1 is the next), buffers and textures; 0 for none. */
  failing: number;
  /** Allocations that were asked for, and how many of them were refused. */
  made: number;
  refused: number;
  /** The highest sum of live buffers. */
  peak: number;
  /** Labels of what was refused with no scope to tell of it. */
  readonly untold: string[];
}

/** Makes memory scarce on `device`, as the result says from now on. */
export function makeScarce(device: GPUDevice, given: Partial<Pick<Scarce, 'bytes' | 'failing'>> = {}): Scarce {
  const scarce: Scarce = { bytes: Infinity, failing: 0, made: 0, refused: 0, peak: 0, untold: [], ...given };
  const scopes: { readonly filter: GPUErrorFilter; refused: boolean }[] = [];
  let live = 0;
  const [createBuffer, createTexture] = [device.createBuffer.bind(device), device.createTexture.bind(device)];
  const [push, pop] = [device.pushErrorScope.bind(device), device.popErrorScope.bind(device)];

  const isRefused = (size: number): boolean => {
    scarce.made++;
    return (scarce.failing > 0 && --scarce.failing === 0) || live + size > scarce.bytes;
  };
  const refuse = <T>(label: string, make: () => T): T => {
    scarce.refused++;
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
    if (scope) scope.refused = true;
    else scarce.untold.push(label);
    push('validation');
    const invalid = make();
    void pop();
    return invalid;
  };
  const replaced = {
    pushErrorScope: (filter: GPUErrorFilter): undefined => {
      scopes.push({ filter, refused: false });
      push(filter);
    },
    popErrorScope: async (): Promise<unknown> => {
      const scope = scopes.pop();
      const error = await pop();
      return scope?.refused ? { message: 'no memory is left' } : error;
    },
    createBuffer: (descriptor: GPUBufferDescriptor): GPUBuffer => {
      const { size, label = '' } = descriptor;
      // No buffer may be mapped both ways.
      const { MAP_READ, MAP_WRITE } = GPUBufferUsage;
      if (isRefused(size)) return refuse(label, () => createBuffer({ label, size, usage: MAP_READ | MAP_WRITE }));
      const buffer = createBuffer(descriptor);
      live += size;
      scarce.peak = Math.max(scarce.peak, live);
      const destroy = buffer.destroy.bind(buffer);
      let isDestroyed = false;
      buffer.destroy = (): undefined => {
        if (!isDestroyed) live -= size;
        isDestroyed = true;
        destroy();
      };
      return buffer;
    },
    createTexture: (descriptor: GPUTextureDescriptor): GPUTexture => {
      // No texture has as many layers.
      if (isRefused(0)) return refuse(descriptor.label ?? '', () => createTexture({ ...descriptor, size: [1, 1, 100_000] }));
      return createTexture(descriptor);
    },
  };
  for (const [name, value] of Object.entries(replaced)) Object.defineProperty(device, name, { value, configurable: true });
  return scarce;
}
