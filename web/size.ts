// A size as options give it.

import type { PageOptions } from './protocol.ts';

/** Its longest side in pixels. */
export function longestSide(size: PageOptions['size'] = 512): number {
  return typeof size === 'number' ? size : Math.max(size.width, size.height);
}
