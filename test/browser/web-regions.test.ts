// Parts of the picture, painted on the page by mouse, finger and keyboard; and what becomes of them.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decodePng, encodePng, pixelsToBytes, readPngText } from '../../src/image/index.ts';
import { sharesOf, unpackRegions } from '../../web/regions.ts';
import { noBrowser } from './page.ts';
import { choose, openSite, pictures, ready, text, type, until, type Site } from './site.ts';

/** The picture is painted at its own size: what stays as it is stays so to the byte. */
const [WIDTH, HEIGHT] = [48, 36];
const bytes = new Uint8Array(4 * WIDTH * HEIGHT).map((_, i) => (i % 4 === 3 ? 255 : (i * 7919) % 251));

let site: Site;
let page: Page;
let picture: string;

async function openEasel(): Promise<void> {
  await page.click('#regions-open');
  await page.waitForSelector('#regions[open]');
}

/** A place on the easel in shares of its sides, as the mouse knows it. */
async function at(x: number, y: number): Promise<[number, number]> {
  const { x: left, y: top, width, height } = (await (await page.$('#regions-canvas'))!.boundingBox())!;
  return [left + x * width, top + y * height];
}

async function stroke(...places: readonly (readonly [number, number])[]): Promise<void> {
  await page.mouse.move(...(await at(...places[0]!)));
  await page.mouse.down();
  for (const place of places.slice(1)) await page.mouse.move(...(await at(...place)), { steps: 8 });
  await page.mouse.up();
}

/** Chooses what to paint with, by its name. */
async function take(tool: string): Promise<void> {
  await page.click(`::-p-xpath(//div[@id="tools"]/label[contains(., "${tool}")])`);
}

async function brush(percent: number): Promise<void> {
  await page.$eval('#brush-size', (input, to) => {
    (input as HTMLInputElement).value = String(to);
    input.dispatchEvent(new Event('input'));
  }, percent);
}

const said = (): Promise<string> => text(page, '#regions-status');

/** Saves the picture; resolves to the file's bytes. */
async function saved(name: string): Promise<Uint8Array> {
  await page.click('#save');
  await expect.poll(() => readdirSync(site.folder), { timeout: 10_000 }).toContain(name);
  return readFileSync(path.join(site.folder, name));
}

/** The largest difference of a channel from the picture, in bytes, over columns from … to. */
function farthest(painted: Uint8ClampedArray, from: number, to: number): number {
  let most = 0;
  painted.forEach((value, i) => {
    const column = (i >> 2) % WIDTH;
    if (column >= from && column < to) most = Math.max(most, Math.abs(value - bytes[i]!));
  });
  return most;
}

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await openSite();
  page = await site.visit();
  picture = path.join(site.folder, 'checks.png');
  writeFileSync(picture, await encodePng(WIDTH, HEIGHT, bytes));
  await ready(page);
});
afterAll(() => site?.close());
beforeEach(({ skip }) => skip(noBrowser !== undefined, noBrowser));

test('parts can be painted as soon as there is a picture: by mouse, with undo, eraser and clearing', async () => {
  expect(await page.$eval('#regions-open', (button) => (button as HTMLButtonElement).disabled)).toBe(true);
  await type(page, '#size', String(WIDTH));
  await type(page, '#iterations', '40'); // some seconds: a run that is over before anybody looks was never seen running
  await choose(page, '#content-file', picture);
  await page.waitForSelector('#regions-open:not(:disabled)');
  await openEasel();
  expect(await said()).toBe('Nothing is painted yet.');
  await brush(20);
  await stroke([0.5, 0.5]);
  // A disc whose diameter is a fifth of the longest side.
  const disc = Math.round((100 * Math.PI * (0.1 * WIDTH) ** 2) / (WIDTH * HEIGHT));
  expect(await said()).toBe(`${disc} % stays as it is`);
  await stroke([0.1, 0.9], [0.9, 0.9]);
  expect(parseInt(await said())).toBeGreaterThan(disc);
  await page.keyboard.down('Control');
  await page.keyboard.press('z');
  await page.keyboard.up('Control');
  expect(await said()).toBe(`${disc} % stays as it is`);
  await take('Eraser');
  await brush(10);
  await stroke([0.5, 0.5]);
  expect(parseInt(await said())).toBe(Math.round((100 * Math.PI * 0.75 * (0.1 * WIDTH) ** 2) / (WIDTH * HEIGHT)));
  await page.click('#regions-undo');
  expect(await said()).toBe(`${disc} % stays as it is`);
  await page.click('#regions-clear');
  expect(await said()).toBe('Nothing is painted yet.');
});

