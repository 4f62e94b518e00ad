// The page of web/ as people use it: built and served by its own script, in headless Chrome.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, ElementHandle, Page } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decodePng, encodePng, pixelsToBytes, readPngText } from '../../src/image/index.ts';
import { launchBrowser, noBrowser } from './page.ts';
import { difference } from './public-api.page.ts';

const root = path.resolve(import.meta.dirname, '../..');
const pictures = path.join(root, 'examples', 'pictures');

let folder: string;
let server: ChildProcess;
let address: string;
let browser: Browser;
let page: Page;
/** Requests that would have left this machine, and what consoles and policies complained of. */
const foreign: string[] = [];
const complaints: string[] = [];

/** Starts `npm run web` on a free port; resolves to the address that it prints. */
async function serve(): Promise<string> {
  server = spawn(process.execPath, ['scripts/web.mjs', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  for await (const text of server.stdout!) {
    printed += String(text);
    if (printed.includes('\n')) break;
  }
  return printed.trim();
}

/** A new page, watched, that is ready to paint. */
async function visit(prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const visited = await browser.newPage();
  visited.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(blob|data):/.test(url)) foreign.push(url);
  });
  visited.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) complaints.push(message.text());
  });
  visited.on('pageerror', (error) => complaints.push(String(error)));
  await prepare?.(visited);
  await visited.goto(address);
  return visited;
}

const ready = (): Promise<unknown> => page.waitForSelector('#adapter:not(:empty)', { timeout: 60_000 });

async function choose(input: string, file: string): Promise<void> {
  await ((await page.$(input)) as ElementHandle<HTMLInputElement>).uploadFile(file);
}

async function type(input: string, text: string): Promise<void> {
  await page.click(input, { count: 3 });
  await page.keyboard.type(text);
  await page.keyboard.press('Tab');
}

/** Drops a file onto an element, or pastes it. */
async function drop(target: string, file: string): Promise<void> {
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

const text = (selector: string): Promise<string> => page.$eval(selector, ({ textContent }) => textContent ?? '');
const value = (selector: string): Promise<string> => page.$eval(selector, (input) => (input as HTMLInputElement).value);

function until(state: string): Promise<unknown> {
  return page.waitForSelector(`html[data-state="${state}"]`, { timeout: 60_000 });
}

/** Waits until so many iterations are done. */
function iterations(count: number): Promise<unknown> {
  return page.waitForFunction((least) => parseInt(document.getElementById('count')!.textContent!) >= least, { timeout: 60_000 }, count);
}

/** The pixels of the painting as the screen shows them. */
async function seen(): Promise<Uint8ClampedArray> {
  return pixelsToBytes(await decodePng(await (await page.$('#canvas'))!.screenshot()));
}

/** The same once it is at rest: on software adapters the canvas is painted a little late. */
async function settled(): Promise<Uint8ClampedArray> {
  for (let last = await seen(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await seen();
    if (difference(now, last) === 0) return now;
    last = now;
  }
}

/** A PNG that carries these settings. */
async function settingsFile(name: string, settings: object): Promise<string> {
  const file = path.join(folder, name);
  const carried = { 'wgpu-style': JSON.stringify(settings) };
  writeFileSync(file, await encodePng(1, 1, new Uint8Array([0, 0, 0, 255]), { text: carried }));
  return file;
}

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-page-'));
  [address, browser] = await Promise.all([serve(), launchBrowser()]);
  page = await visit();
  const session = await page.createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder });
});
afterAll(async () => {
  await browser?.close();
  server?.kill();
  if (folder) rmSync(folder, { recursive: true });
});
beforeEach(({ skip }) => skip(noBrowser !== undefined, noBrowser));

