// The package as npm would publish it: what is in the tarball, that every entry can be imported by its name, and how
// much of it a page has to load.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packed as pack, quiet, unpack, type Packed } from './packed.ts';

/**
 * Gzipped bytes that a page loads before `styleTransfer` can be called. Autograd, kernels, shaders, optimisers, weights
 * and all that reads and writes files come later, as chunks of their own. 26,900 on 2026-11-27.
 */
const CORE_BUDGET = 28_000;

/**
 * Gzipped bytes that a run with every option at its default loads in all, from samples to samples and without weights:
 * what is put off has not gone. 90,700 on 2026-11-27: slices of long submits, storage in 16 bits and what is remembered of styles
 * took 3,300 that day, results that are taken from the GPU 800. Shaders are those of the adapter at hand; another takes other ones of the same size.
 */
const RUN_BUDGET = 91_000;

describe('the packed package', () => {
  let packed: Packed;
  let folder: string;
  beforeAll(() => {
    packed = pack();
    ({ folder } = packed);
  });
  afterAll(() => unpack(packed));

  test('holds what users need and nothing else', () => {
    const files = packed.files.map((file) => file.path);
    for (const needed of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.js', 'dist/cli.js']) {
      expect(files).toContain(needed);
    }
    for (const needed of ['dist/types/index.d.ts', 'src/wgsl/conv3x3.wgsl', 'weights/default.safetensors']) {
      expect(files).toContain(needed);
    }
    const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]));
    expect([...rooms].sort()).toEqual(['dist', 'src', 'weights']);
    expect(files.filter((file) => file.startsWith('src/') && !file.endsWith('.wgsl'))).toEqual([]);
    console.log(`The tarball has ${files.length} files and ${(packed.size / 1e6).toFixed(2)} MB.`);
    expect(packed.size).toBeLessThan(6e6);
  });

  test('gives every entry by its name, and paints', () => {
    const script = `
      import { styleTransfer, WgpuStyleError } from 'wgpu-style';
      import { Tape } from 'wgpu-style/autograd';
      import { conv2dForward } from 'wgpu-style/kernels';
      import { Vgg } from 'wgpu-style/vgg';
      import * as optim from 'wgpu-style/optim';
      import * as node from 'wgpu-style/node';
      const side = 32;
      const data = (f) => Uint8Array.from({ length: 3 * side * side }, (_, i) => f(Math.floor(i / 3) % side, i % 3));
      const content = { data: data((x) => 8 * x), width: side, height: side };
      const style = { data: data((x, c) => (x % 8 < 4 ? 80 * c : 255)), width: side, height: side };
      const picture = await styleTransfer({ content, style, size: side, iterations: 1 });
      const png = await picture.toPng();
      console.log(JSON.stringify({
        functions: [styleTransfer, WgpuStyleError, Tape, conv2dForward, Vgg, node.requestDevice].map((f) => typeof f),
        optim: Object.keys(optim).length > 0,
        same: node.styleTransfer === styleTransfer && node.Vgg === Vgg,
        png: String.fromCharCode(...png.slice(1, 4)),
        width: picture.width,
      }));
      process.exit(0); // Dawn need not be waited for
    `;
    writeFileSync(path.join(folder, 'use.mjs'), script);
    const output = execFileSync(process.execPath, ['use.mjs'], { cwd: folder, ...quiet });
    expect(JSON.parse(output)).toEqual({ functions: Array(6).fill('function'), optim: true, same: true, png: 'PNG', width: 32 });
  });

  test('costs a page little before the first call', async () => {
    const { first, later } = await bundle(folder, `export { styleTransfer } from 'wgpu-style';`);
    console.log(`styleTransfer: ${first.gzipped} bytes gzipped in ${first.files} files at first, ${later.gzipped} later.`);
    expect(first.gzipped).toBeLessThanOrEqual(CORE_BUDGET);
    expect(first.inputs.filter((input) => /onnx-proto|upng-js|protobufjs/.test(input))).toEqual([]);
    for (const name of ['onnx-proto', 'upng-js']) expect(later.inputs.join()).toContain(name);
    // The words that the next tests miss are here.
    for (const word of ['relu4_2', 'there is no recipe']) expect(first.text).toContain(word);
    for (const word of LATER_WORDS) expect(later.text).toContain(word);
    for (const word of LATER_WORDS) expect(first.text).not.toContain(word);
  });

  test('loads no more for a run than the run needs', async () => {
    const { first, texts } = await bundle(folder, `export { styleTransfer } from 'wgpu-style';`);
    // Every file says that it was loaded.
    mkdirSync(path.join(folder, 'out'));
    writeFileSync(path.join(folder, 'out/package.json'), '{ "type": "module" }');
    for (const [name, text] of texts) {
      writeFileSync(path.join(folder, name), `(globalThis.loaded ??= new Set()).add(${JSON.stringify(name)});${text}`);
    }
    const script = `
      import { requestDevice } from 'wgpu-style/node';
      import { styleTransfer } from './out/stdin.js';
      const side = 64;
      const data = Uint8ClampedArray.from({ length: 4 * side * side }, (_, i) => (i % 4 === 3 ? 255 : (7 * i) % 256));
      const image = { data, width: side, height: side, colorSpace: 'srgb' };
      const device = await requestDevice();
      const before = loaded.size;
      const picture = await styleTransfer({ device, content: image, style: image, size: side, iterations: 2 });
      console.log(JSON.stringify({ before, loaded: [...loaded], width: picture.width }));
      process.exit(0); // Dawn need not be waited for
    `;
    writeFileSync(path.join(folder, 'count.mjs'), script);
    const output = execFileSync(process.execPath, ['count.mjs'], { cwd: folder, ...quiet });
    const run = JSON.parse(output) as { before: number; loaded: string[]; width: number };
    expect(run).toMatchObject({ width: 64, before: first.files });
    const loaded = run.loaded.map((name) => texts.get(name)!);
    const needed = loaded.filter((text) => text.length < 1e6);
    expect(needed.length).toBe(loaded.length - 1); // the weights
    const gzipped = needed.reduce((sum, text) => sum + gzippedBytes(text), 0);
    console.log(`A default run: ${gzipped} bytes gzipped in ${needed.length} files, without weights.`);
    expect(gzipped).toBeGreaterThan(first.gzipped);
    expect(gzipped).toBeLessThanOrEqual(RUN_BUDGET);
  });

  test('goes into a single file without configuration, and paints from there', async () => {
    const { warnings } = await build({
      stdin: { contents: `export { styleTransfer } from 'wgpu-style';`, resolveDir: folder },
      absWorkingDir: folder,
      outfile: path.join(folder, 'single.cjs'),
      bundle: true,
      format: 'iife',
      globalName: 'wgpuStyle',
      platform: 'browser',
      footer: { js: 'module.exports = wgpuStyle;' },
      logLevel: 'error',
    });
    expect(warnings).toEqual([]);
    const script = `
      import { requestDevice } from 'wgpu-style/node';
      import single from './single.cjs';
      const image = { data: Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (7 * i) % 256), width: 32, height: 32 };
      const device = await requestDevice();
      const picture = await single.styleTransfer({ device, content: image, style: image, size: 32, iterations: 1 });
      console.log(picture.width);
      process.exit(0);
    `;
    writeFileSync(path.join(folder, 'single.mjs'), script);
    expect(execFileSync(process.execPath, ['single.mjs'], { cwd: folder, ...quiet }).trim()).toBe('32');
  });

  test('a kernel by itself drops the network, ONNX and PNG', async () => {
    const { first, later } = await bundle(folder, `export { conv2dForward } from 'wgpu-style/kernels';`);
    console.log(`conv2dForward: ${first.gzipped} bytes gzipped, shaders ${later.gzipped}.`);
    expect(first.text).toContain('conv_run');
    expect(later.text).toContain('@compute');
    for (const word of ['conv1_1', 'IHDR', 'MaxPool', 'onnx', 'safetensors', 'totalVariation']) {
      expect(first.text + later.text).not.toContain(word);
    }
    expect(first.gzipped).toBeLessThan(CORE_BUDGET / 4);
  });
});