test('and by keyboard alone', async () => {
  await page.focus('#tools input');
  await page.keyboard.press('Space');
  await page.focus('#regions-canvas');
  await page.keyboard.press('Space');
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  // A disc, and a band as wide as the disc and as long as two of its radii.
  const radius = 0.05 * WIDTH;
  const expected = Math.round((100 * radius ** 2 * (Math.PI + 4)) / (WIDTH * HEIGHT));
  expect(await said()).toBe(`${expected} % stays as it is`);
  await page.keyboard.press('ArrowDown');
  expect(await said()).toBe(`${expected} % stays as it is`);
  await page.click('#regions-clear');
});

test('a key that is held down is one stroke', async () => {
  await page.evaluate(() => {
    document.documentElement.dataset['kept'] = '';
    document.addEventListener('keydown', (event) => {
      if (event.repeat) document.documentElement.dataset['kept'] += String(event.defaultPrevented);
    });
  });
  await page.focus('#regions-canvas');
  await page.keyboard.press('Space');
  await page.keyboard.press('Space');
  const disc = await said();
  await page.click('#regions-clear');
  for (const key of ['Space', 'Enter'] as const) {
    await page.focus('#regions-canvas');
    for (let i = 0; i < 2; i++) await page.keyboard.down(key);
    await page.keyboard.up(key);
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press(key);
    expect(parseInt(await said())).toBeGreaterThan(parseInt(disc));
    await page.click('#regions-undo');
    expect(await said()).toBe('Nothing is painted yet.');
  }
  // What the browser would do with them, it does neither once nor thirty times a second.
  expect(await page.$eval('html', (html) => html.dataset['kept'])).toBe('truetrue');
});

test('what stays as it is stays so to the byte, and the rest is painted', async () => {
  await brush(40);
  await stroke([0.01, 0.05], [0.01, 1.1]);
  expect(await said()).toBe('21 % stays as it is');
  await page.keyboard.press('Escape');
  await expect.poll(() => text(page, '#regions-summary')).toBe('21 % stays as it is');
  await choose(page, '#style-file', path.join(pictures, 'woodblock.png'));
  await until(page, 'done');
  const painted = pixelsToBytes(await decodePng(await saved('checks-woodblock.png')));
  // A fifth of 48 columns; the mask's border is soft.
  expect(farthest(painted, 0, 9)).toBe(0);
  expect(farthest(painted, 11, WIDTH)).toBeGreaterThan(20);
});

test('the PNG carries the parts, and brings them back', async () => {
  const regions = unpackRegions(readPngText(readFileSync(path.join(site.folder, 'checks-woodblock.png')))['wgpu-style-regions']!)!;
  expect(sharesOf(regions, 1).kept).toBeCloseTo(0.21, 2);
  // Another picture has parts of its own; the PNG's come to whatever picture is there.
  await choose(page, '#content-file', path.join(pictures, 'houses.png'));
  await until(page, 'done');
  expect(await text(page, '#regions-summary')).toBe('');
  await choose(page, '#settings-file', path.join(site.folder, 'checks-woodblock.png'));
  await page.waitForFunction(() => document.getElementById('regions-summary')!.textContent !== '');
  await openEasel();
  expect(await said()).toBe('21 % stays as it is');
  await page.keyboard.press('Escape');
});

test('loaded parts are of the picture that is there, or of the first that comes; no further one takes them over', async () => {
  const other = await site.visit();
  const summary = (): Promise<string> => text(other, '#regions-summary');
  const load = async (): Promise<void> => {
    await choose(other, '#settings-file', path.join(site.folder, 'checks-woodblock.png'));
    await expect.poll(summary).toBe('21 % stays as it is');
  };
  const show = async (file: string): Promise<void> => {
    const before = await other.$eval('#content-image', (image) => (image as HTMLImageElement).src);
    await choose(other, '#content-file', file);
    await other.waitForFunction((old) => (document.getElementById('content-image') as HTMLImageElement).src !== old, {}, before);
  };
  await load();
  await show(picture);
  expect(await summary()).toBe('21 % stays as it is');
  await show(path.join(pictures, 'houses.png'));
  expect(await summary()).toBe('');
  await load();
  await show(picture);
  expect(await summary()).toBe('');
  await other.close();
});

