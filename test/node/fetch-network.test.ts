// Known networks in Node: downloaded once, checked, resumed, kept; on a small network and a server
// that behaves and misbehaves.

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DownloadProgress } from '../../src/gpu/host.ts';
import { installHost } from '../../src/node/host.ts';
import { main } from '../../src/node/main.ts';
import { fetchNetwork } from '../../src/node/fetch-network.ts';
import { cacheFolder, cachedFile } from '../../src/node/known-networks.ts';
import type { WeightsReport } from '../../src/node/weights-commands.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { weightHashes, weightsSha256 } from '../../src/vgg/trust.ts';
import { makeVgg, withPadding } from '../vgg/make-onnx.ts';
import { sendRange, startServer, type TestServer } from '../vgg/sources.ts';

let folder: string;
let bytes: Uint8Array<ArrayBuffer>;
/** The same network in a file of many pieces. */
let long: Uint8Array<ArrayBuffer>;
let server: TestServer;
/** Bytes after which the server hangs up; tests change it. */
let breaksAfter = Infinity;
let sent = 0;
/** What it calls the version of its file. */
let tag = '"1"';

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
    recognise: async (file: string) => (file.endsWith('known.onnx') ? entry : undefined),
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

function hashOf(message: Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}

/** Makes the manifest speak of this file. */
function serve(url: string, file: Uint8Array): void {
  const urls = [server.address + url];
  Object.assign(entry, { urls, bytes: file.length, sha256Published: hashOf(file) });
}

/** What is in the cache folder besides networks. */
function leftovers(): string[] {
  return readdirSync(cacheFolder()).filter((name) => !name.endsWith('.safetensors'));
}

