// What is done to a picture when its run is over, where something is: a chunk of its own.

import { isOpaque, type Pixels } from '../image/pixels.ts';
import type { ResolvedOptions } from './options.ts';
import type { LoadedPictures } from './prepare.ts';

/** What is done to a picture in the end, and what comes of it. */
export interface Finishing {
  /** Finishes rows from number `first` on, in the memory they are in where that is possible. */
  readonly finish: (rows: Pixels, first: number) => Pixels;
  /** True where it depends on all pixels at once. */
  readonly needsWhole: boolean;
  /** Whether all of it is opaque then. */
  readonly isOpaque: boolean;
}

/** The content's colours where asked for, the content itself outside of the update mask, and its alpha. `content` has the picture's size. */
export async function finishingOf(
  { color }: ResolvedOptions,
  { updateMask }: LoadedPictures,
  content: Pixels,
): Promise<Finishing> {
  const { width, height } = content;
  const recolor = color.mode === 'style' ? undefined : (await import('./recolor.ts')).resultColors;
  const masks = updateMask && (await import('./masks.ts'));
  const shares = masks?.planeOf(updateMask!, width, height).values;
  const finish = (rows: Pixels, first: number): Pixels => {
    const [begin, end] = [width * first, width * (first + rows.height)];
    const own = { width, height: rows.height, data: content.data.subarray(4 * begin, 4 * end) };
    const colored = recolor ? recolor(rows, own, color) : rows;
    const kept = masks ? masks.keepOutside(colored, own, shares!.subarray(begin, end)) : colored;
    for (let i = 3; i < kept.data.length; i += 4) kept.data[i] = own.data[i]!;
    return kept;
  };
  // Means, covariances and histograms are those of whole pictures.
  const needsWhole = (color.mode === 'match' || color.mode === 'histogram') && color.when === 'after';
  return { finish, needsWhole, isOpaque: isOpaque(content) };
}
