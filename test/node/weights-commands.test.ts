// The command import on a small network, wrong words of import and fetch, and the manifest.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { main } from '../../src/node/main.ts';
import { cacheFolder, knownNetworks } from '../../src/node/known-networks.ts';
import type { WeightsReport } from '../../src/node/weights-commands.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { weightsSha256 } from '../../src/vgg/trust.ts';
import { makeVgg } from '../vgg/make-onnx.ts';

let folder: string;
let bytes: Uint8Array<ArrayBuffer>;
const fileOf = (name: string): string => path.join(folder, name);

async function run(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const status = await main(words, {
    stdout: { write: (more) => (text.out += more) },
    stderr: { write: (more) => (text.err += more) },
    signal: new AbortController().signal,
  });
  return { status, ...text };
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-weights-'));
  const blocks = [[60, 60], [96, 96], [96], [96], [96, 96]];
  bytes = (await makeVgg({ blocks, head: true })).bytes;
  writeFileSync(fileOf('net.onnx'), bytes);
});
afterAll(() => rmSync(folder, { recursive: true }));
describe('import', () => {
  test('writes weights and reports what it found', async () => {
    const output = fileOf('w.safetensors');
    const words = ['--up-to', 'relu2_1', '--preprocessing', 'bgr-255', '--licence', 'MIT'];
    const { status, out, err } = await run('import', fileOf('net.onnx'), '-o', output, ...words);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(/VGG-13\/16\/19 to relu2_1, f16/);
    expect(out).toMatch(/preprocessing +bgr-255 \(as you said\)/);
    expect(out).toMatch(/read +[\d.]+ (kB|MB) of [\d.]+ MB/);
    expect(out).toMatch(/sha256 +[0-9a-f]{64} \(of the weights/);
    const vgg = await Vgg.fromSafetensors(readFileSync(output));
    const direct = await Vgg.fromOnnx(bytes, { upTo: 'relu2_1' });
    expect(vgg.layers).toEqual((await Vgg.fromSafetensors(await direct.toSafetensors())).layers);
    expect(vgg.report.preprocessing).toBe('bgr-255');
    const told = Object.fromEntries(vgg.metadata);
    const hash = weightsSha256(direct.layers);
    expect(told).toMatchObject({ licence: 'MIT', source: 'net.onnx', source_weights_sha256: hash });
  });

  test('--json prints the report alone, f32 keeps every bit', async () => {
    const output = fileOf('w32.safetensors');
    const { status, out } = await run(
      'import',
      fileOf('net.onnx'),
      '-o',
      output,
      '--dtype',
      'f32',
      '--json',
    );
    expect(status).toBe(0);
    const report = JSON.parse(out) as WeightsReport;
    expect(report).toMatchObject({
      output,
      dtype: 'f32',
      source: 'net.onnx',
      preprocessing: 'rgb-mean-std',
    });
    expect(report.outputBytes).toBe(readFileSync(output).length);
    const vgg = await Vgg.fromSafetensors(readFileSync(output));
    expect(vgg.layers).toEqual((await Vgg.fromOnnx(bytes)).layers);
  });

  test('an assumed preprocessing is said aloud, and stays assumed in the file', async () => {
    const output = fileOf('assumed.safetensors');
    const { status, out, err } = await run('import', fileOf('net.onnx'), '-o', output);
    expect(status).toBe(0);
    expect(err).toMatch(/Nothing in .* says what its input looks like: rgb-mean-std was assumed/);
    expect(out).toMatch(/ASSUMED/);
    expect((await Vgg.fromSafetensors(readFileSync(output))).preprocessingSource).toBe('assumed');
  });

  test.each([
    [['import'], 2, /got no model file/],
    [['import', 'a.onnx'], 2, /-o: got no output file/],
    [['import', 'a.onnx', 'b.onnx', '-o', 'w'], 2, /got "b.onnx" too/],
    [['import', 'a.onnx', '-o', 'w', '--dtype', 'f8'], 2, /got "f8", need f16 or f32/],
    [
      ['import', 'a.onnx', '-o', 'w', '--preprocessing', 'sepia'],
      2,
      /--preprocessing: preprocessing is not one/,
    ],
    [['import', 'a.onnx', '-o', 'w', '--size', '3'], 2, /import has no such flag.*--up-to/],
    [['import', '/nowhere/a.onnx', '-o', '/tmp/w.safetensors'], 1, /no such file/],
    [['import', 'package.json', '-o', '/nowhere/w.safetensors'], 1, /cannot write/],
    [['import', 'package.json', '-o', '/tmp/w.safetensors'], 1, /not a whole ONNX file/],
    [['fetch'], 2, /got no name of a known network/],
    [['fetch', 'vgg99'], 2, /there is no known network "vgg99"\. Take one of vgg19/],
  ])('%j ends with %i', async (words, status, message) => {
    const ended = await run(...words);
    expect(ended.err).toMatch(message);
    expect(ended.err.trim().split('\n')).toHaveLength(1);
    expect(ended.status).toBe(status);
  });
});

describe('the manifest', () => {
  test('lists addresses, sizes and published hashes; what nobody here has seen is null', () => {
    const all = knownNetworks();
    expect(all.map(({ name }) => name)).toContain('vgg19');
    for (const { urls, bytes: size, sha256, sha256Published } of all) {
      expect(urls.every((url) => url.startsWith('https://'))).toBe(true);
      expect(urls.length).toBeGreaterThan(0);
      expect(size).toBeGreaterThan(5e8);
      expect(sha256).toBeNull();
      expect(sha256Published).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('the cache is where the platform wants it', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux')).toBe('/x/wgpu-style');
    expect(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux')).toMatch(/\.cache\/wgpu-style$/);
    expect(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32')).toMatch(/local.wgpu-style.Cache$/);
  });
});
