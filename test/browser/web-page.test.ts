// The page of web/ as people use it: built and served by its own script, in headless Chrome.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decodePng, encodePng, readPngText } from '../../src/image/index.ts';
import { noBrowser } from './page.ts';
import { difference } from './public-api.page.ts';
import { choose, drop, iterations, openSite, pictures, ready, root, type Site } from './site.ts';
import { seen, settled, text, type, until, value } from './site.ts';

let site: Site;
let page: Page;

/** A PNG that carries these settings. */
async function settingsFile(name: string, settings: object): Promise<string> {
  const file = path.join(site.folder, name);
  const carried = { 'wgpu-style': JSON.stringify(settings) };
  writeFileSync(file, await encodePng(1, 1, new Uint8Array([0, 0, 0, 255]), { text: carried }));
  return file;
}

/** Writes down what the page is at from now on, each change once; the function that it gives reads that. */
async function watchStates(watched: Page): Promise<() => Promise<string[]>> {
  const states = await watched.evaluateHandle(() => {
    const { dataset } = document.documentElement;
    const seen: string[] = [];
    new MutationObserver(() => {
      if (dataset['state'] !== seen.at(-1)) seen.push(dataset['state']!);
    }).observe(document.documentElement, { attributeFilter: ['data-state'] });
    return seen;
  });
  return () => states.jsonValue();
}

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await openSite();
  page = await site.visit();
});
afterAll(() => site?.close());
beforeEach(({ skip }) => skip(noBrowser !== undefined, noBrowser));

