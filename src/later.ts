// Public functions whose code is a chunk of its own in bundles, loaded when they are called first.

import { loadChunk } from './gpu/chunk.ts';
import type { TuneOptions } from './kernels/tune.ts';
import type { TuningTable } from './kernels/tuning.ts';
import type { RunPlan, StyleTransferOptions } from './style/index.ts';
import type { TimeEstimate } from './style/time.ts';

/**
 * Measures which convolution kernels are fastest on the device's adapter, once: about a second and the time to compile
 * them. From then on sessions and tapes on devices of this adapter use what was found. Remembered in localStorage, or in
 * Node in the cache folder; a device that was tuned before returns its table at once. Submits work of its own to the queue.
 */
export async function tune(device: GPUDevice, options?: TuneOptions): Promise<TuningTable> {
  return (await loadChunk('tune', import('./kernels/tune.ts'))).tune(device, options);
}

/**
 * What the run that `plan(options)` has planned will take on `options.device`, or on one of its own: measured on a few iterations
 * at sizes that are cheap to try, reckoned by arithmetic for the others.
 *
 * @throws what the run would throw.
 */
export async function estimateTime(options: StyleTransferOptions, plan: Pick<RunPlan, 'scales'>): Promise<TimeEstimate> {
  return (await loadChunk('estimateTime', import('./style/time.ts'))).estimateTime(options, plan);
}

/**
 * A PNG file of RGBA pixels, 8 bits a channel, rows from the top, straight alpha, with texts by keyword inside.
 *
 * @throws `bad-image` for pixels that are not 4 · width · height bytes.
 */
export async function encodePng(
  width: number,
  height: number,
  pixels: Uint8Array | Uint8ClampedArray,
  options?: { readonly text?: Readonly<Record<string, string>> },
): Promise<Uint8Array<ArrayBuffer>> {
  return (await loadChunk('encodePng', import('./image/png.ts'))).encodePng(width, height, pixels, options);
}

/** The texts in a PNG file by keyword; the settings of a run are under `wgpu-style`. Throws `bad-image` for bytes that are no PNG. */
export async function readPngText(bytes: Uint8Array): Promise<Readonly<Record<string, string>>> {
  return (await loadChunk('readPngText', import('./image/png-text.ts'))).readPngText(bytes);
}
