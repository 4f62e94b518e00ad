// Compute pipelines, compiled asynchronously and kept per device. A pipeline is known by its shader, entry point,
// override constants and binding kinds; sizes travel in uniforms, so one pipeline serves every layer.

import { loadChunk } from './chunk.ts';
import { badOption, WgpuStyleError } from './errors.ts';

/** WGSL text, or what loads it. */
export type ShaderText = string | (() => Promise<string>);

/** A WGSL module: its file stem for labels and messages, and its text; of several texts one after another. */
export interface Shader {
  readonly name: string;
  readonly code: ShaderText | readonly ShaderText[];
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

/** Texts that have been loaded, by what loads them: devices share them. */
const texts = new WeakMap<() => Promise<string>, string>();

/** The text of a shader where all of it is at hand. */
function textAtHand({ code }: Shader): string | undefined {
  const parts = [code].flat().map((part) => (typeof part === 'string' ? part : texts.get(part)));
  return parts.includes(undefined) ? undefined : parts.join('');
}

async function load(part: ShaderText): Promise<string> {
  if (typeof part === 'string') return part;
  const text = texts.get(part) ?? (await part());
  texts.set(part, text);
  return text;
}

/**
 * Loads the text of a shader.
 *
 * @throws `network` when the chunk that holds it does not come; the next call tries again.
 */
export async function loadShader({ name, code }: Shader): Promise<string> {
  return (await loadChunk(`${name}.wgsl`, Promise.all([code].flat().map(load)))).join('');
}

function labelOf({ shader, entryPoint }: PipelineKey): string {
  return `wgpu-style/${shader.name}.${entryPoint}`;
}

function describe(device: GPUDevice, key: PipelineKey, code: string): GPUComputePipelineDescriptor {
  const { modules } = cacheOf(device);
  let module = modules.get(key.shader.name);
  if (!module) {
    module = device.createShaderModule({ label: `wgpu-style/${key.shader.name}.wgsl`, code });
    modules.set(key.shader.name, module);
  }
  return {
    label: labelOf(key),
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
 *   for shaders handed in from outside. `network` when its text cannot be loaded; the next call tries again.
 */
export function pipelineAsync(device: GPUDevice, key: PipelineKey): Promise<GPUComputePipeline> {
  const entry = entryOf(device, key);
  if (entry.pipeline) return Promise.resolve(entry.pipeline);
  entry.promise ??= compile(device, key, entry);
  return entry.promise;
}

async function compile(device: GPUDevice, key: PipelineKey, entry: Entry): Promise<GPUComputePipeline> {
  let code = textAtHand(key.shader);
  if (code === undefined) {
    try {
      code = await loadShader(key.shader);
    } catch (error) {
      entry.promise = undefined;
      throw error;
    }
  }
  device.pushErrorScope('validation');
  const descriptor = describe(device, key, code);
  const moduleError = device.popErrorScope().catch(() => null); // told below, by the pipeline
  try {
    entry.pipeline ??= await device.createComputePipelineAsync(descriptor);
    return entry.pipeline;
  } catch (cause) {
    await moduleError;
    throw await compileError(key.shader.name, code, descriptor, cause);
  }
}

/**
 * The pipeline at once, compiled on the spot where its text is at hand and nobody awaited {@link pipelineAsync} before.
 *
 * @throws `bad-option` when the text has not been loaded yet.
 */
export function pipelineNow(device: GPUDevice, key: PipelineKey): GPUComputePipeline {
  const entry = entryOf(device, key);
  if (entry.pipeline) return entry.pipeline;
  const code = textAtHand(key.shader);
  if (code === undefined) {
    throw badOption(labelOf(key), 'recorded before its shader was loaded', 'Await `ready` before the first `encode`');
  }
  entry.pipeline = device.createComputePipeline(describe(device, key, code));
  return entry.pipeline;
}

async function compileError(
  name: string,
  code: string,
  descriptor: GPUComputePipelineDescriptor,
  cause: unknown,
): Promise<WgpuStyleError> {
  const { messages } = await descriptor.compute.module.getCompilationInfo();
  const first = messages.find((message) => message.type === 'error');
  const line = first && code.split('\n')[first.lineNum - 1]?.trim();
  const what = first
    ? `${name}.wgsl:${first.lineNum}:${first.linePos}: ${first.message} in «${line ?? ''}»`
    : cause instanceof Error
      ? cause.message
      : String(cause);
  return new WgpuStyleError('bad-option', {
    what: `the shader does not compile: ${what}`,
    where: descriptor.label ?? name,
    fix: 'Mend the shader at that line, or report it with the adapter named by `wgpu-style info`',
    cause,
  });
}
