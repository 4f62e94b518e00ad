// What a kernel's variant is chosen by: a few plain facts about the adapter, so that the choice is a pure function
// that tests can call without a GPU.

import { isSoftwareAdapter } from '../gpu/device.ts';
import { tuningOf, type TuningTable } from './tuning.ts';

/** Facts about an adapter that decide between kernel variants. */
export interface KernelTarget {
  /** Shaders run on the CPU: workgroup memory and barriers cost, registers and long runs of pixels win. */
  readonly software: boolean;
  /** Lanes of every subgroup, where the device has subgroups and their size never varies. */
  readonly subgroupSize: number | undefined;
  /** What `tune` measured on this adapter, now or before; goes before the rules. */
  readonly tuned?: TuningTable | undefined;
}

/** Reads the facts off a device. */
export function kernelTarget(device: GPUDevice): KernelTarget {
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo ?? {};
  const fixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  const tuned = tuningOf(device);
  return {
    software: isSoftwareAdapter(device),
    subgroupSize: fixed ? subgroupMinSize : undefined,
    ...(tuned && { tuned }),
  };
}
