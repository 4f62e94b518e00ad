// npm run bench: the benchmarks in headless Chrome, or in Node with --node. Prints a table and writes
// bench/results/<date>-<adapter>[-node].json. See README.md.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.dirname(path.resolve(here));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: 'boolean', default: false },
    software: { type: 'boolean', default: false },
    side: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '2' },
    note: { type: 'string', default: '' },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`npm run bench -- [conv2d] [gram] [pool] [step] [flags]
  --node         in Node on Dawn instead of headless Chrome
  --software     measure software adapters too (lavapipe, SwiftShader)
  --side <px>    side of the picture; default 512, on software adapters 32
  --seconds <s>  most seconds of sampling for a row; default 2
  --note <text>  goes into the JSON
  --no-write     only print`);
  process.exit(0);
}
const request = {
  families: positionals,
  side: Number(values.side),
  software: values.software,
  secondsPerRow: Number(values.seconds),
};
if (!Number.isInteger(request.side) || request.side < 0 || !(request.secondsPerRow > 0)) {
  console.error('bench: --side takes whole pixels, --seconds a number above 0.');
  process.exit(2);
}

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const date = new Date().toISOString();
const cpu = os.cpus()[0]?.model.trim();
const cores = os.availableParallelism();
console.log(`wgpu-style ${version}, ${date}, ${cpu} x ${cores}, ${os.type()} ${os.release()}`);
try {
  const { host, report } = values.node ? await inNode() : await inChrome();
  const load = os.loadavg().map((value) => Number(value.toFixed(2)));
  const machine = { version, date, host, cpu, cores, load, note: values.note };
  if (!values['no-write']) write({ ...machine, ...report });
  process.exit(0); // Dawn need not be waited for
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exit(1);
}

/** The benchmarks, with `requestDevice` of one of the library's entries. */
async function bundle(entry, platform) {
  const contents = `export { requestDevice } from '${entry}'; export { runBench } from './all.ts';`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here, loader: 'ts' },
    tsconfig: path.join(root, 'tsconfig.json'),
    bundle: true,
    write: false,
    format: 'esm',
    platform,
    target: 'es2022',
    // tsconfig's paths lead to src: what is measured is what is there, not an older dist.
    ...(platform === 'node' && { external: ['webgpu', 'sharp', 'onnx-proto', 'upng-js'] }),
    loader: { '.wgsl': 'text', '.safetensors': 'binary' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

async function inNode() {
  // Beside package.json, so that the external packages are found.
  const file = path.join(root, 'out', `bench-${process.pid}.mjs`);
  mkdirSync(path.dirname(file), { recursive: true });
  const code = await bundle('wgpu-style/node', 'node');
  writeFileSync(file, code);
  const host = `Node ${process.version}`;
  try {
    const { requestDevice, runBench } = await import(pathToFileURL(file).href);
    console.log(host);
    return { host, report: await runBench(await requestDevice(), { ...request, print: console.log }) };
  } finally {
    rmSync(file);
  }
}

async function inChrome() {
  const { default: puppeteer } = await import('puppeteer');
  const { findBrowser } = await import('../scripts/adapter/browser.mjs');
  const executablePath = await findBrowser();
  if (!executablePath) throw new Error('no Chrome or Chromium: npm run ensure-adapter -- --browser gets one');
  const code = await bundle('wgpu-style', 'browser');
  const server = createServer(({ url }, response) => {
    if (url === '/bench.js') response.setHeader('content-type', 'text/javascript').end(code);
    else response.setHeader('content-type', 'text/html').end('<!doctype html><meta charset="utf-8"><title>bench</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gpu = ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface'];
  // Chrome finds its own driver; what points Dawn in Node at one would mislead it.
  const env = { ...process.env };
  for (const name of ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'LD_LIBRARY_PATH']) delete env[name];
  const args = ['--no-sandbox', '--enable-unsafe-webgpu', '--enable-webgpu-developer-features'];
  args.push(...(values.software ? ['--use-webgpu-adapter=swiftshader'] : process.platform === 'linux' ? gpu : []));
  const browser = await puppeteer.launch({ headless: true, executablePath, args, env, protocolTimeout: 0 });
  try {
    const host = `${await browser.version()}, headless`;
    console.log(host);
    const page = await browser.newPage();
    await page.exposeFunction('printLine', (line) => console.log(line));
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const outcome = await page.evaluate(async (wanted) => {
      const { requestDevice, runBench } = await import('/bench.js');
      try {
        return { report: await runBench(await requestDevice(), { ...wanted, print: globalThis.printLine }) };
      } catch (error) {
        return { error: error.message }; // thrown, it would arrive wrapped in the driver's words
      }
    }, request);
    if (outcome.error) throw new Error(outcome.error);
    return { host, report: outcome.report };
  } finally {
    await browser.close();
    server.close();
  }
}

function write(result) {
  const { architecture, vendor, description } = result.adapter;
  // Mesa calls lavapipe's architecture "software"; its description begins with a better word.
  const model = architecture && architecture !== 'software' ? architecture : description.split(/[:(,]/)[0];
  const words = [vendor, model, ...(values.node ? ['node'] : [])];
  const adapter = words.join('-').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'unknown';
  const folder = path.join(here, 'results');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${date.slice(0, 10)}-${adapter}.json`);
  writeFileSync(file, `${JSON.stringify(result, undefined, 1)}\n`);
  console.log(`Wrote ${path.relative(process.cwd(), file)}`);
}
