// The examples that want a page, in headless Chrome. They are called as `npm run examples` calls them, with less to do:
// without a GPU Chrome computes with its SwiftShader.
//
// three.js renders into a target here: a page without a GPU cannot present WebGPU canvases (src/image/preview.ts).

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'puppeteer';
import { Color } from 'three/webgpu';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noBrowser, openPage, type OpenPage } from '../browser/page.ts';
import { makeVgg } from '../vgg/make-onnx.ts';
import type * as PageModule from './in-page.page.ts';

declare const library: typeof PageModule;

const root = path.resolve(import.meta.dirname, '../..');
const runtime = path.join(root, 'node_modules/onnxruntime-web/dist');

/** What the examples load by its address. The network is in float32: SwiftShader has no f16 for ONNX Runtime. */
async function files(): Promise<Record<string, Uint8Array>> {
  const served: Record<string, Uint8Array> = { '/network.onnx': (await makeVgg({ blocks: [[8, 8], [12]] })).bytes };
  for (const name of ['landscape.png', 'glass.png']) {
    served[`/pictures/${name}`] = readFileSync(path.join(root, 'examples/pictures', name));
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
    open = await openPage({ module, files: await files() });
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
    // The scene's sky is a linear sky blue: no colour space was lost on the way out of three and back.
    const sky = new Color('skyblue');
    [sky.r, sky.g, sky.b, 1].forEach((value, c) => expect(Math.abs(before[c]! - 255 * value)).toBeLessThan(2));
    expect(new Set(after).size).toBeGreaterThan(30);
    const change = after.reduce((sum, value, i) => sum + Math.abs(value - before[i]!), 0) / after.length;
    expect(change).toBeGreaterThan(2);
  });

  test('onnxruntime-web', async () => {
    const { dims, difference } = await page.evaluate(() => library.besideOnnxRuntime());
    expect(dims).toEqual([1, 12, 12, 16]);
    // The texture's 8 bits may be rounded otherwise at a half.
    expect(difference).toBeLessThan(0.02);
  });

  test('a video frame, canvases and a bitmap are painted as their pixels are', async () => {
    const expected = await page.evaluate(() => library.fromSource('data'));
    for (const kind of ['canvas', 'offscreen', 'frame', 'bitmap'] as const) {
      expect(await page.evaluate((k) => library.fromSource(k), kind), kind).toEqual(expected);
    }
  });

  test('no example leaves an error behind', () => expect(open.errors).toEqual([]));
});
