// Known networks in Node are downloaded once: broken downloads go on, caches are shared, and what
// cannot be kept is said.

import { existsSync, readdirSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { DownloadProgress } from '../../src/gpu/host.ts';
import { fetchNetwork } from '../../src/node/fetch-network.ts';
import { cacheFolder, cachedFile } from '../../src/node/known-networks.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { entry } from './small-manifest.ts';
import { leftovers, run, serve, smallNetwork } from './small-network.ts';

vi.mock('../../src/node/known-networks.ts', async (original) =>
  (await import('./small-manifest.ts')).withSmallNetwork(original),
);
const setting = smallNetwork();

describe('a broken download', () => {
  test('is not begun again: what it brought is used', async () => {
    setting.breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    expect(leftovers().filter((name) => name.endsWith('.part'))).toHaveLength(1);
    setting.breaksAfter = Infinity;
    const before = setting.server.requests.length;
    const reports: DownloadProgress[] = [];
    const onDownload = (report: DownloadProgress): void => void reports.push(report);
    const resumed = await fetchNetwork('vgg19', { onDownload });
    const asked = setting.server.requests.slice(before).map(({ range }) => range);
    const fresh = await fetchNetwork('vgg19', { again: true });
    expect(resumed.vgg.layers).toEqual(fresh.vgg.layers);
    expect(resumed.vgg.origin!.bytesRead).toBeLessThan(fresh.vgg.origin!.bytesRead - 200_000);
    expect(new Set(asked).size).toBe(asked.length);
    expect(readdirSync(cacheFolder())).toEqual([path.basename(fresh.file)]);
    // Progress counts what was there already, never goes back, and ends at its aim.
    const received = reports.map((report) => report.received);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    const last = reports.at(-1)!;
    expect(last).toMatchObject({ name: 'vgg19', size: setting.bytes.length, received: last.needed });
    expect(last.received).toBeGreaterThan(resumed.vgg.origin!.bytesRead + 200_000);
  });

  test('of a whole file goes on in the middle', async () => {
    serve(setting, '/long', setting.long);
    setting.breaksAfter = 20e6;
    const fetching = fetchNetwork('vgg19', { verify: true });
    await expect(fetching).rejects.toMatchObject({ code: 'network' });
    setting.breaksAfter = Infinity;
    const before = setting.server.sent();
    const { checked } = await fetchNetwork('vgg19', { verify: true });
    expect(checked).toBe('file hash');
    expect(setting.server.sent() - before).toBeLessThan(16e6);
    expect(leftovers()).toEqual(['verified.json']);
  });

  test('that was aborted goes on too', async () => {
    serve(setting, '/long', setting.long);
    const controller = new AbortController();
    const onDownload = ({ received }: DownloadProgress): void => {
      if (received > 16e6) controller.abort();
    };
    const options = { verify: true, onDownload, signal: controller.signal };
    await expect(fetchNetwork('vgg19', options)).rejects.toMatchObject({ code: 'aborted' });
    expect(leftovers().some((name) => name.endsWith('.lock'))).toBe(false);
    const before = setting.server.sent();
    await fetchNetwork('vgg19', { verify: true });
    expect(setting.server.sent() - before).toBeLessThan(20e6);
  });

  test('whose kept parts were damaged meanwhile is mended', async () => {
    setting.breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    setting.breaksAfter = Infinity;
    const [part] = leftovers().filter((name) => name.endsWith('.part'));
    const place = path.join(cacheFolder(), part!);
    writeFileSync(place, new Uint8Array(readFileSync(place).length));
    const mended = await fetchNetwork('vgg19');
    expect(mended.vgg.layers).toEqual((await fetchNetwork('vgg19', { again: true })).vgg.layers);
  });

  test.each(['{"parts":[{}]}', '{'])('whose list is damaged (%s) begins again', async (text) => {
    setting.breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    setting.breaksAfter = Infinity;
    const [list] = leftovers().filter((name) => name.endsWith('.part.json'));
    writeFileSync(path.join(cacheFolder(), list!), text);
    expect((await fetchNetwork('vgg19')).isNew).toBe(true);
  });

  test('is not continued with parts of another version of the file', async () => {
    setting.breaksAfter = 300_000;
    await expect(fetchNetwork('vgg19')).rejects.toMatchObject({ code: 'network' });
    setting.breaksAfter = Infinity;
    setting.tag = '"2"';
    setting.sent = 0;
    const { vgg } = await fetchNetwork('vgg19');
    expect(vgg.origin!.bytesRead).toBe(setting.sent);
    setting.sent = 0;
    await fetchNetwork('vgg19', { again: true });
    expect(vgg.origin!.bytesRead).toBe(setting.sent);
    expect(leftovers()).toEqual([]);
  });
});

describe('never twice', () => {
  test('two at once are one download', async () => {
    const before = setting.server.requests.length;
    const [one, two] = await Promise.all([fetchNetwork('vgg19'), fetchNetwork('vgg19')]);
    expect([one.isNew, two.isNew].toSorted()).toEqual([false, true]);
    const asked = setting.server.requests.slice(before).map(({ range }) => range);
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
    const requests = setting.server.requests.length;
    const { isNew, file, vgg } = await fetchNetwork('vgg19', { upTo: 'relu3_1' });
    expect(isNew).toBe(false);
    expect(file).toBe(cachedFile(entry, 'relu3_1', 'f16'));
    expect(vgg.layers.at(-1)!.name).toBe('relu3_1');
    expect(await Vgg.fromSafetensors(readFileSync(file))).toMatchObject({ layers: vgg.layers });
    expect((await Vgg.load('vgg19')).layers.at(-1)!.name).toBe('relu5_1');
    expect(setting.server.requests).toHaveLength(requests);
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
    const file = path.join(setting.folder, 'no-folder');
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
    expect(setting.sent).toBe(0);
    const onDownload = vi.fn();
    await Vgg.load('vgg19', { onDownload });
    const last = onDownload.mock.lastCall![0] as DownloadProgress;
    expect(last).toMatchObject({ name: 'vgg19', received: last.needed, size: setting.bytes.length });
  });

  test('an address tells it as well', async () => {
    const onDownload = vi.fn();
    await Vgg.load(`${setting.server.address}/net`, { upTo: 'relu1_2', preprocessing: 'bgr-255', onDownload });
    const { name, received, needed, size } = onDownload.mock.lastCall![0] as DownloadProgress;
    expect({ name, received, size }).toEqual({ name: `${setting.server.address}/net`, received: needed, size: setting.bytes.length });
  });
});
