// Known networks by name as a page gets them, with a Cache API of our own: downloaded once, then
// from the cache, and without a cache all the same.

import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { host, type Host } from '../../src/gpu/host.ts';
import { reaches } from '../../src/vgg/known-networks.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { weightsSha256 } from '../../src/vgg/trust.ts';
import { makeVgg } from './make-onnx.ts';
import { sendRange, startServer, type TestServer } from './sources.ts';

const { manifest } = vi.hoisted(() => ({ manifest: {} as Record<string, object> }));
vi.mock('../../weights/manifest.json', () => ({ default: manifest }));

/** As much of the Cache API as is used. */
class FakeCache {
  readonly entries: Map<string, Uint8Array> = new Map();
  isFull = false;
  /** Bytes that there is room for. */
  room = Infinity;
  refusals = 0;

  async match(key: string): Promise<Response | undefined> {
    const bytes = this.entries.get(key);
    return bytes && new Response(new Uint8Array(bytes));
  }
  async put(key: string, response: Response): Promise<void> {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const used = [...this.entries.values()].reduce((sum, { length }) => sum + length, bytes.length);
    if (this.isFull || used > this.room) {
      this.refusals++;
      throw new DOMException('no room', 'QuotaExceededError');
    }
    this.entries.set(key, bytes);
  }
  async keys(): Promise<readonly { readonly url: string }[]> {
    return [...this.entries.keys()].map((url) => ({ url }));
  }
  async delete(key: string): Promise<boolean> {
    return this.entries.delete(key);
  }
}

let bytes: Uint8Array<ArrayBuffer>;
let server: TestServer;
let cache: FakeCache;
let opened: string[];
let ofNode: Host;
let entry: Record<string, unknown>;

beforeAll(async () => {
  bytes = (await makeVgg({ blocks: [[20, 20], [30, 30], [30], [30], [30, 30]], head: true })).bytes;
  server = await startServer((request, response, send) => {
    if (request.url === '/net') sendRange(bytes, request, response, send);
    else if (request.url === '/plain') response.writeHead(200).end(bytes);
    else response.writeHead(404).end();
  });
  // Other test files may have made this process a Node one.
  ofNode = { ...host };
  for (const name of Object.keys(host)) delete host[name as keyof Host];
});
afterAll(async () => {
  Object.assign(host, ofNode);
  await server.close();
});
beforeEach(() => {
  cache = new FakeCache();
  opened = [];
  vi.stubGlobal('caches', {
    open: async (name: string) => {
      opened.push(name);
      return cache;
    },
  });
  entry = {
    title: 'A small VGG',
    urls: [`${server.address}/net`],
    bytes: bytes.length,
    sha256Published: createHash('sha256').update(bytes).digest('hex'),
    preprocessing: 'bgr-255',
    licence: 'CC0-1.0',
  };
  Object.assign(manifest, { vgg19: entry, other: { ...entry, urls: [] } });
  server.requests.length = 0;
});
afterEach(() => void vi.unstubAllGlobals());

