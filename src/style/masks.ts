// Masks as pictures: how one is read, what is done with hidden colours, and what a mask keeps. A chunk of its own, for
// whoever has masks or transparent pictures.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { ImageSource, Pixels } from '../image/index.ts';
import { clamp01 } from '../image/pixels.ts';
import { resize } from '../image/resize.ts';
import type { ResolvedMask } from './mask-options.ts';
import type { ResolvedOptions } from './options.ts';

/** A colour belongs to a region when no channel is farther from the region's colour: JPEG's noise stays below. */
const NEAR = 0.2;

/** Masks of a style, gray, 1 where something counts: where in the result, and what of the style. */
export interface MaskPictures {
  readonly mask?: Pixels | undefined;
  readonly styleMask?: Pixels | undefined;
}

/** One number for each pixel, in [0, 1]: how much it counts. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** The mask as a gray picture: 1 where it counts. Throws `bad-image` for one that counts nowhere. */
export function readMask({ width, height, data }: Pixels, { by, invert }: ResolvedMask, where: string): Pixels {
  const gray = new Float32Array(data.length);
  let most = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue, alpha] = data.subarray(i, i + 4) as unknown as [number, number, number, number];
    let value: number;
    if (by === 'alpha') value = alpha;
    else if (by === 'luminance') value = alpha * clamp01(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    else {
      const away = Math.max(Math.abs(red - by[0]), Math.abs(green - by[1]), Math.abs(blue - by[2]));
      value = away < NEAR && alpha > 0.5 ? 1 : 0;
    }
    if (invert) value = 1 - value;
    most = Math.max(most, value);
    gray.fill(value, i, i + 3);
    gray[i + 3] = 1;
  }
  if (most > 0) return { width, height, data: gray };
  throw new WgpuStyleError('bad-image', {
    what: `the mask of ${width}x${height} pixels counts nowhere`,
    where,
    fix: 'Make what should count white, or check channel, color and invert',
  });
}

/** Loads what `resolved` names of masks; `load` decodes a picture. */
export async function loadMasks(
  { styles, updateMask }: Pick<ResolvedOptions, 'styles' | 'updateMask'>,
  load: (source: ImageSource, where: string) => Promise<Pixels>,
): Promise<{ readonly ofStyles: readonly MaskPictures[]; readonly updateMask: Pixels | undefined }> {
  const read = async (mask: ResolvedMask | undefined, where: string): Promise<Pixels | undefined> =>
    mask && readMask(await load(mask.image, where), mask, where);
  const ofStyles: MaskPictures[] = [];
  for (const [i, { mask, styleMask }] of styles.entries()) {
    ofStyles.push({
      mask: await read(mask, `style[${i}].mask`),
      styleMask: await read(styleMask, `style[${i}].styleMask`),
    });
  }
  return { ofStyles, updateMask: await read(updateMask, 'updateMask') };
}

/** The same picture whose hidden colours, where it is transparent, are its mean: nothing of them reaches a feature. */
export function withoutHidden({ width, height, data }: Pixels): Pixels {
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i++) sums[i % 4]! += i % 4 === 3 ? data[i]! : data[i]! * data[i | 3]!;
  const weight = sums[3]! || 1;
  return {
    width,
    height,
    data: data.map((value, i) => {
      const alpha = data[i | 3]!;
      return i % 4 === 3 ? value : alpha * value + ((1 - alpha) * sums[i % 4]!) / weight;
    }),
  };
}

/** A mask stretched over `width` x `height`. */
export function planeOf(mask: Pixels, width: number, height: number): Plane {
  const { data } = resize(mask, width, height, { filter: 'bilinear' });
  return { width, height, values: Float32Array.from({ length: width * height }, (_, i) => data[4 * i]!) };
}

/** A picture's alpha. */
export function alphaOf({ width, height, data }: Pixels): Plane {
  return { width, height, values: Float32Array.from({ length: width * height }, (_, i) => data[4 * i + 3]!) };
}

/** `painted` where its share is 1, `kept` where it is 0, blended between; all of one size. Alpha is `painted`'s. */
export function keepOutside(painted: Pixels, kept: Pixels, shares: Float32Array): Pixels {
  const { width, height, data } = painted;
  return {
    width,
    height,
    data: data.map((value, i) => {
      const share = shares[i >> 2]!;
      return i % 4 === 3 || share === 1 ? value : share === 0 ? kept.data[i]! : share * value + (1 - share) * kept.data[i]!;
    }),
  };
}
