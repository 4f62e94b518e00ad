// What a run would need, before it runs: sizes, dispatches, arithmetic, memory. The run is built on a device that only
// counts (gpu/counting.ts), by the very code that builds the real one.

import { memoryUse } from '../gpu/buffers.ts';
import { countingDevice } from '../gpu/counting.ts';
import { host } from '../gpu/host.ts';
import type { Pixels } from '../image/pixels.ts';
import { resolveOptions, type StyleTransferOptions } from './options.ts';
import { loadNetwork, loadPictures, scaleParts } from './prepare.ts';
import { resampleCounted } from './resampling.ts';
import { scalesOf, type Scale } from './scales.ts';
import { StyleSession } from './session.ts';
import type { SessionPlan } from './session-plan.ts';

/** One scale of a planned run; dispatches, flops and bytesMoved are those of one iteration. */
export interface ScalePlan extends Scale, SessionPlan {
  /** Highest sum of GPU buffers at this scale: resampling, weights, targets, arena, optimiser; textures are not buffers. */
  readonly peakBytes: number;
  /** What is held while it iterates: the arena, the optimiser, and beside them weights, targets and staging. */
  readonly residentBytes: number;
}

/** A planned run. */
export interface RunPlan {
  readonly scales: readonly ScalePlan[];
  /** Highest sum of GPU buffers of the whole run. */
  readonly peakBytes: number;
  /** Iterations in all, and their arithmetic. */
  readonly iterations: number;
  readonly flops: number;
}

/**
 * Plans `styleTransfer(options)` without running it: decodes the pictures (their sizes decide), reads the network, and
 * counts. The limits are those of `options.device`, or the defaults of WebGPU; kernels are chosen as for that device.
 *
 * @throws the errors that the run would throw for its options, pictures and limits.
 */
export async function plan(options: StyleTransferOptions): Promise<RunPlan> {
  const resolved = resolveOptions(options);
  await host.loadNames?.();
  const { device } = options;
  const limits = device && (device.limits as unknown as Readonly<Record<string, number>>);
  const counted = countingDevice(limits, device?.adapterInfo, device?.features);
  const vgg = await loadNetwork(options);
  const loaded = await loadPictures(options, resolved, device ?? counted);
  const scales = scalesOf(loaded.content, resolved);
  const planned: ScalePlan[] = [];
  let coarser: Pixels | undefined;
  for (const [index, scale] of scales.entries()) {
    // A device of its own for each scale: its peak is that scale's.
    const counter = countingDevice(limits, device?.adapterInfo, device?.features);
    const parts = await scaleParts(resolved, loaded, scales, index, coarser, resampleCounted(counter, resolved));
    coarser = parts.start;
    const session = await StyleSession.from({ device: counter, vgg, ...parts, preview: undefined });
    await session.readPixels(); // the staging buffer of the finished picture belongs to the peak
    const { bytes: residentBytes, peakBytes } = memoryUse(counter);
    planned.push({ ...scale, ...session.plan, peakBytes, residentBytes });
    session.destroy();
  }
  return {
    scales: planned,
    peakBytes: Math.max(...planned.map(({ peakBytes }) => peakBytes)),
    iterations: planned.reduce((sum, { iterations }) => sum + iterations, 0),
    flops: planned.reduce((sum, { iterations, flops }) => sum + iterations * flops, 0),
  };
}
