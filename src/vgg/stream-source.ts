// Streams as sources: chunks that come one after another, each looked at once, hashed, and thrown
// away. Where the chunks come from is source.ts and range-source.ts.

import { throwIfAborted, type WgpuStyleError } from '../gpu/errors.ts';
import { untilAborted } from './abort.ts';
import type { ByteSource } from './byte-source.ts';
import { collector } from './collect.ts';
import { Sha256 } from './sha256.ts';

/** What a stream's source needs to know. */
export interface StreamContext {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes in all, where a server said so. */
  readonly size?: number | undefined;
  /** The error for a stream that breaks. */
  readonly broken: (cause: unknown) => WgpuStyleError;
}

/** Chunks as a source; whatever is jumped over is hashed and thrown away. */
export function streamSource(
  chunks: AsyncIterator<Uint8Array>,
  { where, signal, size, broken }: StreamContext,
): ByteSource {
  const hash = new Sha256();
  const collect = collector();
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
    collect(chunk.length); // as much as the one before it, which is dead now
    return !hasEnded;
  };
  return {
    size,
    isSeekable: false,
    blockSize: 64 * 1024,
    get bytesRead() {
      return bytesRead;
    },
    // Views of the chunk at hand: nothing is copied here, nothing is held longer than one chunk.
    read: async (offset, length) => {
      if (offset < position) throw new RangeError(`a stream cannot go back to ${offset}`);
      while (offset >= position + chunk.length) if (!(await advance())) return chunk;
      const piece = chunk.subarray(offset - position, offset - position + length);
      chunk = chunk.subarray(offset - position + piece.length);
      position = offset + piece.length;
      return piece;
    },
    sha256: () => (hasEnded ? hash.hex() : undefined),
    close,
  };
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
