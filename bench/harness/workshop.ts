// Dispatches of workshop shaders: steps of a ladder that are kept for comparison and used by nobody else.

import { Params, Sequence, type BufferRange, type Cost, type Dispatch, type Shader } from 'wgpu-style/kernels';

/** What a workshop shader is launched with. */
export interface WorkshopLaunch {
  readonly name: string;
  readonly code: Shader['code'];
  readonly entryPoint?: string;
  readonly inputs: readonly GPUBuffer[];
  readonly outputs: readonly GPUBuffer[];
  /** The fields of its `Params`, all u32; `floats` follow as f32. */
  readonly params: readonly number[];
  readonly floats?: readonly number[];
  /** Threads, in groups of `groupSize` (64) folded into x and y; or workgroups as they are. */
  readonly threads: number | readonly [number, number, number];
  readonly groupSize?: number;
  readonly cost: Cost;
}

/** A launch as a dispatch. */
export function workshop(launch: WorkshopLaunch): Dispatch<GPUBuffer> {
  const { name, code, entryPoint, inputs, outputs, params, floats = [], threads, groupSize = 64, cost } = launch;
  return {
    label: `workshop/${name}`,
    shader: { name, code },
    ...(entryPoint !== undefined && { entryPoint }),
    inputs,
    outputs,
    params: new Params().u32(...params).f32(...floats),
    workgroups: typeof threads === 'number' ? folded(Math.ceil(threads / groupSize)) : threads,
    cost,
  };
}

/** One dimension ends at 65,535 workgroups. */
function folded(groups: number): readonly [number, number, number] {
  const rows = Math.ceil(groups / 32768);
  return [Math.ceil(groups / rows), rows, 1];
}

/** A kernel's dispatches, whether it makes one or several. */
export function listed(made: Dispatch<GPUBuffer> | readonly Dispatch<GPUBuffer>[]): readonly Dispatch<GPUBuffer>[] {
  return 'shader' in made ? [made] : made;
}

/** Runs dispatches and waits. */
export async function runOnce(device: GPUDevice, dispatches: readonly Dispatch<BufferRange>[]): Promise<void> {
  const sequence = new Sequence(device, 'bench', dispatches);
  await sequence.ready;
  const encoder = device.createCommandEncoder({ label: 'bench' });
  const pass = encoder.beginComputePass();
  sequence.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  sequence.destroy();
}
