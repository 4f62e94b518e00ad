// Where which styles paint, and where nothing is to change. Without masks and with opaque pictures there is one region, the
// whole picture, and no guides.

import { loadChunk } from '../gpu/chunk.ts';
import { isOpaque } from '../image/pixels.ts';
import type { Layer } from '../vgg/index.ts';
import type { MaskMode } from './mask-options.ts';
import type { Plane } from './masks.ts';
import type { Region } from './guides.ts';
import type { ScaledPictures } from './prepare.ts';

/** What masks and transparency say of a run. */
export interface Guidance {
  readonly regions: readonly Region[];
  /** 1 where the picture may change, 0 where not; undefined where it may everywhere. */
  readonly paintable: Plane | undefined;
}

/** Whether every pixel counts in full: no masks, nothing transparent. */
function isPlain({ content, styles }: ScaledPictures): boolean {
  return isOpaque(content) && styles.every(({ picture, mask, styleMask }) => !mask && !styleMask && isOpaque(picture));
}

/** The guidance of a result, for statistics of the `wanted` layers. */
export async function guidanceOf(
  pictures: ScaledPictures,
  layers: readonly Layer[],
  wanted: readonly string[],
  mode: MaskMode,
): Promise<Guidance> {
  return { regions: await regionsOf(pictures, layers, wanted, mode), paintable: await paintablePlane(pictures) };
}

async function regionsOf(pictures: ScaledPictures, layers: readonly Layer[], wanted: readonly string[], mode: MaskMode): Promise<Region[]> {
  if (isPlain(pictures)) {
    const styles = pictures.styles.map(({ picture, weight }, index) => ({ index, picture, weight, guides: undefined }));
    return [{ share: 1, guides: undefined, styles }];
  }
  const { guidedRegions } = await loadChunk('StyleSession.create', import('./guides.ts'));
  return guidedRegions(pictures, layers, new Set(wanted), mode);
}

async function paintablePlane({ content, updateMask }: ScaledPictures): Promise<Plane | undefined> {
  if (!updateMask) return undefined;
  const { planeOf } = await loadChunk('StyleSession.create', import('./masks.ts'));
  const plane = planeOf(updateMask, content.width, content.height);
  return { ...plane, values: plane.values.map((value) => (value > 0 ? 1 : 0)) };
}
