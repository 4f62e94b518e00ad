// The package as npm would publish it: what is in the tarball, that every entry can be imported by its name, and how
// much of it a page has to load.

import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * Gzipped bytes that a page loads before `styleTransfer` can be called: 82,028 on 2026-11-27, to come down. About
 * a third of it is WGSL. Weights, the reading of ONNX, onnx-proto and upng-js come later, as chunks of their own.
 */
const CORE_BUDGET = 83_000;

/** Child processes give their stdout. */
const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] } satisfies ExecFileSyncOptions;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

describe('the packed package', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-package-'));
  let packed: Packed;

  beforeAll(() => {
    expect(existsSync(path.join(root, 'dist/index.js')), 'dist is there: npm run build').toBe(true);
    // Without scripts: "prepare" would build again, under the feet of other tests.
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
    const shell = process.platform === 'win32'; // npm is a script there
    const output = execFileSync('npm', args, { cwd: root, shell, ...quiet });
    packed = (JSON.parse(output) as Packed[])[0]!;
    const modules = path.join(folder, 'node_modules');
    mkdirSync(modules);
    execFileSync('tar', ['-xzf', packed.filename], { cwd: folder });
    symlinkSync(path.join(folder, 'package'), path.join(modules, 'wgpu-style'), 'junction');
    // The package's own place is in `folder`, so its dependencies have to be there too.
    const text = readFileSync(path.join(root, 'package.json'), 'utf8');
    const { dependencies, optionalDependencies } = JSON.parse(text) as Record<string, Record<string, string>>;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = path.join(modules, name);
      mkdirSync(path.dirname(place), { recursive: true });
      const installed = path.join(root, 'node_modules', name);
      if (existsSync(installed)) symlinkSync(installed, place, 'junction');
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    console.log(`styleTransfer: ${first.gzipped} bytes gzipped at first, ${later.gzipped} later.`);
    expect(first.gzipped).toBeLessThanOrEqual(CORE_BUDGET);
    expect(first.inputs.filter((input) => /onnx-proto|upng-js|protobufjs/.test(input))).toEqual([]);
    for (const name of ['onnx-proto', 'upng-js']) expect(later.inputs.join()).toContain(name);
    // The words that the next test misses are here.
    for (const word of ['conv_run', 'conv1_1', 'IHDR', 'safetensors']) expect(first.text).toContain(word);
    for (const word of ['MaxPool', 'onnx', 'vgg19-bn']) expect(later.text).toContain(word);
    // The list of known networks, and what downloads them.
    for (const word of ['vgg19-bn', 'wgpu-style.invalid']) expect(first.text).not.toContain(word);
  });

  test('a kernel by itself drops the network, ONNX and PNG', async () => {
    const { first, later } = await bundle(folder, `export { conv2dForward } from 'wgpu-style/kernels';`);
    console.log(`conv2dForward: ${first.gzipped} bytes gzipped.`);
    expect(later.text).toBe('');
    expect(first.text).toContain('conv_run');
    for (const word of ['conv1_1', 'IHDR', 'MaxPool', 'onnx', 'safetensors', 'totalVariation']) {
      expect(first.text).not.toContain(word);
    }
    expect(first.gzipped).toBeLessThan(CORE_BUDGET / 4);
  });
});

/** Some of a bundle's files together. */
interface Part {
  readonly gzipped: number;
  readonly text: string;
  /** What went into them. */
  readonly inputs: readonly string[];
}

/** Bundles a module for the browser: what its first import loads, and the chunks that are imported when needed. */
async function bundle(folder: string, contents: string): Promise<{ first: Part; later: Part }> {
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
  const { metafile, outputFiles } = await build(options);
  const texts = new Map(outputFiles.map((file) => [path.relative(folder, file.path).replaceAll('\\', '/'), file.text]));
  const names = Object.keys(metafile.outputs);
  const entry = names.find((name) => metafile.outputs[name]!.entryPoint !== undefined && name.endsWith('stdin.js'))!;
  const atFirst = loadedWith(metafile, entry);
  const part = (chosen: readonly string[]): Part => ({
    gzipped: chosen.reduce((sum, name) => sum + gzipSync(texts.get(name)!, { level: 9 }).length, 0),
    text: chosen.map((name) => texts.get(name)!).join('\n'),
    inputs: chosen.flatMap((name) => usedInputs(metafile, name)),
  });
  return { first: part([...atFirst]), later: part(names.filter((name) => !atFirst.has(name))) };
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
