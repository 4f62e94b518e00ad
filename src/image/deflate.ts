// Zlib data by the platform's streams, a piece at a time. Node's take no account of whether anybody reads (they queue up to 16,384
// chunks, Node 20 to 24, 2026-11): here the next piece is handed over only while output is waited for.

/** What comes out of `stream` for the pieces that `next` gives, until it gives none. Throws what the stream does, or `next`. */
export async function* streamed(
  stream: CompressionStream | DecompressionStream,
  next: () => Uint8Array<ArrayBuffer> | undefined | Promise<Uint8Array<ArrayBuffer> | undefined>,
): AsyncGenerator<Uint8Array, void> {
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let writing: Promise<void> | undefined;
  let isOver = false;
  const write = async (): Promise<void> => {
    const piece = await next();
    isOver = piece === undefined;
    if (!piece) return writer.close();
    await writer.write(piece);
    writing = undefined;
  };
  try {
    for (;;) {
      let isHere = false;
      const here = (): void => void (isHere = true);
      const read = reader.read();
      read.then(here, here);
      await Promise.resolve(); // what was in the queue is here now
      while (!isHere) {
        writing ??= write();
        writing.catch(() => undefined); // raced below, or told by the reader
        await (isOver ? read : Promise.race([read, writing]));
      }
      const { done, value } = await read;
      if (done) return;
      yield value;
    }
  } finally {
    // The rest (a checksum, junk, a bomb) is of no interest where it was left early, and neither is its failure.
    reader.cancel().catch(() => undefined);
    writer.abort().catch(() => undefined);
    // Whatever `next` is at has ended when this has.
    await writing?.catch(() => undefined);
  }
}
