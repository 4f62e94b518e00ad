// The public API as a page uses it: in headless Chrome, with the embedded network, in the page and in a worker.

import type { Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePng, pixelsToBytes } from '../../src/image/index.ts';
import { noBrowser, openPage, type OpenPage } from './page.ts';
import type * as PageModule from './public-api.page.ts';
import { difference } from './public-api.page.ts';

const worker = `import { transferInWorker } from '/bundle.js';
transferInWorker().then((report) => postMessage({ report }), (error) => postMessage({ error: String(error) }));`;

/** The page's globals, as the functions below see them after they were sent there. */
declare const library: typeof PageModule;

interface WorkerAnswer {
  readonly report?: Awaited<ReturnType<typeof PageModule.transferInWorker>>;
  readonly error?: string;
}

/** What pages asked for and complained about. */
interface Seen {
  readonly foreign: string[];
  readonly complaints: string[];
}

interface Watch {
  /** Runs before the page is loaded. */
  readonly prepare?: (page: Page) => Promise<unknown>;
  /** False only watches: puppeteer 24 loses a worker's import about one time in seven when it intercepts. */
  readonly intercepts?: boolean;
}

/** Opens another page in the same browser; requests that would leave this machine are noted and stopped. */
async function watchedPage(
  { page: first, bundleUrl }: OpenPage,
  { prepare, intercepts = true }: Watch = {},
): Promise<Page & Seen> {
  const { origin } = new URL(bundleUrl);
  const page = await first.browser().newPage();
  const seen: Seen = { foreign: [], complaints: [] };
  await page.setRequestInterception(intercepts);
  page.on('request', (request) => {
    const url = new URL(request.url());
    const isLocal = url.origin === origin || url.protocol === 'data:' || url.protocol === 'blob:';
    if (!isLocal) seen.foreign.push(request.url());
    if (intercepts) void (isLocal ? request.continue() : request.abort());
  });
  page.on('console', (message) => {
    const isFavicon = message.location().url?.endsWith('/favicon.ico');
    const isComplaint = message.type() === 'error' || message.type() === 'warn';
    if (isComplaint && !isFavicon) seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  await prepare?.(page);
  await page.goto(origin);
  await page.waitForFunction(`document.title === 'ready'`, { timeout: 60_000 });
  return Object.assign(page, seen);
}

describe('the public API in headless Chrome', () => {
  let open: OpenPage | undefined;
  let page: Page & Seen;
  beforeAll(async () => {
    if (noBrowser !== undefined) return;
    const files = { '/worker.js': new TextEncoder().encode(worker) };
    open = await openPage({ module: `export * from './public-api.page.ts';`, files });
    page = await watchedPage(open);
  });
  afterAll(() => open?.close());

  test('styles ImageData after a PNG Blob, and paints the preview canvas', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const report = await page.evaluate(() => library.transferOnCanvas());
    expect(report.totals).toHaveLength(16);
    expect(report.totals.at(-1)!).toBeLessThan(0.8 * report.totals[0]!);
    expect(report.size).toEqual([32, 32]);
    expect(report.stopped).toBe('done');
    expect(report.fromContent).toBeGreaterThan(3);
    expect(report.fromBlob).toBe(0);
    expect(report.fromImageData).toBe(0);
    // What a person sees on the canvas; 1 step of 8 bits for the rounding of the texture.
    const canvas = await page.$('#preview');
    const seen = await decodePng(await canvas!.screenshot());
    expect(difference(pixelsToBytes(seen), report.pixels)).toBeLessThan(1);
  });

  test('an AbortSignal ends a run with the picture so far', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const { stopped, iterations, early } = await page.evaluate(() => library.abort());
    expect(stopped).toBe('aborted');
    expect(iterations).toBeGreaterThanOrEqual(2);
    expect(iterations).toBeLessThan(10);
    expect(early).toBe('aborted');
  });

  test("a session records its iterations into the page's own encoder on its own device", async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const report = await page.evaluate(() => library.session());
    expect(report.after).toBeLessThan(report.before);
    expect(report.dispatches).toBeGreaterThan(20);
    expect(report.fromTexture).toBeLessThan(0.6);
    expect(report.deviceLives).toBe(true);
  });

  test('works in a module worker with an OffscreenCanvas', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const watched = await watchedPage(open!, { intercepts: false });
    const { report, error } = await watched.evaluate(
      () =>
        new Promise<WorkerAnswer>((resolve) => {
          const started = new Worker('/worker.js', { type: 'module' });
          started.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => resolve(data);
          started.onerror = ({ message }) => resolve({ error: message });
        }),
    );
    expect(error).toBeUndefined();
    expect(report!.totals.at(-1)!).toBeLessThan(report!.totals[0]!);
    expect(report!.fromBlob).toBe(0);
    expect(report!.fromPreview).toBeLessThan(1);
    expect([...report!.gpuErrors, ...watched.foreign, ...watched.complaints]).toEqual([]);
  });

  test('says no-webgpu where there is none', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const bare = await watchedPage(open!, {
      prepare: (p) => p.evaluateOnNewDocument('delete Navigator.prototype.gpu;'),
    });
    const codes = await bare.evaluate(() => library.withoutWebGpu());
    expect(codes).toEqual(['no-webgpu', 'no-webgpu', 'no-webgpu']);
    expect([...bare.foreign, ...bare.complaints]).toEqual([]);
  });

  test('nothing leaves the machine, and neither the GPU nor the console complains', async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    expect(page.foreign).toEqual([]);
    expect(page.complaints).toEqual([]);
    expect(await page.evaluate(() => library.gpuErrors)).toEqual([]);
    expect(open!.errors).toEqual([]);
  });
});
