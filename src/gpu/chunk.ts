// Parts of the library that bundles keep in files of their own, loaded when they are used.

import { WgpuStyleError } from './errors.ts';

/**
 * What a dynamic import gives.
 *
 * @throws `network` saying which part did not come.
 */
export async function loadChunk<T>(where: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WgpuStyleError('network', {
      what: `a part of the library could not be loaded: ${reason}`,
      where,
      fix: "Check the connection, and that the bundle's chunks are served beside it",
      cause,
    });
  }
}
