// Headless Chrome: every order gets a fresh page; a cold start gets a browser with a new profile.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import puppeteer, { type Browser } from 'puppeteer';
import { serve, type StaticServer } from '../../scripts/serve.mjs';
import { pageModules } from './bundle.ts';
import type { Answer, Order } from './inside.ts';
import { peakMemoryOf } from './memory.ts';
import type { Outcome, Place, Surroundings } from './place.ts';

const PAGE = '<!doctype html><meta charset="utf-8"><title>bench</title>';

const COMMON = ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-webgpu-developer-features'];
const SOFTWARE = ['--use-webgpu-adapter=swiftshader'];
const LINUX_GPU = ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'];

/** Starts Chrome on the GPU; where there is none, or `adapter` is `software`, on SwiftShader. */
export async function openChrome(
  surroundings: Surroundings,
  adapter: 'gpu' | 'software' | undefined,
  print: (line: string) => void,
): Promise<Place> {
  const executablePath = await surroundings.findBrowser();
  if (!executablePath) throw new Error('no Chrome or Chromium: npm run ensure-adapter -- --browser gets one');
  const modules = await pageModules(surroundings);
  const server = await serveModules(modules, path.join(surroundings.root, 'node_modules/onnxruntime-web/dist'));
  const { origin } = server;
  const launch = (args: readonly string[]): Promise<Browser> =>
    puppeteer.launch({
      headless: true,
      executablePath,
      args: [...COMMON, ...args],
      env: browserEnvironment(),
      protocolTimeout: 0,
    });
  let flags: readonly string[] = SOFTWARE;
  if (adapter !== 'software') {
    const gpu = process.platform === 'linux' ? LINUX_GPU : [];
    const found = await adapterOf(await launch(gpu), origin);
    if (found !== undefined && !/swiftshader|llvmpipe|basic render/i.test(found)) flags = gpu;
    else if (adapter === 'gpu') throw new Error(`Chrome has found no GPU (${found || 'no adapter'})`);
    else print('Chrome has found no GPU: it computes with SwiftShader, on the CPU.');
  }
  let browser = await launch(flags);
  const host = `${await browser.version()}, headless`;
  return {
    host,
    async run(order, printLine, isCold = false) {
      if (isCold) {
        await browser.close();
        browser = await launch(flags);
      }
      return runPage(browser, origin, order, printLine);
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

async function runPage(browser: Browser, origin: string, order: Order, print: (line: string) => void): Promise<Outcome> {
  const page = await browser.newPage();
  try {
    await page.exposeFunction('printLine', print);
    await page.goto(origin);
    type Inside = { answer: (order: Order) => Promise<Answer | { error: string }> };
    // The module is loaded before its function is called: a start is timed from the call.
    const answer = await page.evaluate(async (wanted) => {
      const inside = (await import(`${location.origin}/inside-page.js`)) as Inside;
      return inside.answer(wanted);
    }, order);
    if ('error' in answer) throw new Error(answer.error);
    const pid = browser.process()?.pid;
    return { ...answer, resident: pid === undefined ? undefined : peakMemoryOf(pid) };
  } finally {
    await page.close();
  }
}

/** What the adapter calls itself; undefined where there is none. Ends the browser. */
async function adapterOf(browser: Browser, origin: string): Promise<string | undefined> {
  try {
    const page = await browser.newPage();
    await page.goto(origin);
    return await page.evaluate(async () => {
      const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
      if (!adapter) return undefined;
      const { vendor, architecture, description } = adapter.info;
      return `${vendor} ${architecture} ${description}`;
    });
  } finally {
    await browser.close();
  }
}

/** Chrome finds its own driver; what points Dawn in Node at one would mislead it. */
function browserEnvironment(): Record<string, string | undefined> {
  const env = { ...process.env };
  for (const name of ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'LD_LIBRARY_PATH']) delete env[name];
  return env;
}

/** The page, its modules, and onnxruntime's WebAssembly. Isolated, so that its clock is fine. */
function serveModules(modules: ReadonlyMap<string, string>, wasmFolder: string): Promise<StaticServer> {
  const find = (address: string): Uint8Array | string | undefined => {
    const [, wasm = ''] = /^\/onnxruntime\/(ort-wasm[\w.-]+)$/.exec(address) ?? [];
    const file = path.join(wasmFolder, wasm);
    if (wasm !== '' && existsSync(file)) return readFileSync(file);
    return address === '/' ? PAGE : modules.get(address);
  };
  const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
  return serve(find, { headers });
}
