// The commands import and fetch, on small networks and a server that behaves and misbehaves.

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/node/main.ts';
import { fetchNetwork } from '../../src/node/fetch-network.ts';
import { cacheFolder, cachedFile, knownNetworks } from '../../src/node/known-networks.ts';
import type { WeightsReport } from '../../src/node/weights-commands.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { weightsSha256 } from '../../src/vgg/trust.ts';
import { makeVgg } from '../vgg/make-onnx.ts';
import { sendRange, startServer, type TestServer } from '../vgg/sources.ts';

let folder: string;
let bytes: Uint8Array<ArrayBuffer>;
let server: TestServer;
/** What the server does with a request for /net; tests replace it. */
let breaksAfter = Infinity;
let sent = 0;
const fileOf = (name: string): string => path.join(folder, name);

/** The manifest as tests want it. */
const entry = {
  name: 'vgg19',
  title: 'A small VGG',
  urls: [] as string[],
  bytes: 0 as number | null,
  sha256: null as string | null,
  sha256Published: null as string | null,
  weightsSha256: {} as Record<string, string>,
  preprocessing: 'bgr-255' as const,
  licence: 'CC0-1.0',
};
vi.mock('../../src/node/known-networks.ts', async (original) => {
  const module = await original<typeof import('../../src/node/known-networks.ts')>();
  return {
    ...module,
    knownNetwork: (name: string, where: string) =>
      name === 'vgg19' ? entry : module.knownNetwork(name, where),
    isKnownName: (name: string) => name === 'vgg19',
  };
});

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
  server = await startServer((request, response, send) => {
    const url = request.url ?? '';
    if (url === '/net' && sent > breaksAfter) return void response.destroy();
    const count = (part: Uint8Array): void => {
      sent += part.length;
      send(part);
    };
    if (url === '/net') sendRange(bytes, request, response, count);
    else if (url === '/moved') response.writeHead(301, { location: '/net' }).end();
    else if (url === '/plain') {
      delete request.headers.range;
      sendRange(bytes, request, response, send);
    } else if (url === '/cut') {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 50_000), () => response.destroy());
    } else if (url === '/short') {
      response.writeHead(200).end(bytes.subarray(0, 50_000));
    } else if (url === '/page') response.writeHead(200).end('<html>Sign in to continue</html>');
    else if (url === '/stall')
      response.writeHead(200, { 'content-length': bytes.length }).write('x');
    else response.writeHead(404).end();
  });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', mkdtempSync(path.join(folder, 'cache-')));
  Object.assign(entry, {
    urls: [`${server.address}/net`],
    bytes: bytes.length,
    sha256: null,
    sha256Published: createHash('sha256').update(bytes).digest('hex'),
    weightsSha256: {},
  });
  breaksAfter = Infinity;
  sent = 0;
});

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