describe('a known network', () => {
  test('is downloaded in parts, kept as float16, and never downloaded again', async () => {
    const first = await Vgg.load('vgg19');
    const direct = await Vgg.fromOnnx(bytes, { upTo: 'relu5_1', preprocessing: 'bgr-255' });
    expect(first.layers).toEqual((await Vgg.fromSafetensors(await direct.toSafetensors())).layers);
    expect(first.report.preprocessing).toBe('bgr-255');
    expect(Object.fromEntries(first.metadata)).toMatchObject({ name: 'A small VGG', checked: 'nothing' });
    expect(server.requests.every(({ range }) => range !== undefined)).toBe(true);
    expect(opened).toEqual(['wgpu-style']);
    expect([...cache.entries.keys()]).toEqual([
      `https://wgpu-style.invalid/networks/vgg19-relu5_1-f16/${String(entry['sha256Published'])}`,
    ]);
    const requests = server.requests.length;
    const second = await Vgg.load('vgg19', { upTo: 'relu3_1' });
    expect(second.layers).toEqual(first.upTo('relu3_1').layers);
    expect(server.requests).toHaveLength(requests);
    // Deeper than the usual depth is another file.
    expect((await Vgg.load('vgg19', { upTo: 'relu5_2' })).layers.at(-1)?.name).toBe('relu5_2');
    expect(cache.entries.size).toBe(2);
  });

  test('asked for twice at once is downloaded once', async () => {
    entry['urls'] = [`${server.address}/plain`];
    const [one, two] = await Promise.all([Vgg.load('vgg19'), Vgg.load('vgg19')]);
    expect(one.layers).toEqual(two.layers);
    expect(server.requests).toHaveLength(1);
  });

  test('given up by one caller still comes for the other', async () => {
    const giver = new AbortController();
    const given = Vgg.load('vgg19', { signal: giver.signal });
    const kept = Vgg.load('vgg19', { signal: new AbortController().signal });
    giver.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted' });
    expect((await kept).layers.at(-1)?.name).toBe('relu5_1');
  });

  test.each([
    ['the cache is full', () => (cache.isFull = true), /there is no room in the cache/],
    [
      'storage is forbidden',
      () => vi.stubGlobal('caches', { open: () => Promise.reject(new DOMException('no', 'SecurityError')) }),
      /there is no Cache API here/,
    ],
    ['there is no Cache API', () => vi.unstubAllGlobals(), /there is no Cache API here/],
  ])('comes where %s: only uncached, and that is said', async (_, arrange, reason) => {
    arrange();
    const onWarning = vi.fn();
    expect((await Vgg.load('vgg19', { onWarning })).layers.at(-1)?.name).toBe('relu5_1');
    expect(onWarning.mock.calls).toEqual([[expect.stringMatching(reason)]]);
    expect(onWarning.mock.calls[0]![0]).toMatch(/^network 'vgg19': could not be kept.*again the next time\.$/);
    expect(cache.entries.size).toBe(0);
  });

  test('for which there is room only without what it was made of is kept all the same', async () => {
    await Vgg.load('vgg19');
    cache.room = 1.2 * [...cache.entries.values()][0]!.length;
    cache.entries.clear();
    const onWarning = vi.fn();
    await Vgg.load('vgg19', { onWarning });
    expect(cache.refusals).toBeGreaterThan(1); // a part, and the network while parts were there
    expect(onWarning).not.toHaveBeenCalled();
    expect([...cache.entries.keys()]).toEqual([expect.stringMatching(/vgg19-relu5_1-f16/)]);
  });

  test('asked for while it is under way tells everybody how far it is', async () => {
    const [one, two] = [vi.fn(), vi.fn()];
    await Promise.all([Vgg.load('vgg19', { onDownload: one }), Vgg.load('vgg19', { onDownload: two })]);
    expect(one.mock.lastCall).toEqual(two.mock.lastCall);
    expect(one.mock.lastCall![0]).toMatchObject({ name: 'vgg19', size: bytes.length });
  });

  test('that is there deeper than wanted is not downloaded again', async () => {
    await Vgg.load('vgg19', { upTo: 'pool5' });
    const requests = server.requests.length;
    expect((await Vgg.load('vgg19')).layers.at(-1)!.name).toBe('relu5_1');
    expect(server.requests).toHaveLength(requests);
    expect(cache.entries.size).toBe(1);
  });

  test('is compared with the hash that the manifest states', async () => {
    const { layers } = await Vgg.fromOnnx(bytes, { upTo: 'relu5_1' });
    entry['weightsSha256'] = { conv5_1: weightsSha256(layers) };
    expect((await Vgg.load('vgg19')).metadata.get('checked')).toBe('weights hash');
    cache.entries.clear();
    entry['weightsSha256'] = { conv5_1: '0'.repeat(64) };
    await expect(Vgg.load('vgg19')).rejects.toThrow(/weights of sha256 [0-9a-f]{64}, need 0{64}/);
    expect(cache.entries.size).toBe(0);
  });

  test('damaged in the cache is downloaded again; one of an older manifest is replaced', async () => {
    await Vgg.load('vgg19');
    const [key] = cache.entries.keys();
    cache.entries.set(key!, new Uint8Array(50));
    await Vgg.load('vgg19');
    expect(cache.entries.get(key!)!.length).toBeGreaterThan(1000);
    entry['sha256Published'] = 'f'.repeat(64);
    await Vgg.load('vgg19');
    expect([...cache.entries.keys()]).toEqual([key!.replace(/[^/]+$/, 'f'.repeat(64))]);
  });

  test('whose first mirror fails comes from the second', async () => {
    entry['urls'] = ['/gone', '/net'].map((url) => server.address + url);
    expect((await Vgg.load('vgg19')).widths).toEqual([20, 30, 30, 30, 30]);
  });
});

test.each([
  ['relu5_1', 'relu5_1', true],
  ['pool5', 'relu5_1', true],
  ['conv5_1', 'relu5_1', false],
  ['relu5_1', 'conv5_1', true],
  ['relu5_1', 'pool4', true],
  ['pool4', 'conv5_1', false],
  ['relu4_4', 'pool4', false],
  ['pool4', 'relu4_4', true],
  ['caffe2-relu5_1', 'relu1_1', false],
  ['', 'relu1_1', false],
])('a network up to %s has %s: %s', (depth, wanted, expected) => {
  expect(reaches(depth, wanted)).toBe(expected);
});

describe('what is said when', () => {
  test.each([
    ['a name is unknown', 'vgg99', {}, 'bad-option', /network 'vgg99': there is no known network "vgg99"\. Take one of vgg19, other, or write '\.\/vgg99'/],
    ['no mirror is listed', 'other', {}, 'network', /the manifest lists no address/],
    ['preprocessing is given too', 'vgg19', { preprocessing: 'bgr-255' }, 'bad-option', /a known network carries its own/],
  ] as const)('%s', async (_, name, options, code, message) => {
    await expect(Vgg.load(name, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('nothing answers, or with another file', async () => {
    entry['urls'] = ['http://127.0.0.1:1/net'];
    await expect(Vgg.load('vgg19')).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/"vgg19" could not be fetched .*download A small VGG yourself.*wgpu-style import/),
    });
    Object.assign(entry, { urls: [`${server.address}/net`], bytes: 17 });
    await expect(Vgg.load('vgg19')).rejects.toMatchObject({ code: 'bad-model' });
    expect(cache.entries.size).toBe(0);
  });
});
