// From whatever a user has (bytes, Blob, stream, response, address, path) to a source of bytes.
// What they mean is onnx-file.ts and safetensors.ts.

import { refuseServerFile } from '../gpu/address.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { host } from '../gpu/host.ts';
import {
  blobSource,
  fileSource,
  memorySource,
  type ByteSource,
} from './byte-source.ts';
import { streamChunks, streamSource } from './stream-source.ts';
import { failedFetch, openAddress, reasonOf, responseSource, shortened } from './range-source.ts';

/**
 * A network file: its bytes, a Blob or File, a ReadableStream (or, in Node, a stream: any async
 * iterable of bytes), a Response, or where it is: a URL (http, https, data, blob), in Node also a
 * path or file URL. A string without a scheme is a path in Node and relative to the page in a
 * browser.
 */
export type VggSource =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Response
  | URL
  | string;

/** How failures are named: the function, and the code for bytes that cannot be had from a file. */
export interface ReadContext {
  readonly where: string;
  readonly code: 'bad-model' | 'bad-weights';
  readonly signal?: AbortSignal | undefined;
}

/** A scheme of two letters or more: `C:\networks` is a path. */
const scheme = /^([a-z][a-z0-9+.-]+):/i;

/** Whether a word can be the name of a known network: no path, no address, no file extension. */
export function looksLikeName(word: string): boolean {
  return /^[\w-]+$/.test(word);
}

/**
 * Opens a source. Throws `network` when a server does not give the file or may not be asked, the context's code when a
 * file cannot be read, `bad-option` for what is no source at all, `aborted` when the signal fires.
 */
export async function openSource(source: VggSource, context: ReadContext): Promise<ByteSource> {
  const { where, signal } = context;
  throwIfAborted(signal, where);
  if (isByteSource(source)) return source;
  if (source instanceof Uint8Array) return memorySource(source);
  if (isTagged(source, 'ArrayBuffer')) return memorySource(new Uint8Array(source as ArrayBuffer));
  if (typeof source === 'string') return openLocation(source, context);
  if (source instanceof URL) return openLocation(source.href, context);
  if (source instanceof Blob) return blobSource(source);
  if (source instanceof Response) {
    return responseSource(source, source.url || 'a Response', context);
  }
  const broken = (cause: unknown): WgpuStyleError =>
    failedFetch('a stream', reasonOf(cause), where, cause);
  if (source instanceof ReadableStream) {
    if (source.locked) throw failedFetch('a stream', 'a stream that is read already', where);
    return streamSource(streamChunks(source), { where, signal, broken });
  }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return streamSource(source[Symbol.asyncIterator](), { where, signal, broken });
  }
  throw new WgpuStyleError('bad-option', {
    what:
      `not a network file: got ${Object.prototype.toString.call(source).slice(8, -1)}, ` +
      'need bytes, a Blob, stream, Response, URL or path',
    where,
    fix: 'Hand over one of these',
  });
}

/**
 * The address or path of a file that lies beside the network file, as ONNX names its external data;
 * undefined where the source has no place, or the name leads out of its folder.
 */
export function besideSource(source: VggSource, name: string): string | undefined {
  const place = source instanceof URL ? source.href : source;
  if (typeof place !== 'string' || /^(data|blob):/i.test(place)) return undefined;
  const parts = name.split(/[/\\]/);
  if (name === '' || name.includes(':') || parts.includes('..') || parts[0] === '')
    return undefined;
  if (scheme.test(place)) return new URL(parts.map(encodeURIComponent).join('/'), place).href;
  return place.slice(0, Math.max(place.lastIndexOf('/'), place.lastIndexOf('\\')) + 1) + name;
}

async function openLocation(location: string, context: ReadContext): Promise<ByteSource> {
  const { where, code } = context;
  const kind = scheme.exec(location)?.[1]?.toLowerCase();
  const isFile = kind === undefined || kind === 'file';
  if (isFile && (host.openFile || host.readFile)) {
    refuseServerFile(location, where);
    try {
      if (host.openFile) return fileSource(await host.openFile(location));
      return memorySource(await host.readFile!(location));
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
  return openAddress(location, context);
}

/** For our own callers, who bring a cache or a progress bar along. */
function isByteSource(value: unknown): value is ByteSource {
  return typeof value === 'object' && value !== null && 'isSeekable' in value;
}

function isTagged(value: unknown, tag: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${tag}]`;
}
