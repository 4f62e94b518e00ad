// Where which styles paint. Without masks and with opaque pictures there is one region, the whole picture, and no guides.

import { loadChunk } from '../gpu/chunk.ts';
import { isOpaque } from '../image/pixels.ts';
import type { Layer } from '../vgg/index.ts';
import type { MaskMode } from './mask-options.ts';
import type { Region } from './guides.ts';
import type { ScaledPictures } from './prepare.ts';

/** Whether every pixel counts in full: no masks, nothing transparent. */
export function isPlain({ content, styles }: ScaledPictures): boolean {
  return isOpaque(content) && styles.every(({ picture, mask, styleMask }) => !mask && !styleMask && isOpaque(picture));
}

/** The regions of a result, for statistics of the `wanted` layers. */
export async function regionsOf(
  pictures: ScaledPictures,
  layers: readonly Layer[],
  wanted: readonly string[],
  mode: MaskMode,
): Promise<Region[]> {
  const { styles } = pictures;
  if (isPlain(pictures)) return [{ share: 1, guides: undefined, styles: styles.map((style) => ({ ...style, guides: undefined })) }];
  const { guidedRegions } = await loadChunk('StyleSession.create', import('./guides.ts'));
  return guidedRegions(pictures, layers, new Set(wanted), mode);
}
