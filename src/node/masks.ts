// Masks of the command line: a picture's path, and behind a # how it is read: regions.png#ff8000 (what has this colour),
// #alpha, #invert, or two of these with a comma. Pure.

import { badOption } from '../gpu/errors.ts';
import type { MaskOptions } from '../style/mask-options.ts';
import type { StylePath } from './settings.ts';

/** Stands for no mask in a list of them. */
const NONE = '-';

/** A mask's words taken apart; a # that none of these words follows belongs to the path. */
export function maskOf(text: string): Omit<MaskOptions, 'image'> & { readonly path: string } {
  const [, path = '', words = ''] = /^(.+)#((?:[\da-f]{6}|alpha|invert)(?:,invert)?)$/i.exec(text) ?? [undefined, text];
  const [first = ''] = words.split(',');
  return {
    path,
    ...(/^[\da-f]{6}$/i.test(first) && { color: `#${first}` }),
    ...(first.toLowerCase() === 'alpha' && { channel: 'alpha' as const }),
    ...(words.toLowerCase().endsWith('invert') && { invert: true }),
  };
}

/** Styles with the masks of --mask and --style-mask, in order. Throws `bad-option` for more masks than styles. */
export function withMasks(
  styles: readonly StylePath[],
  masks: readonly string[] = [],
  styleMasks: readonly string[] = [],
): readonly StylePath[] {
  for (const [flag, list] of [['--mask', masks] as const, ['--style-mask', styleMasks] as const]) {
    if (list.length <= styles.length) continue;
    const what = `got ${list.length} masks for ${styles.length} style picture(s)`;
    throw badOption(flag, what, `Give one for each style, in order; ${NONE} for none`);
  }
  return styles.map((style, i) => ({ ...style, ...given('mask', masks[i]), ...given('styleMask', styleMasks[i]) }));
}

function given(key: 'mask' | 'styleMask', text: string | undefined): Partial<StylePath> {
  return text === undefined || text === NONE ? {} : { [key]: text };
}
