// Bytes by offset, wherever they are: in memory, in a Blob, in a file. Streams, which only run
// forward, are stream-source.ts, servers range-source.ts; what the bytes mean is onnx-file.ts.

import type { RandomAccessFile } from '../gpu/host.ts';
import { Sha256 } from './sha256.ts';

/** Something that bytes can be read from, a piece at a time. */
export interface ByteSource {
  /** Bytes in all, where that is known before the end. */
  readonly size: number | undefined;
  /**
   * Whether any offset may be read at any time, and skipped bytes cost nothing. Otherwise offsets
   * may only grow.
   */
  readonly isSeekable: boolean;
  /** How many bytes it pays to ask for at once. */
  readonly blockSize: number;
  /** Bytes that really came over so far. */
  readonly bytesRead: number;
  /**
   * Up to `length` bytes from `offset` on. Seekable sources give fewer only where they end, others
   * what is at hand: at least one, none only at the end. May be a view, and is not written to.
   */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  /** Whether the bytes come from a server. */
  readonly isRemote?: boolean;
  /** What the server calls this version of the file. */
  readonly tag?: string | undefined;
  /** SHA-256 of the whole, where every byte of it was seen; else undefined. */
  readonly sha256: () => string | undefined;
  /** Lets go of files and connections. May be called at any time, more than once. */
  readonly close: () => Promise<void>;
}

/** Opens a file by the name that the network file gives it; undefined where it cannot be found. */
export type OpenBeside = (name: string) => Promise<ByteSource> | undefined;

/** Larger bytes in memory are not hashed as a whole: it would take longer than the import. */
const hashedAtMost = 64 * 2 ** 20;

/** Room that is made for bytes of a stream before they come. */
const largestLeap = 16 * 2 ** 20;

const blobSlice = 2 ** 20;

const nothing: Uint8Array = new Uint8Array(0);

const ownBuffers = new WeakSet<ArrayBufferLike>();

/** Whether bytes fill memory that was made here, for them alone: nobody minds if it is reused. */
export function isOwn({ buffer, byteLength }: ArrayBufferView): boolean {
  return byteLength === buffer.byteLength && ownBuffers.has(buffer);
}

function makeBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  ownBuffers.add(bytes.buffer);
  return bytes;
}

/** Bytes that are in memory anyway: views, no copies. */
export function memorySource(bytes: Uint8Array): ByteSource {
  let bytesRead = 0;
  return {
    size: bytes.length,
    isSeekable: true,
    blockSize: 64 * 1024,
    get bytesRead() {
      return bytesRead;
    },
    read: async (offset, length) => {
      const piece = bytes.subarray(offset, offset + length);
      bytesRead += piece.length;
      return piece;
    },
    sha256: () => (bytes.length <= hashedAtMost ? new Sha256().update(bytes).hex() : undefined),
    close: async () => undefined,
  };
}

/** A Blob or File: its slices are read when asked for. */
export function blobSource(blob: Blob): ByteSource {
  return seekable(blob.size, async (offset, length) => {
    // In slices: platforms copy a Blob's bytes more than once on their way.
    const bytes = makeBytes(length);
    for (let at = 0; at < length; at += blobSlice) {
      const end = Math.min(length, at + blobSlice);
      bytes.set(new Uint8Array(await blob.slice(offset + at, offset + end).arrayBuffer()), at);
    }
    return bytes;
  });
}

/** An open file of the host. */
export function fileSource(file: RandomAccessFile): ByteSource {
  return seekable(file.size, file.read, file.close);
}

function seekable(
  size: number,
  readAt: (offset: number, length: number) => Promise<Uint8Array>,
  close: () => Promise<void> = async () => undefined,
): ByteSource {
  let bytesRead = 0;
  return {
    size,
    isSeekable: true,
    blockSize: 64 * 1024,
    get bytesRead() {
      return bytesRead;
    },
    read: async (offset, length) => {
      const wanted = Math.max(0, Math.min(length, size - offset));
      const piece = wanted === 0 ? new Uint8Array(0) : await readAt(offset, wanted);
      bytesRead += piece.length;
      return piece;
    },
    sha256: () => undefined,
    close,
  };
}

/**
 * The `length` bytes from `offset` on, fewer only where the source ends, with `begin` put in front.
 * Of streams they come in memory of their own, which costs one copy.
 */
export async function readFully(
  source: ByteSource,
  offset: number,
  length: number,
  begin: Uint8Array = nothing,
): Promise<Uint8Array> {
  const first = await source.read(offset, length);
  const isAll = source.isSeekable || first.length === length || first.length === 0;
  if (begin.length === 0 && isAll) return first;
  const start = offset - begin.length;
  return gather(begin.length + length, [begin, first], async (filled, missing) =>
    isAll ? nothing : source.read(start + filled, missing),
  );
}

/**
 * Up to `total` bytes in one piece of memory of their own: `begin`, then what `next` gives, until it
 * gives nothing.
 */
export async function gather(
  total: number,
  begin: readonly Uint8Array[],
  next: (filled: number, missing: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  // Grows with what has come, not with what was promised: lengths may lie.
  let bytes = makeBytes(Math.min(total, largestLeap));
  let filled = 0;
  const add = (more: Uint8Array): void => {
    if (filled + more.length > bytes.length) {
      const grown = makeBytes(Math.min(total, 2 * (filled + more.length)));
      grown.set(bytes.subarray(0, filled));
      bytes = grown;
    }
    bytes.set(more, filled);
    filled += more.length;
  };
  for (const piece of begin) add(piece);
  while (filled < total) {
    const piece = await next(filled, total - filled);
    if (piece.length === 0) break;
    add(piece);
  }
  return bytes.subarray(0, filled);
}

/** Pieces in one array. */
export function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** A source whose first bytes may be looked at before it is read from its beginning. */
export function peeking(source: ByteSource): ByteSource & { head: () => Promise<Uint8Array> } {
  let first: Uint8Array | undefined;
  return wrapped(source, {
    head: async () => (first ??= new Uint8Array(await readFully(source, 0, 16))),
    read: async (offset: number, length: number) => {
      if (!first || source.isSeekable || offset >= first.length) return source.read(offset, length);
      return first.subarray(offset, offset + length);
    },
  });
}

/** A source with some of its functions replaced; its count goes on. */
export function wrapped<Changes extends object>(
  source: ByteSource,
  changes: Changes,
): ByteSource & Changes {
  const result = { ...source, ...changes };
  return Object.defineProperty(result, 'bytesRead', { get: () => source.bytesRead });
}

/** Everything, for formats that are read whole. */
export async function readAll(source: ByteSource): Promise<Uint8Array> {
  if (source.size !== undefined && source.isSeekable) return source.read(0, source.size);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const piece = await source.read(length, source.isSeekable ? 2 ** 20 : source.blockSize);
    if (piece.length === 0) return joined(pieces, length);
    pieces.push(piece);
    length += piece.length;
  }
}
