// What the option `color` does to pictures before and after the run: a chunk of its own, for whoever asks for it.

import { keepColors, matchColors, matchHistogram, matchLuma, toLuma } from '../image/color.ts';
import type { Pixels } from '../image/pixels.ts';
import type { ResolvedColor } from './color-options.ts';

/** The style as the run sees it; `content` gives the colours. */
export function styleColors(style: Pixels, content: Pixels, color: ResolvedColor): Pixels {
  if (color.mode === 'match' && color.when === 'before') return matchColors(style, content, color.method);
  if (color.mode === 'histogram' && color.when === 'before') return matchHistogram(style, content);
  if (color.mode === 'luminance' && color.when === 'both') return matchLuma(style, content);
  return style;
}

/** The content as the run sees it. */
export function contentColors(content: Pixels, color: ResolvedColor): Pixels {
  return color.mode === 'luminance' && color.when === 'both' ? toLuma(content) : content;
}

/** The finished picture; `content` has its size. */
export function resultColors(result: Pixels, content: Pixels, color: ResolvedColor): Pixels {
  if (color.mode === 'luminance') return keepColors(result, content, color.space);
  if (color.mode === 'match' && color.when === 'after') return matchColors(result, content, color.method);
  if (color.mode === 'histogram' && color.when === 'after') return matchHistogram(result, content);
  return result;
}
