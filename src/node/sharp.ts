// sharp, an optional dependency. By itself, so that the declarations of what is exported do not need sharp's.

import type { SharpConstructor } from 'sharp';
import { WgpuStyleError } from '../gpu/errors.ts';

/** sharp, when it is first needed. Throws `bad-image` where it is not installed. */
export async function loadSharp(where: string, purpose: string): Promise<SharpConstructor> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new WgpuStyleError('bad-image', {
      what: `${purpose} needs the package sharp, which is not installed here`,
      where,
      fix: 'Run "npm install sharp", or use PNG',
      cause,
    });
  }
}
