// What stands between a server and the reader of its file, each a source around another: long reads
// in pieces, pieces kept for the next attempt if this one breaks, a count of what has come, and
// everything in order. Where pieces are kept is the platform's business: page-parts.ts in pages,
// part-file.ts in Node.

import type { DownloadProgress } from '../gpu/host.ts';
import { gather, wrapped, type ByteSource } from './byte-source.ts';
import { streamSource, type StreamContext } from './stream-source.ts';

/** Parts of a file belong together where all of this is the same. */
export interface FileIdentity {
  readonly address: string;
  readonly size: number | undefined;
  readonly tag: string | undefined;
}

/** Keeps the parts of one file. Nothing of it throws: what cannot be kept is downloaded again. */
export interface PartStore {
  /** Exactly this part, if it was kept. */
  readonly get: (offset: number, length: number) => Promise<Uint8Array | undefined>;
  readonly put: (offset: number, bytes: Uint8Array) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Lost at most when a connection breaks: half a second at 4 MB/s. */
const pieceSize = 2 * 2 ** 20;

/** Asks for long ranges piece by piece. Streams are passed through. */
export function pieced(source: ByteSource, most: number = pieceSize): ByteSource {
  if (!source.isSeekable) return source;
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(offset + length, source.size ?? Infinity);
    if (end - offset <= most) return source.read(offset, length);
    return gather(end - offset, [], (filled, missing) =>
      source.read(offset + filled, Math.min(most, missing)),
    );
  };
  return wrapped(source, { read });
}

/** Takes from `store` what it has, and gives it what comes. */
export function remembered(source: ByteSource, store: PartStore): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const kept = await store.get(offset, length);
    if (kept) return kept;
    const bytes = await source.read(offset, length);
    if (bytes.length === length) await store.put(offset, bytes);
    return bytes;
  };
  const close = async (): Promise<void> => {
    await store.close();
    await source.close();
  };
  return wrapped(source, { read, close });
}

/** A source that tells how far it is. `expect` takes how much is still to come. */
export interface WatchedSource extends ByteSource {
  readonly expect: (bytes: number) => void;
}

/** Reports what has come, whether it was downloaded now or kept from before. */
export function watched(
  source: ByteSource,
  name: string,
  onDownload: ((progress: DownloadProgress) => void) | undefined,
): WatchedSource {
  const { size, isSeekable } = source;
  let received = 0;
  let needed: number | undefined;
  const report = (): void => {
    // What was estimated may be exceeded by headers in between.
    const most = needed === undefined ? undefined : Math.max(needed, received);
    onDownload?.({ name, received, needed: most, size });
  };
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const before = source.bytesRead;
    const bytes = await source.read(offset, length);
    // Of a stream everything comes, read or not.
    const more = isSeekable ? bytes.length : source.bytesRead - before;
    received += more;
    if (more > 0) report();
    return bytes;
  };
  const expect = (bytes: number): void => {
    needed = received + bytes;
    report();
  };
  return wrapped(source, { read, expect });
}

/** Longer than other pieces: all of a file is many. */
const pieceInOrder = 8 * 2 ** 20;

/** The whole of a source from its beginning to its end, as a stream, which is hashed. */
export function inOrder(source: ByteSource, context: StreamContext): ByteSource {
  if (!source.isSeekable) return source;
  const chunks = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; ; ) {
      const length = Math.min(pieceInOrder, (source.size ?? Infinity) - at);
      const bytes = length === 0 ? new Uint8Array(0) : await source.read(at, length);
      if (bytes.length === 0) return;
      at += bytes.length;
      yield bytes;
    }
  };
  const { size } = source;
  const stream = streamSource(chunks(), { ...context, size });
  const result = wrapped(stream, { close: () => source.close() });
  return Object.defineProperty(result, 'bytesRead', { get: () => source.bytesRead });
}
