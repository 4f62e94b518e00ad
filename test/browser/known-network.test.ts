// A known network by its name in a page: from a mirror on another origin, into the page's own Cache
// API, and from there after a reload. The mirrors are stood in for by this test.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'puppeteer';
import type { Vgg as VggClass, VggReport } from 'wgpu-style/vgg';
import { makeVgg } from '../vgg/make-onnx.ts';
import { noBrowser, openPage, type OpenPage } from './page.ts';

declare const library: { readonly Vgg: typeof VggClass };

let open: OpenPage | undefined;
let page: Page;
const asked: { readonly url: string; readonly range: string | undefined }[] = [];
let isOffline = false;

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  const { bytes } = await makeVgg({ blocks: [[20, 20], [30, 30], [30], [30], [30, 30]], head: true });
  open = await openPage({ module: `export { Vgg } from 'wgpu-style/vgg';` });
  ({ page } = open);
  const { origin } = new URL(open.bundleUrl);
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    const url = request.url();
    if (url.startsWith(origin)) return void request.continue();
    const range = request.headers()['range'];
    asked.push({ url, range });
    if (isOffline) return void request.abort('internetdisconnected');
    const [, from = 0, to = bytes.length - 1] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const part = bytes.subarray(Number(from), Number(to) + 1);
    // No Content-Range that the page may read: as of servers that do not expose it.
    const headers = { 'access-control-allow-origin': '*' };
    const contentType = 'application/octet-stream';
    if (part.length === 0) void request.respond({ status: 416, headers });
    else void request.respond({ status: range ? 206 : 200, headers, contentType, body: Buffer.from(part) });
  });
});
afterAll(() => open?.close());

/** Loads in the page; the report, or code and message of what was thrown. */
function load(name: string): Promise<VggReport | { code: string; message: string }> {
  return page.evaluate(
    (word) =>
      library.Vgg.load(word).then(
        (vgg) => vgg.report,
        ({ code, message }: { code: string; message: string }) => ({ code, message }),
      ),
    name,
  );
}

describe('in headless Chrome', () => {
  test('offline: says what to do; an unknown name: says which are known', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    isOffline = true;
    expect(await load('vgg19')).toMatchObject({
      code: 'network',
      message: expect.stringMatching(/could not be fetched from any of .*wgpu-style import/),
    });
    isOffline = false;
    expect(await load('vgg99')).toMatchObject({ code: 'bad-option', message: expect.stringMatching(/Take one of vgg19, /) });
  });

  test('vgg19 is downloaded in parts, once, and is there after a reload', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    asked.length = 0;
    const first = await load('vgg19');
    expect(first).toMatchObject({ widths: [20, 30, 30, 30, 30], preprocessing: 'rgb-mean-std' });
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ range }) => range !== undefined)).toBe(true);
    const keys = await page.evaluate(async () => (await (await caches.open('wgpu-style')).keys()).map(({ url }) => url));
    expect(keys).toEqual([expect.stringMatching(/vgg19-relu5_1-f16\/[0-9a-f]{64}$/)]);
    asked.length = 0;
    await page.reload();
    await page.waitForFunction(`document.title === 'ready'`, { timeout: 60_000 });
    expect(await load('vgg19')).toEqual(first);
    expect(asked).toEqual([]);
    expect(open!.errors).toEqual([]);
  });
});
