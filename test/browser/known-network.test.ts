// A known network by its name in a page: from a server on another origin that behaves and misbehaves,
// into the page's own Cache API, and from there after a reload.

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Page } from 'puppeteer';
import type { DownloadProgress, Vgg as VggClass, VggReport } from 'wgpu-style/vgg';
import { Vgg } from '../../src/vgg/index.ts';
import { weightsSha256 } from '../../src/vgg/trust.ts';
import { makeVgg, withPadding } from '../vgg/make-onnx.ts';
import { sendRange, startServer, type TestServer } from '../vgg/sources.ts';
import { noBrowser, openPage, type OpenPage } from './page.ts';

declare const library: { readonly Vgg: typeof VggClass };

let open: OpenPage | undefined;
let page: Page;
let server: TestServer;
let bytes: Uint8Array<ArrayBuffer>;
/** Bytes after which the server breaks, and how. */
let breaksAfter = Infinity;
let manner: 'hangs up' | 'stalls' | 'cuts' = 'hangs up';
let sent = 0;
const preflights: string[] = [];

/** Networks of the page's manifest, by what their server does. */
const manners = {
  vgg19: '/net',
  bare: '/bare',
  plain: '/plain',
  moved: '/moved',
  refuses: '/refuses',
  gone: '/gone',
  trouble: '/trouble',
  longer: '/longer',
  'bare-longer': '/longer?bare',
  tampered: '/tampered',
  page: '/page',
  closed: '/closed',
};

function answer(request: IncomingMessage, response: ServerResponse, send: (part: Uint8Array) => void): void {
  const url = request.url ?? '';
  if (request.method === 'OPTIONS') preflights.push(url);
  if (url !== '/closed') response.setHeader('access-control-allow-origin', '*');
  if (!url.endsWith('bare')) response.setHeader('access-control-expose-headers', 'content-range, etag');
  const count = (part: Uint8Array): void => {
    if (sent + part.length <= breaksAfter) {
      sent += part.length;
      return send(part);
    }
    // In the middle of a part.
    const some = part.subarray(0, 1000);
    send(some);
    if (manner === 'hangs up') setTimeout(() => response.destroy(), 20);
    throw new Error('broken off');
  };
  const ranged = (file: Uint8Array): void => {
    try {
      sendRange(file, request, response, count);
    } catch {
      if (manner === 'cuts') response.end(); // fewer bytes than it promised
    }
  };
  if (url === '/net' || url === '/bare' || url === '/closed') ranged(bytes);
  else if (url.startsWith('/longer')) ranged(withPadding(bytes, 50));
  else if (url === '/tampered') ranged(bytes.map((byte, i) => (i === 1_000_000 ? byte ^ 1 : byte)));
  else if (url === '/plain' || (url === '/refuses' && !request.headers.range)) {
    delete request.headers.range;
    ranged(bytes);
  } else if (url === '/refuses') response.writeHead(416).end();
  else if (url === '/moved') response.writeHead(302, { location: '/net' }).end();
  else if (url === '/page') response.writeHead(200).end('<html>Sign in to continue</html>');
  else response.writeHead(url === '/trouble' ? 500 : 404).end();
}

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  // Weights of up to 5 MB: more than one piece each.
  const blocks = [[20, 20], [30, 30], [200], [700], [200, 30]];
  ({ bytes } = await makeVgg({ blocks, head: true }));
  server = await startServer(answer);
  const entry = {
    title: 'A small VGG',
    bytes: bytes.length,
    sha256Published: createHash('sha256').update(bytes).digest('hex'),
    weightsSha256: { conv5_1: weightsSha256((await Vgg.fromOnnx(bytes, { upTo: 'relu5_1' })).layers) },
    preprocessing: 'rgb-mean-std',
    licence: 'CC0-1.0',
  };
  const manifest = Object.fromEntries(
    Object.entries(manners).map(([name, url]) => [name, { ...entry, urls: [server.address + url] }]),
  );
  open = await openPage({ module: `export { Vgg } from 'wgpu-style/vgg';`, manifest });
  ({ page } = open);
});
afterAll(async () => {
  await open?.close();
  await server?.close();
});
beforeEach(async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  breaksAfter = Infinity;
  manner = 'hangs up';
  await page.evaluate(() => caches.delete('wgpu-style'));
  server.requests.length = 0;
  sent = 0;
});

interface Outcome {
  readonly report?: VggReport;
  readonly code?: string;
  readonly message?: string;
  readonly downloads: readonly DownloadProgress[];
  readonly warnings: readonly string[];
}

/** Loads in the page; what came of it, and what it was told meanwhile. */
function load(name: string, where: Page = page): Promise<Outcome> {
  return where.evaluate(async (word) => {
    const downloads: DownloadProgress[] = [];
    const warnings: string[] = [];
    const told = {
      onDownload: (progress: DownloadProgress) => void downloads.push(progress),
      onWarning: (message: string) => void warnings.push(message),
    };
    try {
      const { report } = await library.Vgg.load(word, told);
      return { report, downloads, warnings };
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return { code, message, downloads, warnings };
    }
  }, name);
}

function cached(): Promise<string[]> {
  return page.evaluate(async () => (await (await caches.open('wgpu-style')).keys()).map(({ url }) => url));
}