beforeAll(async () => {
  installHost();
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-weights-'));
  const blocks = [[60, 60], [96, 96], [96], [96], [96, 96]];
  bytes = (await makeVgg({ blocks, head: true })).bytes;
  long = withPadding(bytes, 30e6);
  server = await startServer((request, response, send) => {
    const url = request.url ?? '';
    const isCounted = url === '/net' || url === '/long';
    if (isCounted && sent > breaksAfter) return void response.destroy();
    const count = (part: Uint8Array): void => {
      sent += part.length;
      send(part);
    };
    if (isCounted) response.setHeader('etag', tag);
    if (isCounted) sendRange(url === '/net' ? bytes : long, request, response, count);
    else if (url === '/moved') response.writeHead(301, { location: '/net' }).end();
    else if (url === '/plain') {
      delete request.headers.range;
      sendRange(bytes, request, response, send);
    } else if (url === '/tampered') {
      const tampered = new Uint8Array(bytes);
      tampered[bytes.length >> 1]! ^= 1;
      sendRange(tampered, request, response, send);
    } else if (url === '/refuses' && request.headers.range) response.writeHead(416).end();
    else if (url === '/refuses') sendRange(bytes, request, response, send);
    else if (url === '/trouble') response.writeHead(500).end();
    else if (url === '/cut') {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 50_000), () => response.destroy());
    } else if (url === '/cut-part') {
      // The promised part, and less than it.
      const range = `bytes 0-32767/${bytes.length}`;
      response.writeHead(206, { 'content-length': 32768, 'content-range': range });
      response.write(bytes.subarray(0, 100), () => response.destroy());
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
  Object.assign(entry, { sha256: null, weightsSha256: {} });
  serve('/net', bytes);
  breaksAfter = Infinity;
  sent = 0;
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

  test('a redirect, servers without ranges, and a second mirror after a 404 or 500', async () => {
    for (const urls of [['/moved'], ['/plain'], ['/refuses'], ['/gone', '/net'], ['/trouble', '/net']]) {
      entry.urls = urls.map((url) => server.address + url);
      const { vgg } = await fetchNetwork('vgg19', { upTo: 'relu2_1', again: true });
      expect(vgg.layers).toEqual((await Vgg.fromOnnx(bytes, { upTo: 'relu2_1' })).layers);
    }
  });

  test.each([
    ['/gone', 'network', /got status 404/],
    ['/trouble', 'network', /got status 500/],
    ['/cut', 'network', /could not be fetched/],
    ['/cut-part', 'network', /could not be fetched/],
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
});

describe('trust', () => {
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

  test('a whole file that was verified once makes later parts of it checkable, at any depth', async () => {
    expect(await fetchNetwork('vgg19', { upTo: 'relu3_1' })).toMatchObject({ checked: 'nothing' });
    await fetchNetwork('vgg19', { verify: true });
    for (const upTo of ['relu5_1', 'pool3', 'conv1_2']) {
      const checked = (await fetchNetwork('vgg19', { upTo, again: true })).checked;
      expect(checked, upTo).toBe('weights hash');
    }
    // Deeper than what was verified.
    const deeper = await fetchNetwork('vgg19', { upTo: 'relu5_2' });
    expect(deeper.checked).toBe('nothing');
    // The size is right and so is the structure: one bit is not.
    entry.urls = [`${server.address}/tampered`];
    const tampered = fetchNetwork('vgg19', { again: true });
    await expect(tampered).rejects.toMatchObject({ code: 'bad-model' });
    await expect(tampered).rejects.toThrow(/weights of sha256 [0-9a-f]{64}, need [0-9a-f]{64}/);
    const whole = fetchNetwork('vgg19', { again: true, verify: true });
    await expect(whole).rejects.toThrow(/file of sha256 [0-9a-f]{64}, need [0-9a-f]{64}/);
    // What was kept of the wrong file is gone.
    expect(leftovers()).toEqual(['verified.json']);
  });

  test('a known file that was imported does the same', async () => {
    const file = path.join(folder, 'known.onnx');
    writeFileSync(file, bytes);
    const output = path.join(folder, 'known.safetensors');
    const { status, out } = await run('import', file, '-o', output, '--up-to', 'relu5_1');
    expect(status).toBe(0);
    expect(out).toMatch(/bgr-255 \(as the list of known networks says\)/);
    expect(await fetchNetwork('vgg19')).toMatchObject({ checked: 'weights hash' });
  });

  test('records are of one file: another in the manifest is another', async () => {
    await fetchNetwork('vgg19', { verify: true });
    entry.sha256Published = 'a'.repeat(64);
    expect(await fetchNetwork('vgg19', { again: true })).toMatchObject({ checked: 'nothing' });
  });

  test.each(['{', 'null', '{"x":null}'])('damaged records (%s) are none', async (text) => {
    await fetchNetwork('vgg19', { verify: true });
    writeFileSync(path.join(cacheFolder(), 'verified.json'), text);
    expect(await fetchNetwork('vgg19', { again: true })).toMatchObject({ checked: 'nothing' });
    await fetchNetwork('vgg19', { again: true, verify: true });
    expect(await fetchNetwork('vgg19', { again: true })).toMatchObject({ checked: 'weights hash' });
  });

  test('hashes of all depths are those of the networks cut there', async () => {
    const vgg = await Vgg.fromOnnx(bytes);
    const hashes = weightHashes(vgg.layers);
    expect(Object.keys(hashes)).toEqual(
      vgg.layers.flatMap(({ kind, name }) => (kind === 'conv' ? [name] : [])),
    );
    for (const [name, hash] of Object.entries(hashes)) {
      const cut = await Vgg.fromOnnx(bytes, { upTo: name });
      expect(weightsSha256(cut.layers)).toBe(hash);
    }
  });
});

describe('a broken download', () => {
  test('is not begun again: what it brought is used', async () => {
    breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    expect(leftovers().filter((name) => name.endsWith('.part'))).toHaveLength(1);
    breaksAfter = Infinity;
    const before = server.requests.length;
    const reports: DownloadProgress[] = [];
    const onDownload = (report: DownloadProgress): void => void reports.push(report);
    const resumed = await fetchNetwork('vgg19', { onDownload });
    const asked = server.requests.slice(before).map(({ range }) => range);
    const fresh = await fetchNetwork('vgg19', { again: true });
    expect(resumed.vgg.layers).toEqual(fresh.vgg.layers);
    expect(resumed.vgg.origin!.bytesRead).toBeLessThan(fresh.vgg.origin!.bytesRead - 200_000);
    expect(new Set(asked).size).toBe(asked.length);
    expect(readdirSync(cacheFolder())).toEqual([path.basename(fresh.file)]);
    // Progress counts what was there already, never goes back, and ends at its aim.
    const received = reports.map((report) => report.received);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    const last = reports.at(-1)!;
    expect(last).toMatchObject({ name: 'vgg19', size: bytes.length, received: last.needed });
    expect(last.received).toBeGreaterThan(resumed.vgg.origin!.bytesRead + 200_000);
  });

  test('of a whole file goes on in the middle', async () => {
    serve('/long', long);
    breaksAfter = 20e6;
    const fetching = fetchNetwork('vgg19', { verify: true });
    await expect(fetching).rejects.toMatchObject({ code: 'network' });
    breaksAfter = Infinity;
    const before = server.sent();
    const { checked } = await fetchNetwork('vgg19', { verify: true });
    expect(checked).toBe('file hash');
    expect(server.sent() - before).toBeLessThan(16e6);
    expect(leftovers()).toEqual(['verified.json']);
  });

  test('that was aborted goes on too', async () => {
    serve('/long', long);
    const controller = new AbortController();
    const onDownload = ({ received }: DownloadProgress): void => {
      if (received > 16e6) controller.abort();
    };
    const options = { verify: true, onDownload, signal: controller.signal };
    await expect(fetchNetwork('vgg19', options)).rejects.toMatchObject({ code: 'aborted' });
    expect(leftovers().some((name) => name.endsWith('.lock'))).toBe(false);
    const before = server.sent();
    await fetchNetwork('vgg19', { verify: true });
    expect(server.sent() - before).toBeLessThan(20e6);
  });

  test('whose kept parts were damaged meanwhile is mended', async () => {
    breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    breaksAfter = Infinity;
    const [part] = leftovers().filter((name) => name.endsWith('.part'));
    const place = path.join(cacheFolder(), part!);
    writeFileSync(place, new Uint8Array(readFileSync(place).length));
    const mended = await fetchNetwork('vgg19');
    expect(mended.vgg.layers).toEqual((await fetchNetwork('vgg19', { again: true })).vgg.layers);
  });

  test.each(['{"parts":[{}]}', '{'])('whose list is damaged (%s) begins again', async (text) => {
    breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    breaksAfter = Infinity;
    const [list] = leftovers().filter((name) => name.endsWith('.part.json'));
    writeFileSync(path.join(cacheFolder(), list!), text);
    expect((await fetchNetwork('vgg19')).isNew).toBe(true);
  });

  test('is not continued with parts of another version of the file', async () => {
    breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    breaksAfter = Infinity;
    tag = '"2"';
    sent = 0;
    const { vgg } = await fetchNetwork('vgg19');
    expect(vgg.origin!.bytesRead).toBe(sent);
    sent = 0;
    await fetchNetwork('vgg19', { again: true });
    expect(vgg.origin!.bytesRead).toBe(sent);
    expect(leftovers()).toEqual([]);
  });
});

describe('never twice', () => {
  test('two at once are one download', async () => {
    const before = server.requests.length;
    const [one, two] = await Promise.all([fetchNetwork('vgg19'), fetchNetwork('vgg19')]);
    expect([one.isNew, two.isNew].toSorted()).toEqual([false, true]);
    const asked = server.requests.slice(before).map(({ range }) => range);
    expect(new Set(asked).size).toBe(asked.length);
  });

  test('another process that downloads it is waited for, unless it has died', async () => {
    const { file } = await fetchNetwork('vgg19');
    const kept = readFileSync(file);
    unlinkSync(file);
    const lock = `${file}.lock`;
    writeFileSync(lock, '');
    const said: string[] = [];
    const waiting = fetchNetwork('vgg19', { onWarning: (message) => said.push(message) });
    await vi.waitFor(() => expect(said).toEqual(['vgg19 is being fetched by another process: waiting']));
    writeFileSync(file, kept);
    unlinkSync(lock);
    expect(await waiting).toMatchObject({ isNew: false });
    unlinkSync(file);
    writeFileSync(lock, '');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    expect(await fetchNetwork('vgg19')).toMatchObject({ isNew: true });
    expect(leftovers()).toEqual([]);
  });

  test('a shallower network comes from a deeper one in the cache', async () => {
    const deep = await fetchNetwork('vgg19', { upTo: 'pool5' });
    const requests = server.requests.length;
    const { isNew, file, vgg } = await fetchNetwork('vgg19', { upTo: 'relu3_1' });
    expect(isNew).toBe(false);
    expect(file).toBe(cachedFile(entry, 'relu3_1', 'f16'));
    expect(vgg.layers.at(-1)!.name).toBe('relu3_1');
    expect(await Vgg.fromSafetensors(readFileSync(file))).toMatchObject({ layers: vgg.layers });
    expect((await Vgg.load('vgg19')).layers.at(-1)!.name).toBe('relu5_1');
    expect(server.requests).toHaveLength(requests);
    expect(deep.vgg.layers.at(-1)!.name).toBe('pool5');
  });

  test('a damaged file in the cache is fetched again', async () => {
    const { file } = await fetchNetwork('vgg19');
    writeFileSync(file, 'no weights');
    expect(await fetchNetwork('vgg19')).toMatchObject({ isNew: true });
  });

  test('one of an older manifest is replaced', async () => {
    const { file } = await fetchNetwork('vgg19');
    entry.sha256Published = 'b'.repeat(64);
    const newer = await fetchNetwork('vgg19');
    expect(newer.isNew).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(readdirSync(cacheFolder())).toEqual([path.basename(newer.file)]);
  });

  test('where the cache cannot be written the command fails, the library goes on and says so', async () => {
    const file = path.join(folder, 'no-folder');
    writeFileSync(file, '');
    vi.stubEnv('XDG_CACHE_HOME', file);
    const { status, err } = await run('fetch', 'vgg19');
    expect(status).toBe(1);
    expect(err).toMatch(/cannot write ".*no-folder.*": the folder does not exist/);
    const said: string[] = [];
    const vgg = await Vgg.load('vgg19', { onWarning: (message) => said.push(message) });
    expect(vgg.layers.at(-1)!.name).toBe('relu5_1');
    expect(said).toEqual([expect.stringMatching(/cannot write .*It will be downloaded again the next time\.$/)]);
  });
});

describe("network: 'vgg19'", () => {
  test('takes the cache', async () => {
    await fetchNetwork('vgg19');
    entry.urls = [];
    expect((await Vgg.load('vgg19')).report).toMatchObject({ preprocessing: 'bgr-255' });
  });

  test('tells how far its download is; preprocessing is refused before it begins', async () => {
    const refused = Vgg.load('vgg19', { preprocessing: 'bgr-255' });
    await expect(refused).rejects.toThrow(/a known network carries its own/);
    expect(sent).toBe(0);
    const onDownload = vi.fn();
    await Vgg.load('vgg19', { onDownload });
    const last = onDownload.mock.lastCall![0] as DownloadProgress;
    expect(last).toMatchObject({ name: 'vgg19', received: last.needed, size: bytes.length });
  });

  test('an address tells it as well', async () => {
    const onDownload = vi.fn();
    await Vgg.load(`${server.address}/net`, { upTo: 'relu1_2', preprocessing: 'bgr-255', onDownload });
    const { name, received, needed, size } = onDownload.mock.lastCall![0] as DownloadProgress;
    expect({ name, received, size }).toEqual({ name: `${server.address}/net`, received: needed, size: bytes.length });
  });
});
