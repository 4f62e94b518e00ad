// How pictures of a run get to another size: on its device, or on the host where there is none to use. Both are chunks of their
// own, which a run whose pictures have their sizes already does not load.

import { loadChunk } from '../gpu/chunk.ts';
import { WgpuStyleError } from '../gpu/errors.ts';
import { toPixels, type Decoded, type Pixels } from '../image/pixels.ts';
import type { ResizeFilter } from '../image/taps.ts';
import type { ResolvedOptions } from './options.ts';

/** Another size of a picture, in floats; of the same size the picture itself. `light`: by the light that its values stand for. */
export type Resample = (
  picture: Decoded,
  width: number,
  height: number,
  options?: { readonly filter?: ResizeFilter; readonly light?: boolean },
) => Promise<Pixels>;

function isSize({ width, height }: Decoded, toWidth: number, toHeight: number): boolean {
  return width === toWidth && height === toHeight;
}

/** On a device, in no more memory than the limit of a run, or on the host where the device has none left; rejects with `aborted` when the signal fires. */
export function resampleOn(device: GPUDevice, { memoryLimit }: Pick<ResolvedOptions, 'memoryLimit'>, signal?: AbortSignal): Resample {
  return async (picture, width, height, options) => {
    if (isSize(picture, width, height)) return toPixels(picture);
    const { resample } = await loadChunk('styleTransfer', import('../image/resample.ts'));
    const scratch = memoryLimit === undefined ? {} : { scratch: memoryLimit };
    return resample(device, picture, width, height, { ...options, ...scratch, signal }).catch((error: unknown) => {
      if (error instanceof WgpuStyleError && error.code === 'out-of-memory') return resampleOnHost(picture, width, height, options);
      throw error;
    });
  };
}

/** On the host. */
export const resampleOnHost: Resample = async (picture, width, height, options) => {
  if (isSize(picture, width, height)) return toPixels(picture);
  const { resizeOnHost } = await loadChunk('styleTransfer', import('../image/linear-light.ts'));
  return resizeOnHost(picture, width, height, options);
};

/** On the host, and `counter`, a device that only counts, learns what a device would be asked for. */
export function resampleCounted(counter: GPUDevice, resolved: Pick<ResolvedOptions, 'memoryLimit'>): Resample {
  const counted = resampleOn(counter, resolved);
  return async (...picture) => {
    await counted(...picture);
    return resampleOnHost(...picture);
  };
}