/** Words of shaders, PNG, the weights' format, ONNX, the list of known networks, and what downloads them. */
const LATER_WORDS = ['@compute', 'conv_run', 'IHDR', 'MaxPool', 'onnx', 'vgg19-bn', 'wgpu-style.invalid'];

/** Some of a bundle's files together. */
interface Part {
  readonly gzipped: number;
  readonly files: number;
  readonly text: string;
  /** What went into them. */
  readonly inputs: readonly string[];
}

/** Bundles a module for the browser: what its first import loads, and the chunks that are imported when needed. */
async function bundle(
  folder: string,
  contents: string,
): Promise<{ first: Part; later: Part; texts: ReadonlyMap<string, string> }> {
  const options = {
    stdin: { contents, resolveDir: folder, sourcefile: 'entry.js' },
    absWorkingDir: folder,
    outdir: path.join(folder, 'out'),
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  } as const satisfies BuildOptions;
  const { metafile, outputFiles, warnings } = await build(options);
  expect(warnings).toEqual([]);
  const texts = new Map(outputFiles.map((file) => [path.relative(folder, file.path).replaceAll('\\', '/'), file.text]));
  const names = Object.keys(metafile.outputs);
  const entry = names.find((name) => metafile.outputs[name]!.entryPoint !== undefined && name.endsWith('stdin.js'))!;
  const atFirst = loadedWith(metafile, entry);
  const part = (chosen: readonly string[]): Part => ({
    files: chosen.length,
    gzipped: chosen.reduce((sum, name) => sum + gzippedBytes(texts.get(name)!), 0),
    text: chosen.map((name) => texts.get(name)!).join('\n'),
    inputs: chosen.flatMap((name) => usedInputs(metafile, name)),
  });
  return { first: part([...atFirst]), later: part(names.filter((name) => !atFirst.has(name))), texts };
}

function gzippedBytes(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}

function usedInputs({ outputs }: Metafile, name: string): string[] {
  const used = Object.entries(outputs[name]!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return used.map(([input]) => input);
}

/** An output and everything that it imports statically. */
function loadedWith({ outputs }: Metafile, entry: string, found: Set<string> = new Set<string>()): ReadonlySet<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  for (const { path: imported, kind, external } of outputs[entry]!.imports) {
    if (kind === 'import-statement' && !external) loadedWith({ outputs, inputs: {} }, imported, found);
  }
  return found;
}
