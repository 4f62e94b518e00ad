// A known network from the first mirror that gives it: only what the wanted layers need is
// downloaded, and compared with what is known of it. Where it is kept is the platform's business:
// network-cache.ts in pages, fetch-network.ts in Node.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { wrapped, type ByteSource } from './byte-source.ts';
import { importOnnx, type ImportedNetwork } from './import.ts';
import type { KnownNetwork } from './known-networks.ts';
import { openAddress } from './range-source.ts';

/** A source that keeps what it gave: `discard` forgets it, `close` does not. */
export interface RememberedSource extends ByteSource {
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
  /** Bytes that came so far, of how many in all. */
  readonly onProgress?: ((bytesRead: number, size: number | undefined) => void) | undefined;
  /** A server that is silent for so long is given up. Default 30. */
  readonly stallSeconds?: number | undefined;
  /** Keeps what a broken download brought for the next one. */
  readonly remember?: (source: ByteSource, address: string) => Promise<RememberedSource>;
}

/** What a download was compared with. */
export type Checked = 'file hash' | 'weights hash' | 'nothing';

/** A network that came from a mirror; its metadata say where from and what it was checked against. */
export interface MirroredNetwork {
  readonly network: ImportedNetwork;
  readonly checked: Checked;
  readonly address: string;
}

/**
 * Downloads a known network. Throws `network` or `bad-model` saying what the last mirror did,
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
  const { upTo, signal, verify = false, stallSeconds = 30, remember = forgetful } = options;
  const opened = await openAddress(address, { where, signal, stallSeconds, inOrder: verify });
  const source = await remember(opened, address);
  try {
    const { size } = source;
    if (entry.bytes !== null && size !== undefined && size !== entry.bytes) {
      throw wrongFile(`a file of ${size} bytes, need ${entry.bytes}`, address, where);
    }
    const network = await importOnnx(
      watching(source, options.onProgress),
      {
        upTo,
        preprocessing: entry.preprocessing,
        preprocessingFrom: 'manifest',
        readsAll: verify,
        metadata: { name: entry.title, licence: entry.licence, source: address },
        ...(signal && { signal }),
      },
      where,
    );
    const checked = check(entry, upTo, network.origin, address, where);
    const metadata = new Map([...network.metadata, ['checked', checked]]);
    await source.discard();
    return { network: { ...network, metadata }, checked };
  } catch (error) {
    // Only a broken connection is worth remembering for.
    const isBroken = error instanceof WgpuStyleError && ['network', 'aborted'].includes(error.code);
    if (!isBroken) await source.discard();
    throw error;
  } finally {
    await source.close();
  }
}

/** Compares the hash that was taken with the one that is known for it, if any. */
function check(
  entry: KnownNetwork,
  upTo: string,
  { sha256, sha256Of }: ImportedNetwork['origin'],
  address: string,
  where: string,
): Checked {
  const known =
    sha256Of === 'file'
      ? (entry.sha256 ?? entry.sha256Published)
      : Object.hasOwn(entry.weightsSha256, upTo)
        ? entry.weightsSha256[upTo]!
        : null;
  if (known === null) return 'nothing';
  if (known === sha256) return `${sha256Of} hash`;
  throw wrongFile(`${sha256Of} of sha256 ${sha256}, need ${known}`, address, where);
}

function wrongFile(got: string, address: string, where: string): WgpuStyleError {
  return new WgpuStyleError('bad-model', {
    what: `another file than the one known: got ${got}, from '${address}'`,
    where,
    fix: 'Take another address of it',
  });
}

async function forgetful(source: ByteSource): Promise<RememberedSource> {
  const discard = async (): Promise<void> => undefined;
  return wrapped<Pick<RememberedSource, 'discard'>>(source, { discard });
}

function watching(source: ByteSource, onProgress: MirrorOptions['onProgress']): ByteSource {
  return wrapped(source, {
    read: async (offset: number, length: number) => {
      const bytes = await source.read(offset, length);
      onProgress?.(source.bytesRead, source.size);
      return bytes;
    },
  });
}
