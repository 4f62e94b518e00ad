// Where a session shows its picture: its own texture, and a preview of the caller's.

import { canvasPreview, Painter, type PaintSource, type Preview } from '../image/index.ts';
import type { Belongings } from './belongings.ts';
import type { StyleTransferOptions } from './options.ts';

/** What repaints `texture` and `preview` from the image buffer; `belongings` gives it back. */
export function makePainters(
  device: GPUDevice,
  source: PaintSource,
  texture: GPUTexture,
  preview: StyleTransferOptions['preview'],
  belongings: Belongings,
): Preview[] {
  const painters: Preview[] = [belongings.keep(new Painter(device, source, texture))];
  if (!preview) return painters;
  const isCanvas = 'getContext' in preview;
  const second = isCanvas ? canvasPreview(device, source, texture, preview) : new Painter(device, source, preview);
  painters.push(belongings.keep(second));
  return painters;
}