test('names the software adapter and starts small on it', async () => {
  await ready(page);
  expect(await text(page, '#adapter')).toMatch(process.env['WGPU_STYLE_ADAPTER'] === 'gpu' ? /./ : /computes on the CPU \(.*swiftshader/i);
});

test('paints when the second picture is chosen; weights change, it stops, and the PNG carries the settings', async () => {
  await type(page, '#size', '48');
  await type(page, '#iterations', '60');
  await choose(page, '#content-file', path.join(pictures, 'houses.png'));
  await page.waitForSelector('#content-slot.filled');
  await choose(page, '#style-file', path.join(pictures, 'woodblock.png'));
  await until(page, 'running');
  const first = await seen(page);
  await iterations(page, 3);
  // As with the keyboard: ten steps of 2^0.1.
  await page.focus('#style-weight');
  for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowRight');
  expect(await text(page, '#style-weight-value')).toBe('× 2');
  await iterations(page, 10);
  await page.click('#toggle');
  await until(page, 'stopped');
  expect(difference(await settled(page), first)).toBeGreaterThan(5);
  expect(await text(page, '#toggle')).toBe('Resume');
  const stopped = await text(page, '#count');
  expect(parseInt(stopped)).toBeLessThan(60);
  expect(await page.$$eval('#chart polyline', (lines) => lines.length)).toBe(3); // picture, style, smoothness

  await page.click('#save');
  const saved = path.join(site.folder, 'houses-woodblock.png');
  await expect.poll(() => readdirSync(site.folder), { timeout: 10_000 }).toContain('houses-woodblock.png');
  const bytes = readFileSync(saved);
  expect(await decodePng(bytes)).toMatchObject({ width: 48, height: 36 });
  const settings = JSON.parse(readPngText(bytes)['wgpu-style']!) as object;
  expect(settings).toMatchObject({ size: 48, iterations: 60, styleWeight: 2, contentWeight: 1, network: 'default' });
  expect(await text(page, '#count')).toBe(stopped);

  await page.click('#toggle');
  await until(page, 'done');
  expect(await text(page, '#count')).toBe('60 iterations');
});

test('a saved PNG brings its settings back', async () => {
  await type(page, '#size', '64');
  await type(page, '#iterations', '9');
  await page.focus('#style-weight');
  await page.keyboard.press('Home');
  expect(await text(page, '#style-weight-value')).toBe('× 0.13');
  await choose(page, '#settings-file', path.join(site.folder, 'houses-woodblock.png'));
  await page.waitForFunction(() => document.getElementById('style-weight-value')!.textContent === '× 2');
  expect([await value(page, '#size'), await value(page, '#iterations')]).toEqual(['48', '60']);
  await choose(page, '#settings-file', path.join(pictures, 'houses.png'));
  await page.waitForSelector('#alert:not([hidden])');
  expect(await text(page, '#alert')).toMatch(/“houses.png” carries no settings/);
});

test('goes back to the picture that ended a scale, and on from there', async () => {
  await drop(page, 'body', await settingsFile('ladder.png', { scales: [24, 48], size: 48, iterations: 40 }));
  await page.waitForFunction(() => (document.getElementById('iterations') as HTMLInputElement).value === '40');
  await drop(page, '#style-slot', path.join(pictures, 'glass.png'));
  await until(page, 'running');
  await until(page, 'done');
  const end = await settled(page);
  await page.click('#scales li:first-child button');
  await until(page, 'stopped');
  expect(await text(page, '#count')).toBe('23 iterations');
  // On software adapters the canvas follows a little late.
  await expect.poll(async () => difference(await seen(page), end), { timeout: 20_000 }).toBeGreaterThan(1);
  await page.click('#toggle');
  await until(page, 'done');
  expect(await text(page, '#count')).toBe('40 iterations');
  // The same start and the same work: the same picture.
  expect(difference(await settled(page), end)).toBeLessThan(1);
});

test('begun anew in the middle of a run, twice, it is seen running again and not stopped before', async () => {
  // As many as no machine comes to the end of in this test and the next two.
  await drop(page, 'body', await settingsFile('long.png', { scales: [48], size: 48, iterations: 2000 }));
  await page.waitForFunction(() => (document.getElementById('iterations') as HTMLInputElement).value === '2000');
  await page.click('#restart');
  await until(page, 'running');
  await iterations(page, 2);
  const states = await watchStates(page);
  await page.evaluate(() => {
    for (let i = 0; i < 2; i++) document.getElementById('restart')!.click();
  });
  await until(page, 'running');
  expect(await text(page, '#toggle')).toBe('Stop');
  await iterations(page, 2);
  await page.click('#toggle');
  await until(page, 'stopped');
  expect(await states()).toEqual(['starting', 'running', 'stopped']);
});

test('a lost device in the middle of a run: another one goes on with the picture', async () => {
  await page.click('#restart');
  await until(page, 'running');
  await iterations(page, 40);
  // The worker looks at the picture every two seconds; what was painted since is lost: by now not much any more.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const before = await seen(page);
  await page.workers()[0]!.evaluate(`onmessage({ data: { kind: 'lose' } })`);
  await page.waitForFunction(() => /is back/.test(document.getElementById('status')!.textContent!), { timeout: 60_000 });
  // Near to where it was; begun anew from the content it was 55 away and more.
  expect(difference(await seen(page), before)).toBeLessThan(20);
  await page.waitForFunction(() => document.getElementById('status')!.textContent === 'Painting …', { timeout: 60_000 });
  await page.click('#toggle');
  await until(page, 'stopped');
});

test('a lost device while the run rests: the picture stays, and it goes on', async () => {
  const before = await settled(page);
  const count = await text(page, '#count');
  await page.workers()[0]!.evaluate(`onmessage({ data: { kind: 'lose' } })`);
  await page.waitForFunction(() => /is back/.test(document.getElementById('status')!.textContent!), { timeout: 60_000 });
  expect(difference(await settled(page), before)).toBeLessThan(1);
  await page.click('#toggle');
  await iterations(page, parseInt(count) + 1);
  await page.click('#toggle');
  await until(page, 'stopped');
});

test('takes an ONNX file as the network, and says what is wrong with one that is none', async () => {
  await choose(page, '#network-file', path.join(root, 'weights', 'default.onnx'));
  await page.waitForFunction(() => /VGG-19 to relu5_1.*ready/.test(document.getElementById('network-text')!.textContent!));
  // It does not say what its input looks like: that is told, and gives way to what is worse.
  expect(await text(page, '#alert')).toMatch(/was assumed/);
  await choose(page, '#network-file', path.join(pictures, 'houses.png'));
  await page.waitForFunction(() => /not .*ONNX/i.test(document.getElementById('alert')!.textContent!));
  expect(await value(page, '#network')).toBe('default');
});

test('a file that is no picture is refused by name, a pasted one is taken', async () => {
  await drop(page, '#content-slot', path.join(root, 'README.md'));
  await page.waitForSelector('#alert:not([hidden])');
  expect(await text(page, '#alert')).toMatch(/“README.md” is no picture/);
  const shown = await page.$eval('#content-image', (image) => image.getAttribute('src'));
  await drop(page, 'paste', path.join(pictures, 'landscape.png'));
  await page.waitForFunction((old) => document.getElementById('content-image')!.getAttribute('src') !== old, {}, shown);
});

test('a file that is decoded late does not take the place of a later one', async () => {
  await page.evaluate(() => {
    const image = HTMLImageElement.prototype;
    const decode = Object.getOwnPropertyDescriptor(image, 'decode')!;
    image.decode = async function (this: HTMLImageElement): Promise<void> {
      Object.defineProperty(image, 'decode', decode); // the first alone is late
      await new Promise((resolve) => setTimeout(resolve, 1000));
      document.body.dataset['late'] = 'decoded';
      return this.decode();
    };
  });
  await drop(page, '#content-slot', await settingsFile('dot.png', {}));
  await drop(page, '#content-slot', path.join(pictures, 'houses.png'));
  await page.waitForSelector('body[data-late]');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await page.$eval('#content-image', (image) => (image as HTMLImageElement).naturalWidth)).toBe(768);
});

