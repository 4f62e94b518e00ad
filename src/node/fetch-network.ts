// A known network by its name: from the cache, else from the first mirror that gives it. Only what
// the wanted layers need is downloaded; what a broken download brought is used by the next.

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { wrapped, type ByteSource } from '../vgg/byte-source.ts';
import { importOnnx } from '../vgg/import.ts';
import { openAddress } from '../vgg/range-source.ts';
import { Vgg } from '../vgg/vgg.ts';
import { readFileBytes, writeFileAtomic } from './files.ts';
import { cachedFile, knownNetwork, type KnownNetwork } from './known-networks.ts';
import { remembered } from './part-file.ts';

/** How to fetch. */
export interface FetchOptions {
  /** Mirrors to use instead of the manifest's. */
  readonly urls?: readonly string[] | undefined;
  /** Default: relu5_1, the deepest layer of the known recipes. */
  readonly upTo?: string | undefined;
  readonly dtype?: 'f16' | 'f32' | undefined;
  /** Reads the whole file, to check its published hash. */
  readonly verify?: boolean | undefined;
  /** Downloads even what is in the cache. */
  readonly again?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that came so far, of how many in all. */
  readonly onProgress?: ((bytesRead: number, size: number | undefined) => void) | undefined;
  /** A server that is silent for so long is given up. Default 30. */
  readonly stallSeconds?: number | undefined;
}

/** What came of it. */
export interface FetchedNetwork {
  readonly file: string;
  readonly vgg: Vgg;
  /** False when it was in the cache. */
  readonly isNew: boolean;
  /** What the bytes were checked against. */
  readonly checked: 'file hash' | 'weights hash' | 'nothing';
  readonly address?: string;
}

/**
 * Fetches a known network into the cache, unless it is there. Throws `bad-option` for an unknown
 * name, `network` or `bad-model` saying what the last mirror did, `aborted`.
 */
export async function fetchNetwork(
  name: string,
  options: FetchOptions = {},
  where: string = `fetch ${name}`,
): Promise<FetchedNetwork> {
  const entry = knownNetwork(name, where);
  const { upTo = 'relu5_1', dtype = 'f16', urls = entry.urls, again = false } = options;
  const file = cachedFile(name, upTo, dtype);
  if (!again && existsSync(file)) {
    const vgg = await Vgg.fromSafetensors(
      await readFileBytes(file, { where, code: 'bad-weights' }),
    ).catch(() => undefined);
    // A file that was damaged is fetched again.
    if (vgg) {
      const checked = (vgg.metadata.get('checked') ?? 'nothing') as FetchedNetwork['checked'];
      return { file, vgg, isNew: false, checked };
    }
  }
  await mkdir(path.dirname(file), { recursive: true });
  let failure: unknown;
  for (const address of urls) {
    try {
      const { vgg, checked } = await download(
        entry,
        address,
        `${file}.part`,
        { ...options, upTo },
        where,
      );
      await writeFileAtomic(file, await vgg.toSafetensors({ dtype }), where);
      return { file, vgg, isNew: true, checked, address };
    } catch (error) {
      throwIfAborted(options.signal, where);
      // A wish that cannot be met is no mirror's fault.
      if (error instanceof WgpuStyleError && error.code === 'bad-option') throw error;
      failure = error;
    }
  }
  const reason = failure instanceof Error ? failure.message : 'the manifest lists no address';
  throw new WgpuStyleError(failure instanceof WgpuStyleError ? failure.code : 'network', {
    what: `"${name}" could not be fetched from any of ${urls.length} address(es): ${reason.replace(/\.$/, '')}`,
    where,
    fix:
      `If you are offline or behind a proxy, get ${entry.title} by other means and run ` +
      `wgpu-style import <file.onnx> -o ${name}.safetensors; or give another address with --url`,
    cause: failure,
  });
}

async function download(
  entry: KnownNetwork,
  address: string,
  part: string,
  options: FetchOptions & { readonly upTo: string },
  where: string,
): Promise<{ vgg: Vgg; checked: FetchedNetwork['checked'] }> {
  const { upTo, signal, verify = false, stallSeconds = 30 } = options;
  const opened = await openAddress(address, { where, signal, stallSeconds, inOrder: verify });
  const source = await remembered(opened, address, part);
  try {
    const { size } = source;
    if (entry.bytes !== null && size !== undefined && size !== entry.bytes) {
      throw wrongFile(`a file of ${size} bytes, need ${entry.bytes}`, address, where);
    }
    const watched = watching(source, options.onProgress);
    const network = await importOnnx(
      watched,
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
    return { vgg: new Vgg({ ...network, metadata }), checked };
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
  { sha256, sha256Of }: { readonly sha256: string; readonly sha256Of: 'file' | 'weights' },
  address: string,
  where: string,
): FetchedNetwork['checked'] {
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
    fix: 'Take another address with --url',
  });
}

function watching(source: ByteSource, onProgress: FetchOptions['onProgress']): ByteSource {
  return wrapped(source, {
    read: async (offset: number, length: number) => {
      const bytes = await source.read(offset, length);
      onProgress?.(source.bytesRead, source.size);
      return bytes;
    },
  });
}
