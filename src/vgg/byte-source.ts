// Bytes by offset, wherever they are: in memory, in a Blob, in a file, or in a stream that only
// runs forward. Servers are range-source.ts; what the bytes mean is onnx-file.ts.

import { throwIfAborted, type WgpuStyleError } from '../gpu/errors.ts';
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
   * The `length` bytes from `offset` on; fewer only where the source ends. The result may be a view
   * and is not written to.
   */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  /** SHA-256 of the whole, where every byte of it was seen; else undefined. */
  readonly sha256: () => string | undefined;
  /** Lets go of files and connections. May be called at any time, more than once. */
  readonly close: () => Promise<void>;
}

/** Larger bytes in memory are not hashed as a whole: it would take longer than the import. */
const hashedAtMost = 64 * 2 ** 20;

/** Room that is made for bytes of a stream before they come. */
const largestLeap = 16 * 2 ** 20;

const blobSlice = 2 ** 20;

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

/** What a stream's source needs to know. */
export interface StreamContext {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes in all, where a server said so. */
  readonly size?: number | undefined;
  /** The error for a stream that breaks. */
  readonly broken: (cause: unknown) => WgpuStyleError;
}

/** Chunks that come one after another; whatever is jumped over is hashed and thrown away. */
export function streamSource(
  chunks: AsyncIterator<Uint8Array>,
  { where, signal, size, broken }: StreamContext,
): ByteSource {
  const hash = new Sha256();
  let chunk = new Uint8Array(0) as Uint8Array;
  let position = 0; // of the first byte of `chunk`
  let bytesRead = 0;
  let hasEnded = false;
  let isClosed = false;

  const close = async (): Promise<void> => {
    if (isClosed || hasEnded) return;
    isClosed = true;
    chunk = new Uint8Array(0);
    // A stream that stalls may never answer: nobody waits for it.
    void Promise.resolve(chunks.return?.()).catch(() => undefined);
  };
  /** Replaces the used-up chunk by the next; false at the end. */
  const advance = async (): Promise<boolean> => {
    position += chunk.length;
    chunk = new Uint8Array(0);
    if (hasEnded) return false;
    throwIfAborted(signal, where);
    try {
      const next: IteratorResult<Uint8Array, unknown> = await untilAborted(chunks.next(), signal);
      if (next.done) hasEnded = true;
      else chunk = next.value;
    } catch (cause) {
      await close();
      throwIfAborted(signal, where);
      throw broken(cause);
    }
    throwIfAborted(signal, where);
    if (!(chunk instanceof Uint8Array)) {
      const kind = typeof chunk;
      await close();
      throw broken(new TypeError(`a chunk that is no bytes (${kind})`));
    }
    bytesRead += chunk.length;
    hash.update(chunk);
    return !hasEnded;
  };
  return {
    size,
    isSeekable: false,
    blockSize: 64 * 1024,
    get bytesRead() {
      return bytesRead;
    },
    read: async (offset, length) => {
      if (offset < position) throw new RangeError(`a stream cannot go back to ${offset}`);
      while (offset >= position + chunk.length) if (!(await advance())) return new Uint8Array(0);
      const skipped = offset - position;
      const available = chunk.length - skipped;
      if (length <= available) {
        const piece = chunk.subarray(skipped, skipped + length);
        chunk = chunk.subarray(skipped + length);
        position = offset + length;
        return piece;
      }
      // Grows with what has come, not with what was promised: lengths may lie.
      let bytes = makeBytes(Math.min(length, largestLeap));
      bytes.set(chunk.subarray(skipped));
      let gathered = available;
      while (gathered < length && (await advance())) {
        const taken = Math.min(chunk.length, length - gathered);
        if (gathered + taken > bytes.length) {
          const grown = makeBytes(Math.min(length, 2 * (gathered + taken)));
          grown.set(bytes.subarray(0, gathered));
          bytes = grown;
        }
        bytes.set(chunk.subarray(0, taken), gathered);
        gathered += taken;
        position += taken;
        chunk = chunk.subarray(taken);
      }
      return bytes.subarray(0, gathered);
    },
    sha256: () => (hasEnded ? hash.hex() : undefined),
    close,
  };
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

/** A stalled read ends when the signal fires. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop!);
  }
}

/** A ReadableStream's chunks; cancels the stream when they are no longer wanted. */
export function streamChunks(stream: ReadableStream<Uint8Array>): AsyncIterator<Uint8Array> {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? { done: true, value: undefined } : { done: false, value };
    },
    return: async () => {
      await reader.cancel();
      return { done: true, value: undefined };
    },
  };
}

/** A source whose first bytes may be looked at before it is read from its beginning. */
export function peeking(source: ByteSource): ByteSource & { head: () => Promise<Uint8Array> } {
  let first: Uint8Array | undefined;
  return wrapped(source, {
    head: async () => (first ??= new Uint8Array(await source.read(0, 16))),
    read: async (offset: number, length: number) => {
      if (!first || source.isSeekable || offset >= first.length) return source.read(offset, length);
      const begin = first.subarray(offset, offset + length);
      if (begin.length === length || first.length < 16) return begin;
      const rest = await source.read(first.length, length - begin.length);
      return joined([begin, rest], begin.length + rest.length);
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
