// The published networks that weights/manifest.json lists, and where their converted weights are
// kept: $XDG_CACHE_HOME or ~/.cache, on Windows %LOCALAPPDATA%, in a folder wgpu-style.

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { findKnown, reaches, readManifest, type KnownNetwork } from '../vgg/known-networks.ts';
import { looksLikeName } from '../vgg/source.ts';
import { fileHash } from '../vgg/trust.ts';
import { packageRoot } from './version.ts';

/** The manifest. */
export function knownNetworks(): readonly KnownNetwork[] {
  const file = path.join(packageRoot() ?? '.', 'weights', 'manifest.json');
  if (!existsSync(file)) return [];
  return readManifest(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
}

/** Whether a word is the name of a known network, and no file of that name is there. */
export function isKnownName(word: string): boolean {
  return looksLikeName(word) && !existsSync(word) && knownNetworks().some((n) => n.name === word);
}

/** The entry of that name. Throws `bad-option` listing those there are. */
export function knownNetwork(name: string, where: string): KnownNetwork {
  return findKnown(knownNetworks(), name, where);
}

/**
 * The known network that a file is, told by its size and then by the hash of all of it: the size
 * alone proves nothing. Undefined for any other file.
 */
export async function recognise(file: string): Promise<KnownNetwork | undefined> {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size;
  const candidates = knownNetworks().filter((entry) => entry.bytes === bytes);
  if (candidates.length === 0) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Uint8Array);
  }
  const sha256 = hash.digest('hex');
  return candidates.find((entry) => fileHash(entry) === sha256);
}

/** The folder of fetched networks; it may not exist yet. */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  // The XDG rule: a relative path there is to be ignored.
  if (xdg && path.isAbsolute(xdg)) return path.join(xdg, 'wgpu-style');
  if (platform === 'win32' && local) return path.join(local, 'wgpu-style', 'Cache');
  return path.join(homedir(), '.cache', 'wgpu-style');
}

/**
 * Where the weights of a known network are kept. The hash of the file that they come from is part of
 * the name: a manifest that names another file means other weights.
 */
export function cachedFile(entry: KnownNetwork, upTo: string, dtype: 'f16' | 'f32'): string {
  return path.join(cacheFolder(), `${entry.name}-${upTo}${endOfName(entry, dtype)}`);
}

/** Files in the cache that hold a network at least up to `upTo`, the smallest that do first. */
export function cachedFiles(entry: KnownNetwork, upTo: string, dtype: 'f16' | 'f32'): string[] {
  const end = endOfName(entry, dtype);
  const depths = namesIn(cacheFolder())
    .filter((name) => name.startsWith(`${entry.name}-`) && name.endsWith(end))
    .map((name) => name.slice(entry.name.length + 1, -end.length));
  const deeper = depths.filter((depth) => /^[a-z0-9_]+$/.test(depth) && reaches(depth, upTo));
  deeper.sort((a, b) => (a === b ? 0 : reaches(a, b) ? 1 : -1));
  return deeper.map((depth) => cachedFile(entry, depth, dtype));
}

function endOfName(entry: KnownNetwork, dtype: 'f16' | 'f32'): string {
  return `-${dtype}-${fileHash(entry)?.slice(0, 8) ?? 'unknown'}.safetensors`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
