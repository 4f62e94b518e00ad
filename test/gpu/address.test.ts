// Servers that may be asked and those that may not, redirects, and that everything which is fetched or read keeps to it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { fetchAllowed } from '../../src/gpu/address.ts';
import { allowHosts } from '../../src/gpu/allow-hosts.ts';
import { host } from '../../src/gpu/host.ts';
import { loadImage } from '../../src/image/index.ts';
import { besideOpener } from '../../src/vgg/beside.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { installHost } from '../../src/node/host.ts';
import { makePng } from '../image/make-png.ts';
import { makeVgg } from '../vgg/make-onnx.ts';

const png = makePng({ width: 3, height: 2, depth: 8, colourType: 2, sample: (x, y, c) => 40 * (x + y) + c });
let onnx: Uint8Array;
let servers: Server[];
let [first, second] = ['', ''];
const asked: string[] = [];

/** `/png`, `/onnx`; `/hop/n` sends on n times, then to the PNG; `/to?address` sends there. */
function answering(): Promise<Server> {
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x');
    asked.push(`${request.headers.host}${url.pathname}`);
    const send = (to: string, status = 302): void => void response.writeHead(status, { location: to }).end('on');
    const hops = /^\/hop\/(\d+)$/.exec(url.pathname)?.[1];
    if (hops !== undefined) return send(Number(hops) === 0 ? '/png' : `/hop/${Number(hops) - 1}`, [301, 302, 303, 307, 308][Number(hops) % 5]);
    if (url.pathname === '/to') return send(decodeURIComponent(url.search.slice(1)));
    if (url.pathname === '/bare') return void response.writeHead(302).end('nowhere');
    response.end(url.pathname === '/onnx' ? onnx : png);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

beforeAll(async () => {
  installHost(() => undefined);
  onnx = (await makeVgg({ blocks: [[2], [3]] })).bytes;
  servers = [await answering(), await answering()];
  [first, second] = servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`) as [string, string];
});
afterEach(() => {
  allowHosts(undefined);
  asked.length = 0;
});
afterAll(() => Promise.all(servers.map((server) => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))))));

const fetchPng = async (address: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetchAllowed(address, {}, 'test')).arrayBuffer());

describe('redirects', () => {
  test('are followed five times, relative ones too, and to other servers where all are allowed', async () => {
    expect(await fetchPng(`http://${first}/hop/4`)).toEqual(png);
    expect(asked).toHaveLength(6);
    expect(await fetchPng(`http://${first}/to?${encodeURIComponent(`http://${second}/png`)}`)).toEqual(png);
    expect(asked.at(-1)).toBe(`${second}/png`);
  });

  test('are not followed a sixth time', async () => {
    await expect(fetchPng(`http://${first}/hop/5`)).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('more than 5 redirects') });
    expect(asked).toHaveLength(6);
  });

  test.each(['file:///etc/passwd', 'data:,x', 'ftp://example.org/', 'http://['])('to %s are refused', async (to) => {
    const address = `http://${first}/to?${encodeURIComponent(to)}`;
    await expect(fetchPng(address)).rejects.toMatchObject({ code: 'network', where: 'test', message: expect.stringContaining('to what is no server') });
    await expect(loadImage(address)).rejects.toMatchObject({ code: 'network' });
  });

  test('that say nowhere are an answer as it is', async () => {
    await expect(loadImage(`http://${first}/bare`)).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('status 302') });
  });
});

