// A page in headless Chrome with a bundle of our sources in it, served from localhost because `navigator.gpu` needs a
// secure context. On a machine without a GPU Chrome computes with its SwiftShader: correct, and very slow.

import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import { serve } from '../../scripts/serve.mjs';
import { shaders } from '../../scripts/shaders.mjs';

/** Why tests in a page have to be skipped; undefined when there is a browser. */
export const noBrowser: string | undefined = process.env['WGPU_STYLE_NO_BROWSER'];

/** Flags for WebGPU in headless Chrome, on the GPU if `npm test` found one. */
const flags: readonly string[] = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  ...(process.env['WGPU_STYLE_ADAPTER'] === 'gpu'
    ? ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface']
    : ['--use-webgpu-adapter=swiftshader']),
];

/** What a test page holds. */
export interface PageOptions {
  /** A module whose exports are put on the page as `library`; imports of `wgpu-style` and of `../src` work. */
  readonly module: string;
  /** More files to serve, by their path: `/picture.png`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Known networks instead of those of weights/manifest.json. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** An open page; close it in `afterAll`. */
export interface OpenPage {
  readonly page: Page;
  /** Errors that the page threw and nobody caught, so far. */
  readonly errors: readonly string[];
  /** The module served as a file, for workers: `new Worker(bundleUrl, { type: 'module' })`. */
  readonly bundleUrl: string;
  close(): Promise<void>;
}

/** A headless browser with WebGPU. */
export function launchBrowser(): Promise<Browser> {
  return puppeteer.launch({ headless: true, args: [...flags], env: browserEnvironment(), protocolTimeout: 600_000 });
}

/** Bundles `module`, serves it, starts a browser and waits until the page has loaded it. */
export async function openPage({ module, files = {}, manifest }: PageOptions): Promise<OpenPage> {
  const bundle = await bundled(module, manifest);
  const html = `<!doctype html><meta charset="utf-8"><title>wgpu-style test</title>
<script type="module">globalThis.library = await import('/bundle.js'); document.title = 'ready';</script>`;
  const served: Readonly<Record<string, Uint8Array | string>> = { '/': html, '/bundle.js': bundle, ...files };
  const { origin, ...server } = await serve((address) => served[address]);
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await server.close();
  };
  try {
    browser = await launchBrowser();
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(origin);
    await page.waitForFunction(`document.title === 'ready'`, { timeout: 60_000 });
    return { page, errors, bundleUrl: `${origin}/bundle.js`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bundled(module: string, manifest: PageOptions['manifest']): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../..');
  const { outputFiles } = await build({
    stdin: { contents: module, resolveDir: import.meta.dirname, loader: 'ts' },
    tsconfig: path.join(root, 'tsconfig.json'),
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    loader: { '.safetensors': 'binary' },
    plugins: [shaders, ...(manifest ? [replacing(/weights[/\\]manifest\.json$/, JSON.stringify(manifest))] : [])],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

/** A plugin for esbuild that gives a JSON file other contents. */
function replacing(filter: RegExp, contents: string): Plugin {
  const setup: Plugin['setup'] = ({ onLoad }) => {
    onLoad({ filter }, () => ({ contents, loader: 'json' }));
  };
  return { name: 'replacing', setup };
}

/** Without the settings that point Dawn in Node at one driver: Chrome chooses its own. */
function browserEnvironment(): Record<string, string> {
  const ours = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'LD_LIBRARY_PATH'];
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !ours.includes(entry[0]),
  );
  return Object.fromEntries(entries);
}