test('names the software adapter and starts small on it', async () => {
  await ready();
  expect(await text('#adapter')).toMatch(process.env['WGPU_STYLE_ADAPTER'] === 'gpu' ? /./ : /computes on the CPU \(.*swiftshader/i);
});

test('paints when the second picture is chosen; weights change, it stops, and the PNG carries the settings', async () => {
  await type('#size', '48');
  await type('#iterations', '30');
  await choose('#content-file', path.join(pictures, 'houses.png'));
  await page.waitForSelector('#content-slot.filled');
  await choose('#style-file', path.join(pictures, 'woodblock.png'));
  await until('running');
  const first = await seen();
  await iterations(3);
  // As with the keyboard: ten steps of 2^0.1.
  await page.focus('#style-weight');
  for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowRight');
  expect(await text('#style-weight-value')).toBe('× 2');
  await iterations(10);
  expect(difference(await seen(), first)).toBeGreaterThan(5);
  await page.click('#toggle');
  await until('stopped');
  expect(await text('#toggle')).toBe('Resume');
  const stopped = await text('#count');
  expect(parseInt(stopped)).toBeLessThan(30);
  expect(await page.$$eval('#chart polyline', (lines) => lines.length)).toBe(2);

  await page.click('#save');
  const saved = path.join(folder, 'houses-woodblock.png');
  await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toContain('houses-woodblock.png');
  const bytes = readFileSync(saved);
  expect(await decodePng(bytes)).toMatchObject({ width: 48, height: 36 });
  const settings = JSON.parse(readPngText(bytes)['wgpu-style']!) as object;
  expect(settings).toMatchObject({ size: 48, iterations: 30, styleWeight: 2, contentWeight: 1, network: 'default' });
  expect(await text('#count')).toBe(stopped);

  await page.click('#toggle');
  await until('done');
  expect(await text('#count')).toBe('30 iterations');
});

test('a saved PNG brings its settings back', async () => {
  await type('#size', '64');
  await type('#iterations', '9');
  await page.focus('#style-weight');
  await page.keyboard.press('Home');
  expect(await text('#style-weight-value')).toBe('× 0.13');
  await choose('#settings-file', path.join(folder, 'houses-woodblock.png'));
  await page.waitForFunction(() => document.getElementById('style-weight-value')!.textContent === '× 2');
  expect([await value('#size'), await value('#iterations')]).toEqual(['48', '30']);
  await choose('#settings-file', path.join(pictures, 'houses.png'));
  await page.waitForSelector('#alert:not([hidden])');
  expect(await text('#alert')).toMatch(/“houses.png” carries no settings/);
});

test('goes back to the picture that ended a scale, and on from there', async () => {
  await drop('body', await settingsFile('ladder.png', { scales: [24, 48], size: 48, iterations: 40 }));
  await page.waitForFunction(() => (document.getElementById('iterations') as HTMLInputElement).value === '40');
  await drop('#style-slot', path.join(pictures, 'glass.png'));
  await until('running');
  await until('done');
  const end = await settled();
  await page.click('#scales li:first-child button');
  await until('stopped');
  expect(await text('#count')).toBe('23 iterations');
  // On software adapters the canvas follows a little late.
  await expect.poll(async () => difference(await seen(), end), { timeout: 20_000 }).toBeGreaterThan(1);
  await page.click('#toggle');
  await until('done');
  expect(await text('#count')).toBe('40 iterations');
  // The same start and the same work: the same picture.
  expect(difference(await settled(), end)).toBeLessThan(1);
});

test('a lost device in the middle of a run: another one goes on with the picture', async () => {
  await type('#iterations', '60');
  await page.click('#restart');
  await until('running');
  await iterations(8);
  // The worker looks at the picture every two seconds; what was painted since is lost.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const before = await seen();
  await page.workers()[0]!.evaluate(`onmessage({ data: { kind: 'lose' } })`);
  await page.waitForFunction(() => /is back/.test(document.getElementById('status')!.textContent!), { timeout: 60_000 });
  // Near to where it was; begun anew from the content it was 55 away and more.
  expect(difference(await seen(), before)).toBeLessThan(20);
  await page.waitForFunction(() => document.getElementById('status')!.textContent === 'Painting …', { timeout: 60_000 });
  await page.click('#toggle');
  await until('stopped');
});

test('a lost device while the run rests: the picture stays, and it goes on', async () => {
  const before = await settled();
  const count = await text('#count');
  await page.workers()[0]!.evaluate(`onmessage({ data: { kind: 'lose' } })`);
  await page.waitForFunction(() => /is back/.test(document.getElementById('status')!.textContent!), { timeout: 60_000 });
  expect(difference(await settled(), before)).toBeLessThan(1);
  await page.click('#toggle');
  await iterations(parseInt(count) + 1);
  await page.click('#toggle');
  await until('stopped');
});

test('takes an ONNX file as the network, and says what is wrong with one that is none', async () => {
  await choose('#network-file', path.join(root, 'weights', 'default.onnx'));
  await page.waitForFunction(() => /VGG-19 to relu5_1.*ready/.test(document.getElementById('network-text')!.textContent!));
  // It does not say what its input looks like: that is told, and gives way to what is worse.
  expect(await text('#alert')).toMatch(/was assumed/);
  await choose('#network-file', path.join(pictures, 'houses.png'));
  await page.waitForFunction(() => /not .*ONNX/i.test(document.getElementById('alert')!.textContent!));
  expect(await value('#network')).toBe('default');
});

test('a file that is no picture is refused by name, a pasted one is taken', async () => {
  await drop('#content-slot', path.join(root, 'README.md'));
  await page.waitForSelector('#alert:not([hidden])');
  expect(await text('#alert')).toMatch(/“README.md” is no picture/);
  const shown = await page.$eval('#content-image', (image) => image.getAttribute('src'));
  await drop('paste', path.join(pictures, 'landscape.png'));
  await page.waitForFunction((old) => document.getElementById('content-image')!.getAttribute('src') !== old, {}, shown);
});

test('a size that does not fit is said before, with the largest that does', async () => {
  await type('#size', '16384');
  await page.waitForSelector('#action-button:not([hidden])', { timeout: 60_000 });
  expect(await text('#alert')).toMatch(/does not fit the graphics card. The largest that does for these pictures is \d+ pixels/);
});

test('without WebGPU it explains, and shows no controls that do nothing', async () => {
  const bare = await visit((visited) => visited.evaluateOnNewDocument('delete Navigator.prototype.gpu;'));
  await bare.waitForSelector('#explanation:not([hidden])');
  expect(await bare.$eval('#explanation', ({ textContent }) => textContent)).toMatch(/no WebGPU[^]*Chrome/);
  expect(await bare.$eval('#panel', (panel) => panel.checkVisibility())).toBe(false);
  await bare.close();
});

test('works offline after the first visit', async () => {
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await gone;
  await page.reload();
  await ready();
  await choose('#settings-file', await settingsFile('short.png', { size: 32, iterations: 2 }));
  await page.click('#example');
  await until('done');
  expect(await text('#count')).toBe('2 iterations');
});

test('nothing was asked of others, and neither console nor policy complained', () => {
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});