describe('with a list of servers', () => {
  test('those are asked, in any case of letters, and no others; nothing is sent to them', async () => {
    allowHosts([first, 'EXAMPLE.org']);
    expect(await fetchPng(`http://${first}/png`)).toEqual(png);
    const refused = { code: 'network', message: expect.stringContaining(`got one of ${second}, need one of ${first}, example.org`) };
    await expect(loadImage(`http://${second}/png`, { where: 'content' })).rejects.toMatchObject({ ...refused, where: 'content' });
    await expect(Vgg.load(`http://${second}/onnx`)).rejects.toMatchObject(refused);
    await expect(Vgg.load('vgg19', { upTo: 'relu1_1' })).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('not allowed') });
    expect(asked).toEqual([`${first}/png`]);
  });

  test('a redirect leads to none that is not on it', async () => {
    allowHosts([first]);
    const away = `http://${first}/to?${encodeURIComponent(`http://${second}/png`)}`;
    await expect(loadImage(away)).rejects.toMatchObject({ code: 'network', message: expect.stringContaining(`got one of ${second}`) });
    await expect(Vgg.load(away)).rejects.toMatchObject({ code: 'network', message: expect.stringContaining(`got one of ${second}`) });
    expect(asked.every((line) => line.startsWith(first))).toBe(true);
    expect((await loadImage(`http://${first}/hop/2`)).width).toBe(3);
    expect((await Vgg.load(`http://${first}/onnx`, { preprocessing: 'rgb-mean-std' })).layers.length).toBeGreaterThan(0);
  });

  test('data is no server, and an empty list allows none', async () => {
    allowHosts([]);
    expect((await loadImage(`data:image/png;base64,${Buffer.from(png).toString('base64')}`)).width).toBe(3);
    await expect(loadImage(`http://${first}/png`)).rejects.toMatchObject({ message: expect.stringContaining('need one of no server') });
    allowHosts(undefined);
    expect((await loadImage(`http://${first}/png`)).width).toBe(3);
  });

  test('where redirects are not seen, what comes of one from another server is thrown away', async () => {
    host.seesRedirects = false;
    try {
      allowHosts([first]);
      await expect(fetchPng(`http://${first}/to?${encodeURIComponent(`http://${second}/png`)}`)).rejects.toMatchObject({ code: 'network' });
      expect(await fetchPng(`http://${first}/hop/1`)).toEqual(png);
    } finally {
      host.seesRedirects = true;
    }
  });
});

/** Whether an address would be asked; nothing is. */
async function mayAsk(address: string): Promise<boolean> {
  const asking = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response());
  try {
    await fetchAllowed(address, {}, 'test');
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'network', message: expect.stringContaining('not allowed') });
    expect(asking).not.toHaveBeenCalled();
    return false;
  } finally {
    asking.mockRestore();
  }
}

describe('a host on the list', () => {
  test.each([
    ['bücher.example', 'https://bücher.example/'],
    ['bücher.example', 'https://xn--bcher-kva.example/'],
    ['xn--bcher-kva.example', 'https://BÜCHER.example/'],
    ['example.org', 'http://example.org/'],
    ['example.org', 'https://example.org:443/'],
    ['example.org:443', 'https://example.org/'],
    ['example.org:80', 'http://example.org/'],
    ['example.org:443', 'http://example.org:443/'],
    ['example.org:080', 'https://example.org:80/'],
    ['[0:0:0:0:0:0:0:1]', 'http://[::1]/'],
    ['[0:0:0:0:0:0:0:1]:8080', 'http://[::1]:8080/'],
    ['127.1', 'http://127.0.0.1/'],
    ['127.0.0.1', 'http://127.1/'],
  ])('%s is asked as %s', async (name, address) => {
    allowHosts([name]);
    expect(await mayAsk(address)).toBe(true);
  });

  test.each([
    ['example.org:443', 'http://example.org/', 'example.org:80'],
    ['example.org:80', 'https://example.org/', 'example.org:443'],
    ['example.org', 'https://example.org:80/', 'example.org:80'],
    ['example.org', 'https://www.example.org/', 'www.example.org:443'],
    ['example.org:8080', 'https://example.org/', 'example.org:443'],
    ['127.1', 'http://127.0.0.2/', '127.0.0.2:80'],
  ])('%s is not asked as %s', async (name, address, server) => {
    allowHosts([name]);
    expect(await mayAsk(address)).toBe(false);
    await expect(fetchAllowed(address, {}, 'test')).rejects.toThrow(`got one of ${server}, need one of `);
  });
});

