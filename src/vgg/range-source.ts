// Files on servers. The first request asks for the beginning; a server that answers with that part
// (206) is asked for further parts as they are needed, any other gives its whole body as a stream.

import { fetchAllowed } from '../gpu/address.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { joined, readFully, wrapped, type ByteSource } from './byte-source.ts';
import { streamChunks, streamSource } from './stream-source.ts';

/** How a server is asked. */
export interface RequestContext {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Attempts for one part before giving up. Default 3. */
  readonly attempts?: number | undefined;
  /** A server silent for so long is given up on. Default: as long as the platform waits. */
  readonly stallSeconds?: number | undefined;
  /**
   * The size that the file should have, for servers that do not let a page read it (CORS): it is
   * tried out, and the source has it only where it is true.
   */
  readonly expects?: number | undefined;
}

/** Small: around the weights that are wanted, only headers of those that are not are read. */
const blockSize = 32 * 1024;

/** Opens the file at an http(s), data or blob address. Throws `network`, `aborted`. */
export async function openAddress(location: string, context: RequestContext): Promise<ByteSource> {
  const isServer = /^https?:/i.test(location) || !/^[a-z][a-z0-9+.-]+:/i.test(location);
  let response = await request(location, isServer ? [0, blockSize] : undefined, context);
  // 416: a file of no bytes, or a server that takes no ranges at all.
  if (response.status === 416) {
    await response.body?.cancel();
    response = await request(location, undefined, context);
  }
  if (response.status !== 206) return responseSource(response, location, context);
  const range = contentRange(response);
  // Some servers answer 206 with another part than the one asked for.
  if (range && range.begin !== 0) {
    await response.body?.cancel();
    return responseSource(await request(location, undefined, context), location, context);
  }
  const first = await bodyOf(response, blockSize, location, context);
  const tag = response.headers.get('etag') ?? undefined;
  const isWhole = first.length < blockSize;
  const size =
    range?.total ??
    (isWhole ? first.length : await patiently(() => provenSize(location, context), context));
  return partsSource({ location, first, size, tag }, context);
}

/** A response that the caller fetched, or one that is not a part. Throws `network`. */
export function responseSource(
  response: Response,
  location: string,
  context: RequestContext,
): ByteSource {
  const { where, signal } = context;
  if (!response.ok) {
    void response.body?.cancel().catch(() => undefined);
    throw failedFetch(location, `status ${response.status}`, where);
  }
  if (response.bodyUsed || !response.body) {
    const got = response.bodyUsed ? 'a body already read' : 'no body';
    throw failedFetch(location, got, where);
  }
  // A compressed body has another length than the one stated.
  const isPlain = !response.headers.get('content-encoding');
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const source = streamSource(stallable(streamChunks(response.body), context), {
    where,
    signal,
    size: isPlain && Number.isSafeInteger(length) && length > 0 ? length : undefined,
    broken: (cause) => failedFetch(location, reasonOf(cause), where, cause),
  });
  return wrapped(source, { isRemote: true });
}

/** `context.expects`, if the file ends there: of the last byte and one more, one comes. */
async function provenSize(location: string, context: RequestContext): Promise<number | undefined> {
  const { expects } = context;
  if (expects === undefined) return undefined;
  const response = await request(location, [expects - 1, expects + 1], context);
  if (response.status === 206 && (await bodyOf(response, 2, location, context)).length === 1) {
    return expects;
  }
  await response.body?.cancel().catch(() => undefined);
  return undefined;
}

interface Part {
  readonly location: string;
  readonly first: Uint8Array;
  readonly size: number | undefined;
  readonly tag: string | undefined;
}

