// The page of benchmarks: the same method as `npm run bench`, on the page's own adapter. Nothing is timed but one small family.

import type { Page } from 'puppeteer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BenchReport } from '../../bench/report/report.ts';
import { noBrowser } from './page.ts';
import { openSite, ready, text, type, type Site } from './site.ts';

let site: Site;
let page: Page;

async function measure(family: string, seconds: string): Promise<void> {
  await page.$$eval('#families input', (boxes, wanted) => {
    for (const box of boxes as HTMLInputElement[]) if (box.checked !== (box.value === wanted)) box.click();
  }, family);
  await type(page, '#side', '16');
  await type(page, '#seconds', seconds);
  await page.click('#start');
  await page.waitForFunction(() => /Done|failed/.test(document.getElementById('status')!.textContent!), { timeout: 120_000 });
}

async function copied(): Promise<BenchReport & { readonly request: object; readonly host: string }> {
  await page.click('#copy');
  await page.waitForFunction(() => document.getElementById('status')!.textContent === 'Copied');
  return JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as BenchReport & { request: object; host: string };
}

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await openSite();
  page = await site.visit();
  await page.browserContext().overridePermissions(new URL(site.address).origin, ['clipboard-read', 'clipboard-write', 'clipboard-sanitized-write']);
  await Promise.all([page.waitForNavigation(), page.click('footer a')]);
  await page.bringToFront();
});
afterAll(() => site?.close());
beforeEach(({ skip }) => skip(noBrowser !== undefined, noBrowser));

test('is linked from the page, and says in capitals what a software adapter is worth', async () => {
  await ready(page);
  expect(new URL(page.url()).pathname).toBe('/bench.html');
  expect(await text(page, '#adapter')).toMatch(process.env['WGPU_STYLE_ADAPTER'] === 'gpu' ? /^Adapter/ : /^SOFTWARE ADAPTER.*swiftshader/);
  expect(await page.$eval('#start', (button) => (button as HTMLButtonElement).disabled)).toBe(false);
});

test('one family is only checked in 0 seconds: no rows, no failures', async () => {
  await measure('pool', '0');
  expect(await text(page, '#status')).toMatch(/^Done: What was computed was checked/);
  const report = await copied();
  expect(report).toMatchObject({ rows: [], failed: [], skipped: [], request: { families: ['pool'], sides: [16], seconds: 0 } });
  expect(report.host).toMatch(/Chrome/);
});

test('rows come into the table as they are measured, and into the JSON', async () => {
  await measure('reduce', '0.5');
  const { rows } = await copied();
  const shown = await page.$$eval('#rows tr', (lines) => lines.map((line) => [...line.children].map(({ textContent }) => textContent)));
  expect(shown.map(([family, what, variant]) => [family, what, variant])).toEqual(
    rows.map(({ family, name, variant }) => [family, name, variant]),
  );
  expect(new Set(rows.map(({ family }) => family))).toEqual(new Set(['probe', 'reduce']));
  const columns = await page.$$eval('#columns th', (heads) => heads.map(({ textContent }) => textContent));
  expect(shown.every((line) => line.length === columns.length)).toBe(true);
});

test('can be stopped, and measures again', async () => {
  await type(page, '#seconds', '60');
  await page.click('#start');
  expect(await text(page, '#start')).toBe('Stop');
  await page.click('#start');
  await page.waitForSelector('#start:not(:disabled)', { timeout: 60_000 });
  expect(await text(page, '#start')).toBe('Measure');
  await measure('pool', '0');
  expect(await text(page, '#status')).toMatch(/^Done/);
});

test('works offline, and without WebGPU says so', async () => {
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await site.unserve();
  await page.reload();
  await ready(page);
  await page.evaluateOnNewDocument('delete Navigator.prototype.gpu;');
  await page.reload();
  await page.waitForSelector('#alert:not([hidden])');
  expect(await text(page, '#alert')).toBe('This browser has no WebGPU.');
});

test('nothing was asked of others, and neither console nor policy complained', () => {
  expect(site.foreign).toEqual([]);
  expect(site.complaints).toEqual([]);
});