test.each([['example.org'], ['example.org:8080'], ['localhost'], ['[::1]:80'], ['10.0.0.1'], ['EXAMPLE.org']])('%s is a host', (name) => {
  expect(() => allowHosts([name])).not.toThrow();
});

test.each([
  ['http://example.org'],
  ['example.org/'],
  ['example.org/pictures'],
  ['example.org\\pictures'],
  ['example.org?x'],
  ['example.org#x'],
  [''],
  ['a b'],
  ['example.org '],
  ['user@example.org'],
  ['user:word@example.org'],
  ['*?'],
  ['*.example.org'],
  ['example.org:'],
  ['example.org:http'],
  ['example.org:65536'],
  ['::1'],
  ['1.2.3.256'],
  [3],
  [undefined],
])('%j is none', (name) => {
  allowHosts(['before.example']);
  expect(() => allowHosts(['example.org', name as string])).toThrow(`allowHosts: got ${JSON.stringify(name)}.`);
  expect(host.allowedHosts).toEqual(['before.example']);
});

test('a host by itself is no list', () => {
  expect(() => allowHosts('example.org' as unknown as string[])).toThrow(/allowHosts: got "example.org"/);
});

describe('files of other servers', () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'));
    file = path.join(folder, 'picture.png');
    writeFileSync(file, png);
  });
  afterEach(() => installHost(() => undefined));
  afterAll(() => rmSync(folder, { recursive: true }));

  const refusal = { code: 'network', message: expect.stringContaining('a file of a server, while allowHosts restricts them') };
  const urls = ['file://evil.example/share/x.png', 'FILE:\\\\evil.example\\share\\x.png'];
  const paths = ['\\\\evil.example\\share\\x.png', '//evil.example/share/x.png', '/\\evil.example/share/x.png', '\\\\?\\UNC\\evil.example\\share\\x.png', 'file:////evil.example/share/x.png'];

  test.each(urls)('%s is refused everywhere, whatever is on the list', async (url) => {
    allowHosts(['evil.example']);
    await expect(loadImage(url, { where: 'content' })).rejects.toMatchObject({ ...refusal, where: 'content' });
    await expect(loadImage(new URL(url))).rejects.toMatchObject(refusal);
    await expect(Vgg.load(url)).rejects.toMatchObject(refusal);
    expect(await mayAsk(url)).toBe(false);
  });

  test.each(paths)('%s is refused where it is such a file, before it is opened', async (given) => {
    installHost(() => undefined, 'win32');
    const opened: string[] = [];
    host.readFile = async (name) => (opened.push(name), new Uint8Array(png));
    host.openFile = async (name) => (opened.push(name), Promise.reject(new Error('opened')));
    allowHosts([first]);
    await expect(loadImage(given)).rejects.toMatchObject(refusal);
    await expect(Vgg.load(given)).rejects.toMatchObject(refusal);
    expect(opened).toEqual([]);
    allowHosts(undefined);
    expect((await loadImage(given)).width).toBe(3);
    await expect(Vgg.load(given)).rejects.toMatchObject({ code: 'bad-model' });
    expect(opened).toEqual([given, given]);
  });

  test('files of this machine are read all the same', async () => {
    allowHosts([]);
    expect((await loadImage(file)).width).toBe(3);
    expect((await loadImage(pathToFileURL(file))).width).toBe(3);
    expect((await loadImage(`file://localhost${file}`)).width).toBe(3);
    // Two slashes are one, but on Windows.
    installHost(() => undefined, 'linux');
    expect((await loadImage(`/${file}`)).width).toBe(3);
  });

  test('external data of a network lies on no server either', async () => {
    allowHosts([]);
    const url = 'file://evil.example/share/weights.bin';
    const { open } = besideOpener(onnx, { 'weights.bin': url }, { where: 'test', code: 'bad-model' });
    await expect(open('weights.bin')).rejects.toMatchObject(refusal);
  });
});
