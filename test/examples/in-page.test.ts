// The examples that want a page, in headless Chrome. They are called as `npm run examples` calls them, with less to do:
// without a GPU Chrome computes with its SwiftShader.
//
// three.js renders into a target here: a page without a GPU cannot present WebGPU canvases (src/image/preview.ts).

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'puppeteer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noBrowser, openPage, type OpenPage } from '../browser/page.ts';
import type * as PageModule from './in-page.page.ts';

declare const library: typeof PageModule;

const root = path.resolve(import.meta.dirname, '../..');
const runtime = path.join(root, 'node_modules/onnxruntime-web/dist');

/** What the examples load by its address. */
function files(): Record<string, Uint8Array> {
  const served: Record<string, Uint8Array> = {};
  for (const file of ['weights/default.onnx', 'examples/pictures/landscape.png', 'examples/pictures/glass.png']) {
    served[`/${file.replace('examples/', '')}`] = readFileSync(path.join(root, file));
  }
  for (const file of readdirSync(runtime).filter((name) => /^ort-wasm.*\.(wasm|mjs)$/.test(name))) {
    served[`/onnxruntime/${file}`] = readFileSync(path.join(runtime, file));
  }
  return served;
}

describe.skipIf(noBrowser !== undefined)('examples in headless Chrome', { timeout: 300_000 }, () => {
  let open: OpenPage;
  let page: Page;
  beforeAll(async () => {
    const module = `export * from '../examples/in-page.page.ts';`;
    open = await openPage({ module, files: files() });
    ({ page } = open);
  });
  afterAll(() => open?.close());

  test('a canvas', async () => {
    const { loss, colours } = await page.evaluate(() => library.onCanvas());
    expect(loss).toBeGreaterThan(0);
    expect(colours).toBeGreaterThan(50);
  });

  test('a worker', async () => {
    const { loss, colours } = await page.evaluate(() => library.inWorker());
    expect(loss).toBeGreaterThan(0);
    expect(colours).toBeGreaterThan(50);
  });

  test('three.js', async () => {
    const [before, after] = [
      await page.evaluate(() => library.inThree(0)),
      await page.evaluate(() => library.inThree(8)),
    ];
    console.log('three', before.slice(0, 24), after.slice(0, 24));
    expect(new Set(after).size).toBeGreaterThan(30);
    const change = after.reduce((sum, value, i) => sum + Math.abs(value - before[i]!), 0) / after.length;
    expect(change).toBeGreaterThan(2);
  });

  test('onnxruntime-web', async () => {
    const { isShared, dims, difference } = await page.evaluate(() => library.besideOnnxRuntime());
    expect(isShared).toBe(true);
    expect(dims.length).toBe(4);
    console.log({ dims, difference });
    expect(difference).toBeLessThan(0.05);
  });

  test('a video frame, canvases and a bitmap are painted as their pixels are', async () => {
    const expected = await page.evaluate(() => library.fromSource('data'));
    for (const kind of ['canvas', 'offscreen', 'frame', 'bitmap'] as const) {
      expect(await page.evaluate((k) => library.fromSource(k), kind), kind).toEqual(expected);
    }
  });

  test('no example leaves an error behind', () => expect(open.errors).toEqual([]));
});
