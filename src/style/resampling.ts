// How pictures of a run get to another size: on its device, or on the host where there is none to use. Both are chunks of their
// own, which a run whose pictures have their sizes already does not load.

import { loadChunk } from '../gpu/chunk.ts';
import type { Pixels } from '../image/pixels.ts';
import type { ResizeFilter } from '../image/taps.ts';

/** Another size of a picture; of the same size the picture itself. `light`: by the light that its values stand for. */
export type Resample = (
  pixels: Pixels,
  width: number,
  height: number,
  options?: { readonly filter?: ResizeFilter; readonly light?: boolean },
) => Promise<Pixels>;

function isSize({ width, height }: Pixels, toWidth: number, toHeight: number): boolean {
  return width === toWidth && height === toHeight;
}

/** On a device; rejects with `aborted` when the signal fires. */
export function resampleOn(device: GPUDevice, signal?: AbortSignal): Resample {
  return async (pixels, width, height, options) => {
    if (isSize(pixels, width, height)) return pixels;
    const { resample } = await loadChunk('styleTransfer', import('../image/resample.ts'));
    return resample(device, pixels, width, height, { ...options, signal });
  };
}

/** On the host. */
export const resampleOnHost: Resample = async (pixels, width, height, options) => {
  if (isSize(pixels, width, height)) return pixels;
  const { resizeOnHost } = await loadChunk('styleTransfer', import('../image/linear-light.ts'));
  return resizeOnHost(pixels, width, height, options);
};

/** On the host, and `counter`, a device that only counts, learns what a device would be asked for. */
export function resampleCounted(counter: GPUDevice): Resample {
  const counted = resampleOn(counter);
  return async (...picture) => {
    await counted(...picture);
    return resampleOnHost(...picture);
  };
}
