// From a name to bytes: URLs by fetch, file paths by the host (Node), nothing else. What the bytes mean is decode.ts.

import { fetchAllowed, refuseServerFile } from '../gpu/address.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { host } from '../gpu/host.ts';
import { joinBytes } from './bytes.ts';

/** A scheme of two letters or more: `C:\pictures` is a path. */
const scheme = /^([a-z][a-z0-9+.-]+):/i;

const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'a folder, not a file',
  EACCES: 'a file that may not be read',
  EPERM: 'a file that may not be read',
};

/** Says why a file could not be read, from the error that the file system gave: "no such file: got …, need …". */
export function fileProblem(path: string, need: string, cause: unknown): string {
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string };
  return `${fileProblems[code] ?? `a file that cannot be read (${message})`}: got "${path}", need ${need}`;
}

/** A string for messages: data URLs are long. */
function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 80)}… (${text.length} characters)` : text;
}

/** No file of a picture that could be painted is larger; a server that sends more is hung up on. */
const MOST_BYTES = 512 * 2 ** 20;

/** The body of a response; undefined where it is larger than {@link MOST_BYTES}, as it says or as it turns out. */
async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const isTooLarge = Number(response.headers.get('content-length') ?? 0) > MOST_BYTES;
  if (!response.body || isTooLarge) {
    await response.body?.cancel();
    return isTooLarge ? undefined : new Uint8Array(0);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
    if (length > MOST_BYTES) {
      await reader.cancel();
      return undefined;
    }
  }
  return joinBytes(pieces);
}

async function fetchBytes(
  url: string,
  where: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const failed = (what: string, fix: string, cause?: unknown): WgpuStyleError =>
    new WgpuStyleError('network', { what, where, fix, cause });
  try {
    const response = await fetchAllowed(url, signal ? { signal } : {}, where);
    if (!response.ok) {
      throw failed(
        `the server did not give the picture: got status ${response.status} for "${shortened(url)}", need 200`,
        'Check the address',
      );
    }
    const bytes = await bodyOf(response);
    if (bytes) return bytes;
    throw failed(
      `the server sends more than a picture: got over ${MOST_BYTES / 2 ** 20} MiB for "${shortened(url)}"`,
      'Check the address, or download the file and give its path or bytes',
    );
  } catch (cause) {
    if (cause instanceof WgpuStyleError) throw cause;
    throwIfAborted(signal, where);
    const { message, cause: inner } = cause as Error;
    const reason = inner instanceof Error ? `${message} (${inner.message})` : message;
    throw failed(
      `the picture could not be fetched: got "${reason}" for "${shortened(url)}", need an answer`,
      'Check the address and the connection; in a page, the server must allow cross-origin requests (CORS)',
      cause,
    );
  }
}

/**
 * The bytes behind a URL (http, https, data, blob; file in Node), or behind a path: of a file in Node, relative to the
 * page in a browser. Throws `network` when a server does not give them or may not be asked, `bad-image` when a file cannot be read,
 * `aborted` when the signal fires.
 */
export async function readLocation(
  location: string,
  where: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  throwIfAborted(signal, where);
  const kind = scheme.exec(location)?.[1]?.toLowerCase();
  const isFile = kind === undefined || kind === 'file';
  if (!isFile && !['http', 'https', 'data', 'blob'].includes(kind)) {
    throw new WgpuStyleError('bad-image', {
      what: `an address of unknown kind: got "${shortened(location)}", need http, https, data or blob`,
      where,
      fix: 'Load the picture yourself and hand over its bytes',
    });
  }
  if (!isFile || !host.readFile) return fetchBytes(location, where, signal);
  refuseServerFile(location, where);
  try {
    return await host.readFile(location);
  } catch (cause) {
    throw new WgpuStyleError('bad-image', {
      what: fileProblem(location, 'the path of a picture', cause),
      where,
      fix: 'Check the path',
      cause,
    });
  }
}
