// Where a network's bytes may come from, and what is said when they do not come.

import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host } from '../../src/gpu/host.ts';
import { readPath } from '../../src/node/files.ts';
import { Vgg, type VggSource } from '../../src/vgg/index.ts';
import { makeVgg } from './make-onnx.ts';

const { readFile } = host;
let bytes: Uint8Array<ArrayBuffer>;
let folder: string;
let server: Server;
let address: string;

beforeAll(async () => {
  host.readFile = readPath;
  bytes = (await makeVgg({ blocks: [[4, 5], [6]] })).bytes;
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'));
  writeFileSync(path.join(folder, 'net.onnx'), bytes);
  server = createServer((request, response) => {
    if (request.url === '/net.onnx') response.end(bytes);
    else if (request.url === '/cut') {
      // Promises more than it gives, then hangs up.
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100), () => response.destroy());
    } else if (request.url === '/stall') {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 100));
    } else if (request.url === '/moved') response.writeHead(302, { location: '/net.onnx' }).end();
    else response.writeHead(404).end('<html>not here</html>');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  if (readFile) host.readFile = readFile;
  else delete host.readFile;
  rmSync(folder, { recursive: true });
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

/** The bytes in three chunks. */
function chunks(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.subarray(0, 7));
      controller.enqueue(bytes.subarray(7, 200));
      controller.enqueue(bytes.subarray(200));
      controller.close();
    },
  });
}

describe('one network from every kind of source', () => {
  test.each<[string, () => VggSource]>([
    ['Uint8Array', () => bytes],
    ['ArrayBuffer', () => bytes.buffer],
    ['Blob', () => new Blob([bytes])],
    ['File', () => new File([bytes], 'net.onnx')],
    ['ReadableStream', chunks],
    ['Response', () => new Response(chunks())],
    ['URL', () => new URL(`${address}/net.onnx`)],
    ['address', () => `${address}/net.onnx`],
    ['redirected address', () => `${address}/moved`],
    [
      'data URL',
      () => `data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`,
    ],
    ['path', () => path.join(folder, 'net.onnx')],
    ['file URL', () => pathToFileURL(path.join(folder, 'net.onnx'))],
  ])('%s', async (_, source) => {
    const vgg = await Vgg.fromOnnx(source());
    expect(vgg.layers).toEqual((await Vgg.fromOnnx(bytes)).layers);
  });
});

describe('bytes that do not come', () => {
  test.each<[string, () => VggSource, string, RegExp]>([
    [
      'a missing file',
      () => path.join(folder, 'nowhere.onnx'),
      'bad-model',
      /no such file: got '.*nowhere\.onnx'/,
    ],
    ['a folder', () => folder, 'bad-model', /a file that cannot be read/],
    ['status 404', () => `${address}/nowhere`, 'network', /got status 404 for/],
    ['a failed Response', () => new Response('', { status: 500 }), 'network', /got status 500/],
    ['a connection that breaks', () => `${address}/cut`, 'network', /could not be fetched/],
    ['nobody there', () => 'http://127.0.0.1:1/net.onnx', 'network', /could not be fetched/],
    [
      'an unknown scheme',
      () => 'ftp://example.org/net.onnx',
      'bad-option',
      /an address of unknown kind/,
    ],
    ['a number', () => 5 as never, 'bad-option', /got Number, need bytes, a Blob/],
    ['nothing', () => undefined as never, 'bad-option', /got Undefined/],
  ])('%s', async (_, source, code, message) => {
    const loading = Vgg.fromOnnx(source());
    await expect(loading).rejects.toMatchObject({ name: 'WgpuStyleError', code });
    await expect(loading).rejects.toThrow(message);
  });

  test('a Response that was read before', async () => {
    const response = new Response(bytes);
    await response.arrayBuffer();
    await expect(Vgg.fromOnnx(response)).rejects.toThrow(/a body already read/);
  });

  test('a missing weights file is bad-weights', async () => {
    const loading = Vgg.fromSafetensors(path.join(folder, 'nowhere.safetensors'));
    await expect(loading).rejects.toMatchObject({ code: 'bad-weights' });
  });
});

test('a path where nothing reads files says what to import', async () => {
  const services = { ...host }; // other test files may have installed any of them
  delete host.readFile;
  delete host.openFile;
  try {
    await expect(Vgg.fromOnnx('net.onnx')).rejects.toMatchObject({ code: 'bad-model' });
    await expect(Vgg.fromOnnx('net.onnx')).rejects.toThrow(/import from 'wgpu-style\/node'/);
  } finally {
    Object.assign(host, services);
  }
});

describe('aborting', () => {
  test('before it begins', async () => {
    const loading = Vgg.fromOnnx(bytes, { signal: AbortSignal.abort() });
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  });

  test('while a server stalls', async () => {
    const controller = new AbortController();
    const loading = Vgg.fromOnnx(`${address}/stall`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  });

  test('while a stream stalls', async () => {
    const controller = new AbortController();
    const stream = new ReadableStream<Uint8Array>({
      start: (c) => c.enqueue(bytes.subarray(0, 9)),
    });
    const loading = Vgg.fromOnnx(stream, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
  });
});