test('a size that does not fit is said before, with the largest that does; begun all the same, it leaves what there is', async () => {
  await page.waitForSelector('html:is([data-state="running"], [data-state="done"])', { timeout: 60_000 });
  const before = await page.$eval('#before', (image) => image.getAttribute('src'));
  await type(page, '#size', '16384');
  await page.waitForSelector('#action-button:not([hidden])', { timeout: 60_000 });
  expect(await text(page, '#alert')).toMatch(/cannot hold this size as a whole. The largest that it can for these pictures is \d+ pixels/);
  const states = await watchStates(page);
  await page.click('#restart');
  await until(page, 'stopped');
  expect(await states()).toEqual(['starting', 'stopped']);
  expect(await page.$eval('#before', (image) => image.getAttribute('src'))).toBe(before);
  await page.$eval('#before', (image) => (image as HTMLImageElement).decode());
});

test('without WebGPU it explains, and shows no controls that do nothing', async () => {
  const bare = await site.visit('', (visited) => visited.evaluateOnNewDocument('delete Navigator.prototype.gpu;'));
  await bare.waitForSelector('#explanation:not([hidden])');
  expect(await bare.$eval('#explanation', ({ textContent }) => textContent)).toMatch(/no WebGPU[^]*Chrome/);
  expect(await bare.$eval('#panel', (panel) => panel.checkVisibility())).toBe(false);
  await bare.close();
});

test('works offline after the first visit', async () => {
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await site.unserve();
  await page.reload();
  await ready(page);
  await choose(page, '#settings-file', await settingsFile('short.png', { size: 32, iterations: 2 }));
  await page.click('#example');
  await until(page, 'done');
  expect(await text(page, '#count')).toBe('2 iterations');
});

test('nothing was asked of others, and neither console nor policy complained', () => {
  expect(site.foreign).toEqual([]);
  expect(site.complaints).toEqual([]);
});
