// What the tests of fetching share: a small network, and a server that behaves and misbehaves.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, vi } from 'vitest';
import { installHost } from '../../src/node/host.ts';
import { main } from '../../src/node/main.ts';
import { cacheFolder } from '../../src/node/known-networks.ts';
import { makeVgg, withPadding } from '../vgg/make-onnx.ts';
import { sendRange, startServer, type TestServer } from '../vgg/sources.ts';
import { entry } from './small-manifest.ts';

/** What tests use and change. */
export interface Setting {
  readonly folder: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same network in a file of many pieces. */
  readonly long: Uint8Array<ArrayBuffer>;
  readonly server: TestServer;
  /** Bytes after which the server hangs up. */
  breaksAfter: number;
  /** Bytes of /net and /long sent so far. */
  sent: number;
  /** What the server calls the version of its file. */
  tag: string;
}

/** Sets everything up around the tests of a file; to be used once they run. */
export function smallNetwork(): Setting {
  const setting = { breaksAfter: Infinity, sent: 0, tag: '"1"' } as { -readonly [K in keyof Setting]: Setting[K] };
  beforeAll(async () => {
    installHost();
    setting.folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-weights-'));
    const blocks = [[60, 60], [96, 96], [96], [96], [96, 96]];
    setting.bytes = (await makeVgg({ blocks, head: true })).bytes;
    setting.long = withPadding(setting.bytes, 30e6);
    setting.server = await startServer((...call) => answer(setting, ...call));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await setting.server.close();
    rmSync(setting.folder, { recursive: true });
  });
  beforeEach(() => {
    vi.stubEnv('XDG_CACHE_HOME', mkdtempSync(path.join(setting.folder, 'cache-')));
    Object.assign(entry, { sha256: null, weightsSha256: {} });
    Object.assign(setting, { breaksAfter: Infinity, sent: 0 });
    serve(setting, '/net', setting.bytes);
  });
  return setting;
}

/** Makes the manifest speak of this file. */
export function serve({ server }: Setting, url: string, file: Uint8Array): void {
  const sha256Published = createHash('sha256').update(file).digest('hex');
  Object.assign(entry, { urls: [server.address + url], bytes: file.length, sha256Published });
}

function answer(
  setting: Setting,
  request: IncomingMessage,
  response: ServerResponse,
  send: (bytes: Uint8Array) => void,
): void {
  const { bytes, long, breaksAfter, tag } = setting;
  const url = request.url ?? '';
  const isCounted = url === '/net' || url === '/long';
  if (isCounted && setting.sent > breaksAfter) return void response.destroy();
  const count = (part: Uint8Array): void => {
    setting.sent += part.length;
    send(part);
  };
  if (isCounted) response.setHeader('etag', tag);
  if (isCounted) sendRange(url === '/net' ? bytes : long, request, response, count);
  else if (url === '/moved') response.writeHead(301, { location: '/net' }).end();
  else if (url === '/plain' || (url === '/refuses' && !request.headers.range)) {
    delete request.headers.range;
    sendRange(bytes, request, response, send);
  } else if (url === '/refuses') response.writeHead(416).end();
  else if (url === '/tampered') {
    const tampered = new Uint8Array(bytes);
    tampered[bytes.length >> 1]! ^= 1;
    sendRange(tampered, request, response, send);
  } else if (url === '/trouble') response.writeHead(500).end();
  else if (url === '/cut') {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 50_000), () => response.destroy());
  } else if (url === '/cut-part') {
    // The promised part, and less than it.
    const range = `bytes 0-32767/${bytes.length}`;
    response.writeHead(206, { 'content-length': 32768, 'content-range': range });
    response.write(bytes.subarray(0, 100), () => response.destroy());
  } else if (url === '/short') response.writeHead(200).end(bytes.subarray(0, 50_000));
  else if (url === '/page') response.writeHead(200).end('<html>Sign in to continue</html>');
  else if (url === '/stall') response.writeHead(200, { 'content-length': bytes.length }).write('x');
  else response.writeHead(404).end();
}

/** What is in the cache folder besides networks. */
export function leftovers(): string[] {
  return readdirSync(cacheFolder()).filter((name) => !name.endsWith('.safetensors'));
}

/** The command line. */
export async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const status = await main(words, {
    stdout: { write: (more) => (text.out += more) },
    stderr: { write: (more) => (text.err += more) },
    signal: new AbortController().signal,
  });
  return { status, ...text };
}
