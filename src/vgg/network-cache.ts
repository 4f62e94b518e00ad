// Known networks by name where there is no file system: downloaded once, kept as float16 weights in
// the Cache API. A page without it, or without room in it, downloads again the next time.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { encodeNetwork } from './encode.ts';
import { fetchedDepth, findKnown, readManifest, type KnownNetwork } from './known-networks.ts';
import { fetchFromMirrors } from './mirrors.ts';
import { decodeNetwork, type StoredNetwork } from './weights.ts';

const cacheName = 'wgpu-style';

/** The Cache API keys by addresses; nothing is ever asked for at this one. */
const keyBase = 'https://wgpu-style.invalid/networks/';

type Manifest = Readonly<Record<string, unknown>>;
let listed: Promise<Manifest> | undefined;

/** The list of known networks: a chunk of its own, which pages with other networks never load. */
function loadManifest(): Promise<Manifest> {
  listed ??= import('../../weights/manifest.json').then((module): Manifest => module.default);
  // What could not be fetched may come at the next attempt.
  listed.catch(() => (listed = undefined));
  return listed;
}

/** Downloads under way: whoever asks meanwhile waits for the same one. */
const running = new Map<string, Promise<StoredNetwork>>();

/**
 * A known network, from the cache or from its first working mirror.
 *
 * @throws `bad-option` for an unknown name, listing the known ones; `network` or `bad-model` saying
 *   what the last mirror did and what to do without it; `aborted`.
 */
export async function loadKnown(
  name: string,
  { upTo, signal }: { readonly upTo?: string; readonly signal?: AbortSignal },
  where: string,
): Promise<StoredNetwork> {
  throwIfAborted(signal, where);
  const hint = `, or write './${name}' for a file beside the page`;
  const entry = findKnown(readManifest(await loadManifest()), name, where, hint);
  const depth = fetchedDepth(upTo);
  const key = keyOf(entry, depth);
  const others = running.get(key);
  if (!others) {
    const job = obtain(entry, depth, signal, where).finally(() => running.delete(key));
    running.set(key, job);
    return job;
  }
  try {
    return await untilAborted(others, signal);
  } catch (error) {
    throwIfAborted(signal, where);
    // It was given up by the caller who began it, not by this one.
    const isTheirs = error instanceof WgpuStyleError && error.code === 'aborted';
    if (isTheirs) return loadKnown(name, { ...(upTo && { upTo }), ...(signal && { signal }) }, where);
    throw error;
  }
}

async function obtain(
  entry: KnownNetwork,
  depth: string,
  signal: AbortSignal | undefined,
  where: string,
): Promise<StoredNetwork> {
  const key = keyOf(entry, depth);
  const cache = await openCache();
  const stored = await readCached(cache, key, where);
  if (stored) return stored;
  const fix =
    `Check the connection; if this page may not load from there, download ${entry.title} yourself, ` +
    "convert it with 'wgpu-style import' and give the address or bytes of the file as network";
  const { network } = await fetchFromMirrors(entry, { upTo: depth, signal, fix }, where);
  const bytes = encodeNetwork(network, 'f16', where);
  await keep(cache, key, bytes);
  // Through float16 now too, so that the first run gives what later ones give.
  return decodeNetwork(bytes, where);
}

/** Name and depth, then the hash of the file that they stand for: a newer manifest is another key. */
function keyOf({ name, sha256, sha256Published }: KnownNetwork, depth: string): string {
  return `${keyBase}${name}-${depth}-f16/${sha256 ?? sha256Published ?? 'unknown'}`;
}

/** Undefined in old browsers, outside of secure contexts and where storage is forbidden. */
async function openCache(): Promise<Cache | undefined> {
  if (!('caches' in globalThis)) return undefined;
  return caches.open(cacheName).catch(() => undefined);
}

async function readCached(
  cache: Cache | undefined,
  key: string,
  where: string,
): Promise<StoredNetwork | undefined> {
  try {
    const found = await cache?.match(key);
    return found && decodeNetwork(new Uint8Array(await found.arrayBuffer()), where);
  } catch {
    // What cannot be read or is damaged is fetched again, and replaced.
    return undefined;
  }
}

async function keep(
  cache: Cache | undefined,
  key: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  try {
    const older = key.slice(0, key.lastIndexOf('/') + 1);
    for (const { url } of (await cache?.keys()) ?? []) {
      if (url.startsWith(older)) await cache!.delete(url);
    }
    const headers = { 'content-type': 'application/octet-stream' };
    await cache?.put(key, new Response(bytes, { headers }));
  } catch {
    // No room, or storage forbidden: the network is here all the same.
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('aborted'));
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
