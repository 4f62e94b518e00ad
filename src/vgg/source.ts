// From whatever a user has (bytes, Blob, stream, response, address, path) to the bytes of a network
// file. What they mean is onnx.ts and safetensors.ts.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { host } from '../gpu/host.ts';

/**
 * A network file: its bytes, a Blob or File, a ReadableStream, a Response, or where it is: a URL
 * (http, https, data, blob), in Node also a path or file URL. A string without a scheme is a path
 * in Node and relative to the page in a browser.
 */
export type VggSource =
  Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array> | Response | URL | string;

/** How failures are named: the function, and the code for bytes that cannot be had from a file. */
export interface ReadContext {
  readonly where: string;
  readonly code: 'bad-model' | 'bad-weights';
  readonly signal?: AbortSignal | undefined;
}

/** A scheme of two letters or more: `C:\networks` is a path. */
const scheme = /^([a-z][a-z0-9+.-]+):/i;

/**
 * All bytes of a source. Throws `network` when a server does not give them, the context's code when
 * a file cannot be read, `bad-option` for what is no source at all, `aborted` when the signal
 * fires.
 */
export async function readSource(source: VggSource, context: ReadContext): Promise<Uint8Array> {
  const { where, signal } = context;
  throwIfAborted(signal, where);
  const bytes = await readAny(source, context);
  throwIfAborted(signal, where);
  return bytes;
}

async function readAny(source: VggSource, context: ReadContext): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (isTagged(source, 'ArrayBuffer')) return new Uint8Array(source as ArrayBuffer);
  if (typeof source === 'string') return readLocation(source, context);
  if (source instanceof URL) return readLocation(source.href, context);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof Response) return readResponse(source, source.url || 'a Response', context);
  if (source instanceof ReadableStream) return readStream(source, 'a stream', context);
  throw new WgpuStyleError('bad-option', {
    what:
      `not a network file: got ${Object.prototype.toString.call(source).slice(8, -1)}, ` +
      'need bytes, a Blob, stream, Response, URL or path',
    where: context.where,
    fix: 'Hand over one of these',
  });
}

async function readLocation(location: string, context: ReadContext): Promise<Uint8Array> {
  const { where, code, signal } = context;
  const kind = scheme.exec(location)?.[1]?.toLowerCase();
  const isFile = kind === undefined || kind === 'file';
  if (isFile && host.readFile) {
    try {
      return await host.readFile(location);
    } catch (cause) {
      const { code: problem, message } = cause as { code?: string; message?: string };
      const isMissing = problem === 'ENOENT' || problem === 'ENOTDIR';
      const what = isMissing ? 'no such file' : `a file that cannot be read (${message})`;
      throw new WgpuStyleError(code, {
        what: `${what}: got '${shortened(location)}', need the path of a network file`,
        where,
        fix: 'Check the path',
        cause,
      });
    }
  }
  if (!isFile && !['http', 'https', 'data', 'blob'].includes(kind)) {
    throw new WgpuStyleError('bad-option', {
      what:
        `an address of unknown kind: got '${shortened(location)}', ` +
        'need http, https, data, blob or a path',
      where,
      fix: 'Load the file yourself and hand over its bytes',
    });
  }
  if (isFile && (kind === 'file' || !('location' in globalThis))) {
    throw new WgpuStyleError(code, {
      what: `a file path, and nothing here reads files: got '${shortened(location)}'`,
      where,
      fix: "In Node import from 'wgpu-style/node'; elsewhere give a URL or the file's bytes",
    });
  }
  let response: Response;
  try {
    response = await fetch(location, signal ? { signal } : {});
  } catch (cause) {
    throwIfAborted(signal, where);
    throw failedFetch(location, reasonOf(cause), where, cause);
  }
  return readResponse(response, location, context);
}

async function readResponse(
  response: Response,
  location: string,
  context: ReadContext,
): Promise<Uint8Array> {
  if (!response.ok) {
    throw failedFetch(location, `status ${response.status}`, context.where);
  }
  if (response.bodyUsed || !response.body) {
    throw failedFetch(
      location,
      response.bodyUsed ? 'a body already read' : 'no body',
      context.where,
    );
  }
  return readStream(response.body, location, context);
}

async function readStream(
  stream: ReadableStream<Uint8Array>,
  location: string,
  { where, signal }: ReadContext,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  // A stalled read ends only when the stream is cancelled.
  const stop = (): void => void reader?.cancel().catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      throwIfAborted(signal, where);
      if (done) break;
      chunks.push(value);
      length += value.byteLength;
    }
  } catch (cause) {
    throwIfAborted(signal, where);
    throw failedFetch(location, reasonOf(cause), where, cause);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function failedFetch(
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
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

function isTagged(value: unknown, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}

/** For messages: data URLs are long. */
function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}
