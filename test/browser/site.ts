// The pages of web/ as their own script builds and serves them, and what a person does on them.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, ElementHandle, Page } from 'puppeteer';
import { decodePng, pixelsToBytes } from '../../src/image/index.ts';
import { launchBrowser } from './page.ts';
import { difference } from './public-api.page.ts';

export const root: string = path.resolve(import.meta.dirname, '../..');
/** The pictures of the examples. */
export const pictures: string = path.join(root, 'examples', 'pictures');

/** A served site and a browser. */
export interface Site {
  readonly address: string;
  /** Where downloads go: empty at first, gone in the end. */
  readonly folder: string;
  /** Requests that would have left this machine, and what consoles and policies complained of. */
  readonly foreign: readonly string[];
  readonly complaints: readonly string[];
  /** A new page, watched; `prepare` runs before it is loaded. */
  visit(file?: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page>;
  /** Ends the server alone. */
  unserve(): Promise<void>;
  close(): Promise<void>;
}

/** Starts `npm run web` on a free port, and a browser. */
export async function openSite(): Promise<Site> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-page-'));
  const foreign: string[] = [];
  const complaints: string[] = [];
  const server = spawn(process.execPath, ['scripts/web.mjs', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [address, browser] = await Promise.all([printed(server), launchBrowser()]);
  await saveDownloads(browser, folder);
  return {
    address,
    folder,
    foreign,
    complaints,
    async visit(file = '', prepare) {
      const page = await browser.newPage();
      page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(address) && !/^(blob|data):/.test(url)) foreign.push(url);
      });
      page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await prepare?.(page);
      await page.goto(address + file);
      return page;
    },
    async unserve() {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill();
      await gone;
    },
    async close() {
      await browser.close();
      server.kill();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The first line that a process prints. */
async function printed(server: ChildProcess): Promise<string> {
  let said = '';
  for await (const text of server.stdout!) {
    said += String(text);
    if (said.includes('\n')) break;
  }
  return said.trim();
}

async function saveDownloads(browser: Browser, folder: string): Promise<void> {
  const session = await browser.target().createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder });
}

/** Until the page has a device. */
export function ready(page: Page): Promise<unknown> {
  return page.waitForSelector('#adapter:not(:empty)', { timeout: 60_000 });
}

export async function choose(page: Page, input: string, file: string): Promise<void> {
  await ((await page.$(input)) as ElementHandle<HTMLInputElement>).uploadFile(file);
}

export async function type(page: Page, input: string, text: string): Promise<void> {
  await page.click(input, { count: 3 });
  await page.keyboard.type(text);
  await page.keyboard.press('Tab');
}

/** Drops a file onto an element, or pastes it. */
export async function drop(page: Page, target: string, file: string): Promise<void> {
  const [name, data] = [path.basename(file), readFileSync(file).toString('base64')];
  await page.evaluate(
    (where, called, base64) => {
      const carried = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      carried.items.add(new File([bytes], called));
      const init = { bubbles: true, cancelable: true };
      if (where === 'paste') document.dispatchEvent(new ClipboardEvent('paste', { ...init, clipboardData: carried }));
      else document.querySelector(where)!.dispatchEvent(new DragEvent('drop', { ...init, dataTransfer: carried }));
    },
    ...([target, name, data] as const),
  );
}

export const text = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, ({ textContent }) => textContent ?? '');

export const value = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (input) => (input as HTMLInputElement).value);

/** Waits until the page is `running`, `stopped`, `done`, … */
export function until(page: Page, state: string): Promise<unknown> {
  return page.waitForSelector(`html[data-state="${state}"]`, { timeout: 60_000 });
}

/** Waits until so many iterations are done. */
export function iterations(page: Page, count: number): Promise<unknown> {
  return page.waitForFunction((least) => parseInt(document.getElementById('count')!.textContent!) >= least, { timeout: 60_000 }, count);
}

/** The pixels of the painting as the screen shows them. */
export async function seen(page: Page): Promise<Uint8ClampedArray> {
  return pixelsToBytes(await decodePng(await (await page.$('#canvas'))!.screenshot()));
}

/** The same once it is at rest: on software adapters the canvas is painted a little late. */
export async function settled(page: Page): Promise<Uint8ClampedArray> {
  for (let last = await seen(page); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await seen(page);
    if (difference(now, last) === 0) return now;
    last = now;
  }
}
