// Known networks by name where there is no file system: downloaded once, kept as float16 weights in
// the Cache API, with what a broken download brought beside them until it is whole. A page without
// that cache, or without room in it, downloads again the next time, and says so.

import type { DownloadProgress, NetworkOptions } from '../gpu/host.ts';
import { throwIfAborted } from '../gpu/errors.ts';
import { encodeNetwork } from './encode.ts';
import {
  fetchedDepth,
  findKnown,
  reaches,
  readManifest,
  type KnownNetwork,
} from './known-networks.ts';
import { fetchFromMirrors } from './mirrors.ts';
import { binaryResponse, cacheParts, deleteWhere } from './page-parts.ts';
import { SharedJobs } from './shared-job.ts';
import { fileHash } from './trust.ts';
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

const jobs = new SharedJobs<StoredNetwork, DownloadProgress>();

/**
 * A known network, from the cache or from its first working mirror; at least as deep as wanted.
 *
 * @throws `bad-option` for an unknown name, listing the known ones; `network` or `bad-model` saying
 *   what the last mirror did and what to do without it; `aborted`.
 */
export async function loadKnown(
  name: string,
  options: NetworkOptions,
  where: string,
): Promise<StoredNetwork> {
  const { signal, onDownload: onProgress } = options;
  throwIfAborted(signal, where);
  const hint = `, or write './${name}' for a file beside the page`;
  const entry = findKnown(readManifest(await loadManifest()), name, where, hint);
  const depth = fetchedDepth(options.upTo);
  const place = `${keyBase}${entry.name}-${depth}-f16/`;
  return jobs.ask(place, { where, signal, onProgress }, async (onDownload) => {
    const cache = await openCache();
    const find = (): Promise<StoredNetwork | undefined> => readCached(cache, entry, depth, where);
    // Another page of the same origin may be downloading it, and has it when it is through.
    return (
      (await find()) ??
      (await oneAtATime(place, signal, where, async () => {
        const wish = { ...options, onDownload };
        return (await find()) ?? obtain(entry, depth, cache, place, wish, where);
      }))
    );
  });
}

async function obtain(
  entry: KnownNetwork,
  depth: string,
  cache: Cache | undefined,
  place: string,
  { signal, onDownload, onWarning }: NetworkOptions,
  where: string,
): Promise<StoredNetwork> {
  const fix =
    `Check the connection; if this page may not load from there, download ${entry.title} yourself, ` +
    "convert it with 'wgpu-style import' and give the address or bytes of the file as network";
  const parts = cacheParts(cache, `${place}parts/`);
  const options = { upTo: depth, signal, onDownload, parts, fix };
  const { network } = await fetchFromMirrors(entry, options, where);
  const bytes = encodeNetwork(network, 'f16', where);
  await deleteWhere(cache, (url) => url.startsWith(place) && !url.startsWith(`${place}parts/`));
  const key = place + hashOf(entry);
  // What it was made of goes only when it is there, unless there is no room for both.
  let isKept = await put(cache, key, bytes);
  await parts.discard();
  if (!isKept) isKept = await put(cache, key, bytes);
  if (!isKept) {
    const reason = cache ? 'there is no room in the cache' : 'there is no Cache API here';
    onWarning(`${where}: could not be kept, ${reason}. It will be downloaded again the next time.`);
  }
  // Through float16 now too, so that the first run gives what later ones give.
  return decodeNetwork(bytes, where);
}

/** The hash of the file that a network stands for: a newer manifest is another key. */
function hashOf(entry: KnownNetwork): string {
  return fileHash(entry) ?? 'unknown';
}

/** Undefined in old browsers, outside of secure contexts and where storage is forbidden. */
async function openCache(): Promise<Cache | undefined> {
  if (!('caches' in globalThis)) return undefined;
  return caches.open(cacheName).catch(() => undefined);
}

async function readCached(
  cache: Cache | undefined,
  entry: KnownNetwork,
  depth: string,
  where: string,
): Promise<StoredNetwork | undefined> {
  const begin = `${keyBase}${entry.name}-`;
  const end = `-f16/${hashOf(entry)}`;
  try {
    for (const { url } of (await cache?.keys()) ?? []) {
      if (!url.startsWith(begin) || !url.endsWith(end)) continue;
      if (!reaches(url.slice(begin.length, -end.length), depth)) continue;
      const found = await cache!.match(url);
      if (found) return decodeNetwork(new Uint8Array(await found.arrayBuffer()), where);
    }
  } catch {
    // What cannot be read or is damaged is fetched again, and replaced.
  }
  return undefined;
}

async function put(cache: Cache | undefined, key: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await cache?.put(key, binaryResponse(bytes));
    return cache !== undefined;
  } catch {
    return false; // no room, or storage forbidden
  }
}

/** Runs `work` while no other page of this origin does, where the platform can tell. */
async function oneAtATime<T>(
  name: string,
  signal: AbortSignal | undefined,
  where: string,
  work: () => Promise<T>,
): Promise<T> {
  if (!globalThis.navigator?.locks) return work();
  let isOurs = false;
  const begin = (): Promise<T> => {
    isOurs = true;
    return work();
  };
  try {
    return await navigator.locks.request(name, { ...(signal && { signal }) }, begin);
  } catch (error) {
    if (isOurs) throw error;
    throwIfAborted(signal, where);
    return work(); // no locks here either: frames without an origin
  }
}
