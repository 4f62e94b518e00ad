// What a broken download brought, in a page: one entry of the Cache API for each part, which is there
// as a whole or not at all, also when the page is closed in the middle.

import type { KeptParts } from './mirrors.ts';
import type { FileIdentity, PartStore } from './parts.ts';

/** The parts under addresses that begin with `prefix`; nothing is ever asked for at these. */
export function cacheParts(cache: Cache | undefined, prefix: string): KeptParts {
  const discard = (): Promise<void> => deleteWhere(cache, (url) => url.startsWith(prefix));
  const open = async (file: FileIdentity): Promise<PartStore | undefined> => {
    if (!cache) return undefined;
    const place = `${prefix}${encodeURIComponent(file.address)}/`;
    const version = `${place}${file.size ?? ''}/${encodeURIComponent(file.tag ?? '')}/`;
    // Of another version of the file at this address nothing can be used.
    await deleteWhere(cache, (url) => url.startsWith(place) && !url.startsWith(version));
    return partStore(cache, version);
  };
  return { open, discard };
}

function partStore(cache: Cache, version: string): PartStore {
  let isFull = false;
  return {
    get: async (offset, length) => {
      try {
        const found = await cache.match(`${version}${offset}-${length}`);
        const bytes = found && new Uint8Array(await found.arrayBuffer());
        return bytes?.length === length ? bytes : undefined;
      } catch {
        return undefined;
      }
    },
    put: async (offset, bytes) => {
      if (isFull) return;
      try {
        await cache.put(`${version}${offset}-${bytes.length}`, binaryResponse(bytes));
      } catch {
        isFull = true; // no room: what is kept already is still good
      }
    },
    close: async () => undefined,
  };
}

/** Bytes as the Cache API takes them. */
export function binaryResponse(bytes: Uint8Array): Response {
  const headers = { 'content-type': 'application/octet-stream' };
  return new Response(new Uint8Array(bytes), { headers });
}

/** Forgets entries. Never throws: a cache that cannot be read has nothing to forget. */
export async function deleteWhere(
  cache: Cache | undefined,
  isUnwanted: (url: string) => boolean,
): Promise<void> {
  try {
    for (const { url } of (await cache?.keys()) ?? []) if (isUnwanted(url)) await cache!.delete(url);
  } catch {
    // Storage that is forbidden from now on.
  }
}
