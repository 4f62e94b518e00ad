// Where a session shows its picture: its own texture, and a preview of the caller's.

import type { Preview } from '../image/index.ts';
import { Painter, type PaintSource } from '../image/paint.ts';
import { textureImage } from '../image/texture-image.ts';
import type { Belongings } from './belongings.ts';
import type { StyleTransferOptions } from './options.ts';

/** What repaints `texture` and `preview` from the bands of the image; `belongings` gives it back. */
export async function makePainters(
  device: GPUDevice,
  sources: readonly PaintSource[],
  texture: GPUTexture,
  preview: StyleTransferOptions['preview'],
  belongings: Belongings,
): Promise<Preview[]> {
  const own = belongings.keep(await Painter.create(device, sources, { texture }));
  if (!preview) return [own];
  if (!('getContext' in preview)) return [own, belongings.keep(await Painter.create(device, sources, textureImage(preview)))];
  const { canvasPreview } = await import('../image/preview.ts');
  return [own, belongings.keep(await canvasPreview(device, sources, texture, preview))];
}
