// Compute pipelines, compiled asynchronously and kept per device. A pipeline is known by its shader, entry point,
// override constants and binding kinds; sizes travel in uniforms, so one pipeline serves every layer.

import { WgpuStyleError } from './errors.ts';

/** A WGSL module: its file stem for labels and messages, and its text. */
export interface Shader {
  readonly name: string;
  readonly code: string;
}

/** What selects a pipeline. Bindings are in the fixed order of every shader here: inputs, outputs, one uniform. */
export interface PipelineKey {
  readonly shader: Shader;
  readonly entryPoint: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly inputs: number;
  readonly outputs: number;
}

interface Entry {
  pipeline: GPUComputePipeline | undefined;
  promise: Promise<GPUComputePipeline> | undefined;
}

interface DeviceCache {
  readonly entries: Map<string, Entry>;
  readonly modules: Map<string, GPUShaderModule>;
  readonly layouts: Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>;
}

const caches = new WeakMap<GPUDevice, DeviceCache>();

function cacheOf(device: GPUDevice): DeviceCache {
  let cache = caches.get(device);
  if (!cache) {
    cache = { entries: new Map(), modules: new Map(), layouts: new Map() };
    caches.set(device, cache);
  }
  return cache;
}

/** The number of distinct pipelines made on `device` so far. */
export function pipelineCount(device: GPUDevice): number {
  return cacheOf(device).entries.size;
}

/** The layout of `inputs` read-only buffers, then `outputs` writable ones, then one uniform buffer. */
export function bindGroupLayout(
  device: GPUDevice,
  inputs: number,
  outputs: number,
): GPUBindGroupLayout {
  return layoutsOf(device, inputs, outputs).group;
}

function layoutsOf(
  device: GPUDevice,
  inputs: number,
  outputs: number,
): { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
  const { layouts } = cacheOf(device);
  const key = `${inputs}/${outputs}`;
  let found = layouts.get(key);
  if (!found) {
    const entries: GPUBindGroupLayoutEntry[] = [];
    for (let binding = 0; binding <= inputs + outputs; binding++) {
      const type =
        binding < inputs ? 'read-only-storage' : binding < inputs + outputs ? 'storage' : 'uniform';
      entries.push({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } });
    }
    const label = `wgpu-style/${key}`;
    const group = device.createBindGroupLayout({ label, entries });
    found = { group, pipeline: device.createPipelineLayout({ label, bindGroupLayouts: [group] }) };
    layouts.set(key, found);
  }
  return found;
}

function describe(device: GPUDevice, key: PipelineKey): GPUComputePipelineDescriptor {
  const { modules } = cacheOf(device);
  let module = modules.get(key.shader.name);
  if (!module) {
    module = device.createShaderModule({
      label: `wgpu-style/${key.shader.name}.wgsl`,
      code: key.shader.code,
    });
    modules.set(key.shader.name, module);
  }
  return {
    label: `wgpu-style/${key.shader.name}.${key.entryPoint}`,
    layout: layoutsOf(device, key.inputs, key.outputs).pipeline,
    compute: { module, entryPoint: key.entryPoint, constants: { ...key.constants } },
  };
}

function entryOf(device: GPUDevice, key: PipelineKey): Entry {
  const { entries } = cacheOf(device);
  const constants = Object.entries(key.constants).map(([name, value]) => `${name}=${value}`);
  const id = [key.shader.name, key.entryPoint, key.inputs, key.outputs, ...constants].join('|');
  let entry = entries.get(id);
  if (!entry) {
    entry = { pipeline: undefined, promise: undefined };
    entries.set(id, entry);
  }
  return entry;
}

/**
 * Compiles (or finds) a pipeline without blocking.
 *
 * @throws `bad-option` with label, line, column and source line when the shader does not compile: only possible
 *   for shaders handed in from outside.
 */
export function pipelineAsync(device: GPUDevice, key: PipelineKey): Promise<GPUComputePipeline> {
  const entry = entryOf(device, key);
  if (entry.pipeline) return Promise.resolve(entry.pipeline);
  entry.promise ??= (async () => {
    device.pushErrorScope('validation');
    const descriptor = describe(device, key);
    const moduleError = device.popErrorScope().catch(() => null); // told below, by the pipeline
    try {
      entry.pipeline ??= await device.createComputePipelineAsync(descriptor);
      return entry.pipeline;
    } catch (cause) {
      await moduleError;
      throw await compileError(key.shader, descriptor, cause);
    }
  })();
  return entry.promise;
}

/** The pipeline at once, compiled on the spot if nobody awaited {@link pipelineAsync} before. */
export function pipelineNow(device: GPUDevice, key: PipelineKey): GPUComputePipeline {
  const entry = entryOf(device, key);
  entry.pipeline ??= device.createComputePipeline(describe(device, key));
  return entry.pipeline;
}

async function compileError(
  shader: Shader,
  descriptor: GPUComputePipelineDescriptor,
  cause: unknown,
): Promise<WgpuStyleError> {
  const { messages } = await descriptor.compute.module.getCompilationInfo();
  const first = messages.find((message) => message.type === 'error');
  const line = first && shader.code.split('\n')[first.lineNum - 1]?.trim();
  const what = first
    ? `${shader.name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message} in «${line ?? ''}»`
    : cause instanceof Error
      ? cause.message
      : String(cause);
  return new WgpuStyleError('bad-option', {
    what: `the shader does not compile: ${what}`,
    where: descriptor.label ?? shader.name,
    fix: 'Mend the shader at that line, or report it with the adapter named by `wgpu-style info`',
    cause,
  });
}
