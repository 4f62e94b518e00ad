// What a caller may say of masks: pictures that tell where something counts. Checked before anything is decoded.

import { badOption } from '../gpu/errors.ts';
import type { ImageSource } from '../image/index.ts';
import { show } from './check-recipe.ts';

/** A mask with how its picture is read. */
export interface MaskOptions {
  readonly image: ImageSource;
  /** `luminance` (default): white counts, black does not, gray in part. `alpha`: what is opaque counts. */
  readonly channel?: 'luminance' | 'alpha';
  /** For pictures with a colour for each region: `'#rrggbb'`; what has this colour counts. */
  readonly color?: string;
  /** True: what would not count counts, and the other way round. */
  readonly invert?: boolean;
}

/** A mask: any picture, by its luminance, or with {@link MaskOptions}. It is stretched to what it is for. */
export type MaskInput = ImageSource | MaskOptions;

/**
 * Which features a mask lets count in a layer (Gatys et al. 2017, section 4): `simple`, the mask reduced as the pooling
 * reduces the picture; `inside`, those that see nothing outside of it; `all`, those that see anything of it.
 */
export type MaskMode = 'simple' | 'inside' | 'all';

/** The modes, default first. */
export const MASK_MODES: readonly MaskMode[] = ['simple', 'inside', 'all'];

/** A mask that was checked. */
export interface ResolvedMask {
  readonly image: ImageSource;
  readonly by: 'luminance' | 'alpha' | readonly [red: number, green: number, blue: number];
  readonly invert: boolean;
}

/** Checks a mask. Throws `bad-option` with `where`. */
export function resolveMask(given: MaskInput, where: string): ResolvedMask {
  if (given === null) throw badOption(where, 'got null', 'Give a picture, or leave it out');
  if (typeof given !== 'object' || !('image' in given)) {
    return { image: given as ImageSource, by: 'luminance', invert: false };
  }
  const { image, channel, color, invert = false, ...rest } = given;
  const [unknown] = Object.keys(rest);
  if (unknown) throw badOption(where, `there is no setting ${unknown}`, 'Give image, channel, color, invert');
  if (image === undefined || image === null) throw badOption(where, 'it has no image', 'Give { image, … }');
  if (typeof invert !== 'boolean') throw badOption(where, `invert is ${show(invert)}`, 'Give true or false');
  if (channel !== undefined && channel !== 'luminance' && channel !== 'alpha') {
    throw badOption(where, `channel is ${show(channel)}`, 'Give luminance or alpha');
  }
  if (color === undefined) return { image, by: channel ?? 'luminance', invert };
  if (channel !== undefined) throw badOption(where, 'it has both channel and color', 'Give one of them');
  if (typeof color !== 'string' || !/^#[\da-f]{6}$/i.test(color)) {
    throw badOption(where, `color is ${show(color)}`, "Give '#rrggbb'");
  }
  const byte = (at: number): number => parseInt(color.slice(at, at + 2), 16) / 255;
  return { image, by: [byte(1), byte(3), byte(5)], invert };
}