function partsSource({ location, first, size, tag }: Part, context: RequestContext): ByteSource {
  let bytesRead = first.length;
  const part = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(offset + length, size ?? Infinity);
    if (end <= offset) return new Uint8Array(0);
    const response = await request(location, [offset, end], context);
    // Beyond an end that nobody had told.
    if (response.status === 416 && size === undefined) {
      await response.body?.cancel();
      return new Uint8Array(0);
    }
    const range = contentRange(response);
    const isSame =
      response.status === 206 &&
      (!range || (range.begin === offset && (range.total ?? size) === size)) &&
      (response.headers.get('etag') ?? tag) === tag;
    if (!isSame) {
      await response.body?.cancel().catch(() => undefined);
      const got = response.ok ? 'another file than at the beginning' : `status ${response.status}`;
      throw failedFetch(location, got, context.where);
    }
    const bytes = await bodyOf(response, end - offset, location, context);
    if (size !== undefined && bytes.length < end - offset) {
      const got = `${bytes.length} bytes of ${end - offset}`;
      throw failedFetch(location, got, context.where, new TypeError('cut short'));
    }
    bytesRead += bytes.length;
    return bytes;
  };
  return {
    size,
    isSeekable: true,
    isRemote: true,
    tag,
    blockSize,
    get bytesRead() {
      return bytesRead;
    },
    read: async (offset, length) => {
      const begin = first.subarray(offset, offset + length);
      if (begin.length === length) return begin;
      const missing = length - begin.length;
      const rest = await patiently(() => part(offset + begin.length, missing), context);
      return begin.length === 0 ? rest : joined([begin, rest], begin.length + rest.length);
    },
    sha256: () => undefined,
    close: async () => undefined,
  };
}

/** Tries again what may well succeed the next time: broken connections and servers in trouble. */
async function patiently<T>(attempt: () => Promise<T>, context: RequestContext): Promise<T> {
  const { where, signal, attempts = 3 } = context;
  for (let i = 1; ; i++) {
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(signal, where);
      const mayPass = error instanceof WgpuStyleError && error.cause !== undefined;
      if (i >= attempts || !mayPass) throw error;
      await new Promise((done) => setTimeout(done, 200 * 4 ** (i - 1)));
    }
  }
}

async function request(
  location: string,
  range: readonly [begin: number, end: number] | undefined,
  context: RequestContext,
): Promise<Response> {
  const { where, signal } = context;
  throwIfAborted(signal, where);
  try {
    const asked = await withinTime(
      fetchAllowed(
        location,
        {
          ...(signal && { signal }),
          ...(range && { headers: { range: `bytes=${range[0]}-${range[1] - 1}` } }),
        },
        where,
      ),
      context,
    );
    if (asked.status >= 500) {
      await asked.body?.cancel();
      const status = `status ${asked.status}`;
      throw failedFetch(location, status, where, new TypeError(status));
    }
    return asked;
  } catch (cause) {
    throwIfAborted(signal, where);
    if (cause instanceof WgpuStyleError) throw cause;
    throw failedFetch(location, reasonOf(cause), where, cause);
  }
}

/** The body of a part: never more than was asked for, whatever a server sends. */
async function bodyOf(
  response: Response,
  length: number,
  location: string,
  context: RequestContext,
): Promise<Uint8Array> {
  const source = responseSource(response, location, context);
  try {
    return await readFully(source, 0, length);
  } finally {
    await source.close();
  }
}

function contentRange(
  response: Response,
): { readonly begin: number; readonly total: number | undefined } | undefined {
  const stated = response.headers.get('content-range') ?? '';
  const [, begin, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(stated) ?? [];
  if (begin === undefined) return undefined;
  return { begin: Number(begin), total: total === '*' ? undefined : Number(total) };
}

function stallable(
  chunks: AsyncIterator<Uint8Array>,
  context: RequestContext,
): AsyncIterator<Uint8Array> {
  if (context.stallSeconds === undefined) return chunks;
  return { ...chunks, next: () => withinTime(chunks.next(), context) };
}

async function withinTime<T>(promise: Promise<T>, { stallSeconds }: RequestContext): Promise<T> {
  if (stallSeconds === undefined) return promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const say = (): void => reject(new Error(`nothing for ${stallSeconds} s`));
    timer = setTimeout(say, stallSeconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `network`, with what to do without the server. A cause says that trying again may help. */
export function failedFetch(
  location: string,
  got: string,
  where: string,
  cause?: unknown,
): WgpuStyleError {
  return new WgpuStyleError('network', {
    what:
      `the network file could not be fetched: got ${got} for '${shortened(location)}', ` +
      'need its bytes',
    where,
    fix: 'Check the address and the connection, or download the file and give its path or bytes',
    ...(cause !== undefined && { cause }),
  });
}

/** The message of an error, with the inner one that says why a fetch failed. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** For messages: data URLs are long. */
export function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}
