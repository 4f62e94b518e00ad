// A known network by its name: from the cache, else from the first mirror that gives it. Only what
// the wanted layers need is downloaded; what a broken download brought is used by the next.

import { mkdir, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { usualDepth, type KnownNetwork } from '../vgg/known-networks.ts';
import { fetchFromMirrors, type KeptParts, type MirrorOptions } from '../vgg/mirrors.ts';
import type { Checked } from '../vgg/trust.ts';
import { Vgg } from '../vgg/vgg.ts';
import { readFileBytes, writeFileAtomic } from './files.ts';
import { hashRecords } from './hash-records.ts';
import { cachedFile, cachedFiles, knownNetwork } from './known-networks.ts';
import { exclusively } from './lock.ts';
import { partFiles } from './part-file.ts';

/** How to fetch. */
export interface FetchOptions extends Partial<
  Omit<MirrorOptions, 'fix' | 'parts' | 'records' | 'upTo'>
> {
  /** Default: relu5_1, the deepest layer of the known recipes. */
  readonly upTo?: string | undefined;
  readonly dtype?: 'f16' | 'f32' | undefined;
  /** Downloads even what is in the cache. */
  readonly again?: boolean | undefined;
  /**
   * Takes what is worth telling, and makes do with a cache that cannot be written; without it that
   * is an error.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** What came of it. */
export interface FetchedNetwork {
  /** Where it is kept, or would be. */
  readonly file: string;
  /** Its bytes. */
  readonly bytes: Uint8Array;
  readonly vgg: Vgg;
  /** False when it was in the cache. */
  readonly isNew: boolean;
  /** What the bytes were checked against. */
  readonly checked: Checked;
  readonly address?: string;
}

/**
 * Fetches a known network into the cache, unless it is there. Throws `bad-option` for an unknown
 * name or a cache that cannot be written, `network` or `bad-model` saying what the last mirror did,
 * `aborted`.
 */
export async function fetchNetwork(
  name: string,
  options: FetchOptions = {},
  where: string = `fetch ${name}`,
): Promise<FetchedNetwork> {
  const entry = knownNetwork(name, where);
  const { upTo = usualDepth, dtype = 'f16', again = false, signal, onWarning } = options;
  const find = async (): Promise<FetchedNetwork | undefined> =>
    again ? undefined : fromCache(entry, upTo, dtype, where);
  const found = await find();
  if (found) return found;
  const file = cachedFile(entry, upTo, dtype);
  await mkdir(path.dirname(file), { recursive: true }).catch(() => undefined);
  const onWait = (): void => onWarning?.(`${name} is being fetched by another process: waiting`);
  // Whoever had the lock may have fetched it.
  return exclusively(`${file}.lock`, { where, signal, onWait }, async () => {
    return (await find()) ?? download(entry, file, { ...options, upTo, dtype }, where);
  });
}

async function fromCache(
  entry: KnownNetwork,
  upTo: string,
  dtype: 'f16' | 'f32',
  where: string,
): Promise<FetchedNetwork | undefined> {
  const wanted = cachedFile(entry, upTo, dtype);
  for (const file of cachedFiles(entry, upTo, dtype)) {
    try {
      const bytes = await readFileBytes(file, { where, code: 'bad-weights' });
      const vgg = await Vgg.fromSafetensors(bytes, { upTo });
      const checked = (vgg.metadata.get('checked') ?? 'nothing') as Checked;
      const found = { file: wanted, vgg, isNew: false, checked };
      if (file === wanted) return { ...found, bytes };
      const fewer = await vgg.toSafetensors({ dtype });
      await writeFileAtomic(wanted, fewer, where).catch(() => undefined);
      return { ...found, bytes: fewer };
    } catch {
      // One that was damaged is fetched again.
    }
  }
  return undefined;
}

async function download(
  entry: KnownNetwork,
  file: string,
  options: FetchOptions & { readonly upTo: string; readonly dtype: 'f16' | 'f32' },
  where: string,
): Promise<FetchedNetwork> {
  const { name, title } = entry;
  const { dtype, onWarning } = options;
  const fix =
    `If you are offline or behind a proxy, get ${title} by other means and run ` +
    `wgpu-style import <file.onnx> -o ${name}.safetensors; or give another address with --url`;
  const parts = partFiles(file);
  const records = hashRecords;
  const got = await fetchFromMirrors(entry, { ...options, fix, parts, records }, where);
  const { network, checked, address } = got;
  const vgg = new Vgg(network);
  const bytes = await vgg.toSafetensors({ dtype });
  await keep(file, bytes, parts, onWarning, where);
  await parts.discard();
  await removeOlder(file);
  return { file, bytes, vgg, isNew: true, checked, address };
}

async function keep(
  file: string,
  bytes: Uint8Array,
  parts: KeptParts,
  onWarning: FetchOptions['onWarning'],
  where: string,
): Promise<void> {
  try {
    // What it was made of goes only when it is there, unless the disk has no room for both.
    await writeFileAtomic(file, bytes, where).catch(async () => {
      await parts.discard();
      await writeFileAtomic(file, bytes, where);
    });
  } catch (error) {
    if (!onWarning) throw error;
    onWarning(`${(error as Error).message} It will be downloaded again the next time.`);
  }
}

/** The same network of another file, and parts of it: an older manifest named that. */
async function removeOlder(file: string): Promise<void> {
  const folder = path.dirname(file);
  const name = path.basename(file);
  const end = /-[^-]+\.safetensors(?:\..*)?$/;
  for (const other of await readdir(folder).catch(() => [])) {
    const isSame = end.test(other) && other.replace(end, '') === name.replace(end, '');
    if (isSame && !other.startsWith(name)) await unlink(path.join(folder, other)).catch(() => undefined);
  }
}
