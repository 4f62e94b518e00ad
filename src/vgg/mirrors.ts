// A known network from the first mirror that gives it: only what the wanted layers need is
// downloaded, and compared with what is known of it. Where it is kept is the platform's business:
// network-cache.ts in pages, fetch-network.ts in Node.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import type { DownloadProgress } from '../gpu/host.ts';
import type { ByteSource } from './byte-source.ts';
import { importOnnx, type ImportedNetwork } from './import.ts';
import type { KnownNetwork } from './known-networks.ts';
import {
  inOrder,
  pieced,
  remembered,
  watched,
  type FileIdentity,
  type PartStore,
} from './parts.ts';
import { failedFetch, openAddress, reasonOf } from './range-source.ts';
import { checkTrust, wrongFile, type Checked, type HashRecords } from './trust.ts';

/** The parts of a network that were kept of broken downloads. */
export interface KeptParts {
  /** Those of one file; undefined where nothing can be kept. */
  readonly open: (file: FileIdentity) => Promise<PartStore | undefined>;
  /** Forgets those of all mirrors. */
  readonly discard: () => Promise<void>;
}

/** How to fetch from mirrors. */
export interface MirrorOptions {
  readonly upTo: string;
  /** What to do when no mirror gives the network. */
  readonly fix: string;
  /** Mirrors to use instead of the manifest's. */
  readonly urls?: readonly string[] | undefined;
  /** Reads the whole file, to check its published hash. */
  readonly verify?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** A server that is silent for so long is given up. Default 30. */
  readonly stallSeconds?: number | undefined;
  /** Keeps what a broken download brought for the next one. */
  readonly parts?: KeptParts | undefined;
  /** Hashes of weights whose whole file was verified here once. */
  readonly records?: HashRecords | undefined;
}

/** A network that came from a mirror; its metadata say where from and what it was checked against. */
export interface MirroredNetwork {
  readonly network: ImportedNetwork;
  readonly checked: Checked;
  readonly address: string;
}

/**
 * Downloads a known network. What it was made of stays in `parts` until the caller has put the
 * network away and discards it. Throws `network` or `bad-model` saying what the last mirror did,
 * `bad-option` for an unknown `upTo`, `aborted`.
 */
export async function fetchFromMirrors(
  entry: KnownNetwork,
  options: MirrorOptions,
  where: string,
): Promise<MirroredNetwork> {
  const { urls = entry.urls, signal, fix } = options;
  let failure: unknown;
  for (const address of urls) {
    try {
      return { ...(await download(entry, address, options, where)), address };
    } catch (error) {
      throwIfAborted(signal, where);
      // A wish that cannot be met is no mirror's fault.
      if (error instanceof WgpuStyleError && error.code === 'bad-option') throw error;
      failure = error;
    }
  }
  const reason = failure instanceof Error ? failure.message : 'the manifest lists no address';
  const what = `"${entry.name}" could not be fetched from any of ${urls.length} address(es)`;
  throw new WgpuStyleError(failure instanceof WgpuStyleError ? failure.code : 'network', {
    what: `${what}: ${reason.replace(/\.$/, '')}`,
    where,
    fix,
    cause: failure,
  });
}

async function download(
  entry: KnownNetwork,
  address: string,
  options: MirrorOptions,
  where: string,
): Promise<Omit<MirroredNetwork, 'address'>> {
  const { upTo, signal, verify = false, stallSeconds = 30, parts, records } = options;
  const expects = entry.bytes ?? undefined;
  let source = await openAddress(address, { where, signal, stallSeconds, expects });
  try {
    checkSize(source, entry, address, where);
    const { size, tag, isSeekable } = source;
    const store = isSeekable ? await parts?.open({ address, size, tag }) : undefined;
    if (store) source = remembered(source, store);
    const counted = watched(source, entry.name, options.onDownload);
    const broken = (cause: unknown): WgpuStyleError =>
      cause instanceof WgpuStyleError ? cause : failedFetch(address, reasonOf(cause), where, cause);
    if (verify && size !== undefined) counted.expect(size);
    const network = await importOnnx(
      verify ? inOrder(counted, { where, signal, broken }) : pieced(counted),
      {
        upTo,
        preprocessing: entry.preprocessing,
        preprocessingFrom: 'manifest',
        readsAll: verify,
        metadata: { name: entry.title, licence: entry.licence, source: address },
        onPlan: isSeekable && !verify ? counted.expect : undefined,
        signal,
      },
      where,
    );
    const read = { layers: network.layers, ...network.origin };
    const checked = await checkTrust(entry, read, records, address, where);
    const metadata = new Map([...network.metadata, ['checked', checked]]);
    return { network: { ...network, metadata }, checked };
  } catch (error) {
    // Only a broken connection is worth remembering for.
    const isBroken = error instanceof WgpuStyleError && ['network', 'aborted'].includes(error.code);
    await source.close();
    if (!isBroken) await parts?.discard();
    throw error;
  } finally {
    await source.close();
  }
}

/** The size is told before anything else comes, or was tried out (see `openAddress`). */
function checkSize(
  { size, isSeekable }: ByteSource,
  { bytes }: KnownNetwork,
  address: string,
  where: string,
): void {
  if (bytes === null || size === bytes) return;
  // A body in one piece may come without its length, or compressed.
  if (size === undefined && !isSeekable) return;
  const got = size === undefined ? 'a file of another size' : `a file of ${size} bytes`;
  throw wrongFile(`${got}, need ${bytes}`, address, where);
}