async function reload(): Promise<void> {
  await page.reload();
  await page.waitForFunction(`document.title === 'ready'`, { timeout: 60_000 });
}

/** Shortens the waits of the page until it is loaded anew: thirty seconds of silence are 0.3. */
function hurry(): Promise<void> {
  return page.evaluate(() => {
    const { setTimeout: wait } = globalThis;
    globalThis.setTimeout = ((work: () => void, time: number) => wait(work, time / 100)) as typeof wait;
  });
}

const widths = [20, 30, 200, 700, 200];

describe('in headless Chrome', () => {
  test('vgg19 is downloaded in parts, once, tells how far it is, and is there after a reload', async () => {
    const first = await load('vgg19');
    expect(first).toMatchObject({ report: { widths, preprocessing: 'rgb-mean-std' }, warnings: [] });
    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.every(({ range }) => range !== undefined)).toBe(true);
    const received = first.downloads.map((progress) => progress.received);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    expect(received.length).toBeGreaterThan(8);
    const last = first.downloads.at(-1)!;
    expect(last).toEqual({ name: 'vgg19', received: last.needed, needed: last.needed, size: bytes.length });
    // Nothing but the network is kept.
    expect(await cached()).toEqual([expect.stringMatching(/vgg19-relu5_1-f16\/[0-9a-f]{64}$/)]);
    server.requests.length = 0;
    await reload();
    expect(await load('vgg19')).toEqual({ ...first, downloads: [] });
    expect(server.requests).toEqual([]);
  });

  test.each(['hangs up', 'stalls', 'cuts'] as const)(
    'a server that %s: an error, and the next attempt goes on from there, also after a reload',
    async (how) => {
      await reload();
      await hurry();
      breaksAfter = 4_500_000;
      manner = how;
      const broken = await load('vgg19');
      expect(broken).toMatchObject({ code: 'network', message: expect.stringMatching(/could not be fetched/) });
      const kept = sent;
      expect(kept).toBeGreaterThan(2e6);
      expect((await cached()).filter((url) => url.includes('/parts/')).length).toBeGreaterThan(3);
      breaksAfter = Infinity;
      sent = 0;
      await reload();
      const resumed = await load('vgg19');
      expect(resumed.report).toMatchObject({ widths });
      // All that came is used but the first block, which says whether the file is still the same.
      const last = resumed.downloads.at(-1)!;
      expect(sent).toBeLessThan(last.received - kept + 100_000);
      expect(resumed.downloads[0]!.received).toBeGreaterThan(0);
      expect((await cached()).length).toBe(1);
    },
  );

  test.each([
    ['bare', 'lets pages read no headers'],
    ['moved', 'redirects'],
    ['plain', 'ignores ranges'],
    ['refuses', 'refuses ranges with 416'],
  ])('%s: a server that %s gives the same network', async (name) => {
    const { report, message } = await load(name);
    expect(message).toBeUndefined();
    expect(report).toMatchObject({ widths });
    server.requests.length = 0;
    expect((await load(name)).report).toMatchObject({ widths });
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['gone', 'network', /got status 404/],
    ['trouble', 'network', /got status 500/],
    ['longer', 'bad-model', /another file than the one known: got a file of \d+ bytes, need \d+/],
    ['bare-longer', 'bad-model', /got a file of another size, need \d+/],
    ['tampered', 'bad-model', /got weights of sha256 [0-9a-f]{64}, need [0-9a-f]{64}/],
    ['page', 'bad-model', /another file than the one known|not a whole ONNX file/],
    ['closed', 'network', /Failed to fetch/],
    ['unknown', 'bad-option', /there is no known network "unknown"\. Take one of vgg19, /],
  ])('%s: %s, and what to do; nothing is kept', async (name, code, message) => {
    const refused = await load(name);
    expect(refused).toMatchObject({ code, message: expect.stringMatching(message) });
    if (code !== 'bad-option') expect(refused.message).toMatch(/convert it with 'wgpu-style import'/);
    expect(await cached()).toEqual([]);
  });

  test('offline: says what to do', async () => {
    await page.setOfflineMode(true);
    const { code, message } = await load('vgg19');
    await page.setOfflineMode(false);
    expect(code).toBe('network');
    expect(message).toMatch(/could not be fetched from any of .*wgpu-style import/);
  });

  test('no room: the network comes all the same, and that it is not kept is said', async () => {
    const session = await page.createCDPSession();
    const { origin } = new URL(open!.bundleUrl);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
    const { report, warnings } = await load('vgg19');
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    expect(report).toMatchObject({ widths });
    expect(warnings).toEqual([expect.stringMatching(/could not be kept, there is no room in the cache/)]);
    expect(await cached()).toEqual([]);
  });

  test('two pages that want it at once download it once', async () => {
    const other = await page.browser().newPage();
    await other.goto(new URL('/', open!.bundleUrl).href);
    await other.waitForFunction(`document.title === 'ready'`, { timeout: 60_000 });
    const [one, two] = await Promise.all([load('vgg19'), load('vgg19', other)]);
    await other.close();
    expect(two.report).toEqual(one.report);
    const asked = server.requests.map(({ range }) => range);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test('nothing of this needed a question to the server beforehand, or was left uncaught', () => {
    expect(preflights).toEqual([]);
    expect(open!.errors).toEqual([]);
  });
});