test('the window is opened once, and not for a picture that is gone', async () => {
  const other = await site.visit();
  await choose(other, '#content-file', picture);
  await other.waitForSelector('#regions-open:not(:disabled)');
  const opened = await other.evaluate(async () => {
    let times = 0;
    const show = HTMLDialogElement.prototype.showModal;
    HTMLDialogElement.prototype.showModal = function () {
      times++;
      show.call(this);
    };
    const [button, image] = [document.getElementById('regions-open')!, document.getElementById('content-image') as HTMLImageElement];
    const file = await new Promise<Blob | null>((resolve) => (document.getElementById('still') as HTMLCanvasElement).toBlob(resolve));
    const another = URL.createObjectURL(file!);
    const decoded = async (): Promise<void> => {
      await image.decode();
      await new Promise((resolve) => setTimeout(resolve));
    };
    button.click();
    // Another picture comes while this one is being decoded.
    image.src = another;
    await decoded();
    const late = times;
    button.click();
    button.click();
    await decoded();
    return { late, times };
  });
  expect(site.complaints).toEqual([]);
  expect(opened).toEqual({ late: 0, times: 1 });
  await other.close();
});

test('a second style has a part of its own; a style without any place is said before', async () => {
  await page.click('#add-style');
  await choose(page, '#style-2-file', path.join(pictures, 'glass.png'));
  await until(page, 'running');
  await openEasel();
  await page.click('#regions-clear');
  await take('Style 2');
  await brush(40);
  await stroke([0.8, 0.01], [0.8, 1]);
  expect(await said()).toBe('40 % style 2');
  await take('Style 1');
  await stroke([0.2, 0.01], [0.2, 1]);
  await page.click('#regions-start');
  await until(page, 'done');
  const carried = readPngText(await saved('houses-woodblock-glass.png'))['wgpu-style-regions']!;
  const { styles, kept } = sharesOf(unpackRegions(carried)!, 2);
  expect([styles[0]!.toFixed(1), styles[1]!.toFixed(1), kept]).toEqual(['0.4', '0.4', 0]);

  await openEasel();
  for (const x of [0.1, 0.3, 0.5, 0.7, 0.9]) await stroke([x, 0.02], [x, 1]);
  await page.click('#regions-start');
  expect(await text(page, '#alert')).toMatch(/Style 2 has no part of the picture/);
  expect(await page.$eval('html', (html) => html.dataset['state'])).toBe('done');
  // Without it the rest can be painted.
  await page.click('#remove-style');
  await page.click('#restart');
  await until(page, 'done');
  expect(await page.$('#style-2-slot')).toBeNull();
});

test('a finger paints, and a second one does not', async () => {
  await openEasel();
  await page.click('#regions-clear');
  const first = await page.touchscreen.touchStart(...(await at(0.2, 0.5)));
  const second = await page.touchscreen.touchStart(...(await at(0.8, 0.5)));
  await second.move(...(await at(0.8, 0.9)));
  await first.move(...(await at(0.2, 0.6)));
  await second.end();
  await first.end();
  const labels = await page.$eval('#regions-canvas', (canvas) => {
    const { width, height } = canvas as HTMLCanvasElement;
    const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    const alpha = (x: number, y: number): number => data[4 * (Math.floor(y * height) * width + Math.floor(x * width)) + 3]!;
    return [alpha(0.2, 0.5), alpha(0.2, 0.6), alpha(0.8, 0.5), alpha(0.8, 0.9)].map((value) => value > 0);
  });
  expect(labels).toEqual([true, true, false, false]);
  await page.click('#regions-done');
});

test('closed in the middle of a stroke, the window paints again when it is opened', async () => {
  await openEasel();
  await page.click('#regions-clear');
  await page.mouse.move(...(await at(0.5, 0.5)));
  await page.mouse.down();
  await page.keyboard.press('Escape');
  await page.waitForSelector('#regions:not([open])', { hidden: true });
  await page.mouse.up();
  await openEasel();
  const before = await said();
  expect(before).toMatch(/%/);
  await stroke([0.2, 0.2], [0.2, 0.8]);
  expect(await said()).not.toBe(before);
  await page.click('#regions-done');
});

test('nothing was asked of others, and neither console nor policy complained', () => {
  expect(site.foreign).toEqual([]);
  expect(site.complaints).toEqual([]);
});