describe('fetch', () => {
  test('downloads what is needed once, then takes the cache', async () => {
    const first = await run('fetch', 'vgg19', '--up-to', 'relu2_1', '--json');
    expect(first.err).toBe('');
    const report = JSON.parse(first.out) as WeightsReport;
    expect(report).toMatchObject({
      isNew: true,
      checked: 'nothing',
      preprocessingSource: 'manifest',
    });
    expect(report.bytesRead).toBeLessThan(bytes.length / 2);
    expect(report.metadata).toMatchObject({ licence: 'CC0-1.0', name: 'A small VGG' });
    expect(report.output).toBe(cachedFile(entry, 'relu2_1', 'f16'));
    expect(readdirSync(cacheFolder())).toEqual([path.basename(report.output)]);
    expect(path.basename(report.output)).toMatch(/^vgg19-relu2_1-f16-[0-9a-f]{8}\.safetensors$/);
    const requests = server.requests.length;
    const again = await run('fetch', 'vgg19', '--up-to', 'relu2_1', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ isNew: false, preprocessing: 'bgr-255' });
    expect(server.requests.length).toBe(requests);
  });

  test('a redirect, a server without ranges, and a second mirror after a 404', async () => {
    for (const urls of [['/moved'], ['/plain'], ['/gone', '/net']]) {
      entry.urls = urls.map((url) => server.address + url);
      const { vgg } = await fetchNetwork('vgg19', { upTo: 'relu2_1', again: true });
      expect(vgg.layers).toEqual((await Vgg.fromOnnx(bytes, { upTo: 'relu2_1' })).layers);
    }
  });

  test('--verify reads all and checks the published hash', async () => {
    const { out } = await run('fetch', 'vgg19', '--verify', '--json');
    const report = JSON.parse(out) as WeightsReport;
    expect(report).toMatchObject({
      checked: 'file hash',
      sha256: entry.sha256Published,
      sha256Of: 'file',
    });
    expect(report.bytesRead).toBe(bytes.length);
    entry.sha256Published = '0'.repeat(64);
    const wrong = await run('fetch', 'vgg19', '--verify', '--again');
    expect(wrong.status).toBe(1);
    expect(wrong.err).toMatch(/file of sha256 [0-9a-f]{64}, need 0{64}/);
  });

  test('the hash of the weights is checked where it is known', async () => {
    const vgg = await Vgg.fromOnnx(bytes, { upTo: 'relu2_1' });
    entry.weightsSha256 = { conv2_1: weightsSha256(vgg.layers) };
    expect(await fetchNetwork('vgg19', { upTo: 'relu2_1' })).toMatchObject({
      checked: 'weights hash',
    });
    entry.weightsSha256 = { conv1_1: '0'.repeat(64) };
    const wrong = fetchNetwork('vgg19', { upTo: 'relu1_1', again: true });
    await expect(wrong).rejects.toMatchObject({ code: 'bad-model' });
    await expect(wrong).rejects.toThrow(/weights of sha256 [0-9a-f]{64}, need 0{64}/);
    expect(existsSync(cachedFile(entry, 'relu1_1', 'f16'))).toBe(false);
  });

  test.each([
    ['/gone', 'network', /got status 404/],
    ['/cut', 'network', /could not be fetched/],
    ['/short', 'bad-model', /ends too early/],
    ['/page', 'bad-model', /not a whole ONNX file|another file/],
    ['/stall', 'network', /nothing for 0.2 s/],
  ])('%s: an error that says what to do, and nothing in the cache', async (url, code, message) => {
    Object.assign(entry, { urls: [server.address + url], bytes: null });
    const fetching = fetchNetwork('vgg19', { upTo: 'relu5_1', stallSeconds: 0.2 });
    await expect(fetching).rejects.toMatchObject({ code });
    await expect(fetching).rejects.toThrow(message);
    await expect(fetching).rejects.toThrow(/run wgpu-style import <file\.onnx>/);
    expect(readdirSync(cacheFolder())).toEqual([]);
  });

  test('a file of another size is not taken', async () => {
    entry.bytes = 7;
    await expect(fetchNetwork('vgg19')).rejects.toThrow(/a file of \d+ bytes, need 7/);
  });

  test('what a broken download brought is not asked for again', async () => {
    breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    expect(readdirSync(cacheFolder()).some((name) => name.endsWith('.part'))).toBe(true);
    breaksAfter = Infinity;
    const before = server.requests.length;
    const resumed = await fetchNetwork('vgg19');
    const asked = server.requests.slice(before).map(({ range }) => range);
    const fresh = await fetchNetwork('vgg19', { again: true });
    expect(resumed.vgg.layers).toEqual(fresh.vgg.layers);
    expect(resumed.vgg.origin!.bytesRead).toBeLessThan(fresh.vgg.origin!.bytesRead - 200_000);
    expect(new Set(asked).size).toBe(asked.length);
    expect(readdirSync(cacheFolder())).toEqual([path.basename(fresh.file)]);
  });

  test('a damaged file in the cache is fetched again', async () => {
    const { file } = await fetchNetwork('vgg19');
    writeFileSync(file, 'no weights');
    expect(await fetchNetwork('vgg19')).toMatchObject({ isNew: true });
  });

  test("network: 'vgg19' takes the cache", async () => {
    await fetchNetwork('vgg19');
    entry.urls = [];
    expect((await Vgg.load('vgg19')).report).toMatchObject({ preprocessing: 'bgr-255' });
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
