// How much of a file an import reads, from every kind of source and for both orders of a graph.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host } from '../../src/gpu/host.ts';
import { openPath, readPath } from '../../src/node/files.ts';
import { Vgg, type VggOptions, type VggSource } from '../../src/vgg/index.ts';
import { weightsSha256 } from '../../src/vgg/trust.ts';
import type { onnx } from 'onnx-proto';
import { readOnnx } from '../../src/vgg/onnx.ts';
import { openSource } from '../../src/vgg/source.ts';
import {
  encodeModel,
  floatTensor,
  makeVgg,
  node,
  reorderGraph,
  type ModelParts,
  type VggStyle,
} from './make-onnx.ts';
import { countedStream, sendRange, startServer, type TestServer } from './sources.ts';

// Weights of 100 to 600 kB: well above what is decoded along with the graph.
const style: VggStyle = {
  blocks: [
    [60, 60],
    [96, 96],
    [128, 128],
  ],
  head: true,
};
const options: VggOptions = { upTo: 'relu2_1', preprocessing: 'rgb-mean-std' };
const usedBytes = 4 * (60 * 27 + 60 * 540 + 96 * 540 + 216);

let bytes: Uint8Array<ArrayBuffer>;
let tensorsFirst: Uint8Array<ArrayBuffer>;
let reference: Vgg;
let folder: string;
const { openFile, readFile } = host;

beforeAll(async () => {
  host.openFile = openPath;
  host.readFile = readPath;
  bytes = (await makeVgg(style)).bytes;
  tensorsFirst = reorderGraph(bytes);
  reference = (await Vgg.fromOnnx(bytes, { preprocessing: 'rgb-mean-std' })).upTo('relu2_1');
  folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'));
  writeFileSync(path.join(folder, 'net.onnx'), bytes);
});
afterAll(() => {
  if (openFile) host.openFile = openFile;
  else delete host.openFile;
  if (readFile) host.readFile = readFile;
  else delete host.readFile;
  rmSync(folder, { recursive: true });
});

/** Little more than the weights that are used: headers, names, blocks around them. */
function expectFrugal(read: number | undefined): void {
  expect(read).toBeGreaterThan(usedBytes);
  expect(read).toBeLessThan(usedBytes + 0.35 * (bytes.length - usedBytes));
}

function convolutionalHead(): Pick<ModelParts, 'nodes'> & { tensors: onnx.ITensorProto[] } {
  const tensor = (name: string, dims: readonly number[]): onnx.ITensorProto =>
    floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
  const kernel = (side: number, pad: number): Parameters<typeof node>[3] => ({
    kernel_shape: [side, side],
    pads: [pad, pad, pad, pad],
  });
  return {
    nodes: [
      node('Conv', ['input', 'v'], ['a'], kernel(3, 1)),
      node('Conv', ['a', 'w'], ['b'], kernel(3, 1)),
      node('Conv', ['b', 'fc6'], ['c'], kernel(7, 0)),
      node('Conv', ['c', 'fc7'], ['d'], kernel(1, 0)),
    ],
    tensors: [
      tensor('v', [100, 3, 3, 3]),
      tensor('w', [100, 100, 3, 3]),
      tensor('fc6', [200, 100, 7, 7]),
      tensor('fc7', [200, 200, 1, 1]),
    ],
  };
}

describe('what is not needed stays unread', () => {
  test.each<[string, () => VggSource]>([
    ['bytes', () => bytes],
    ['a Blob', () => new Blob([bytes])],
    ['a path', () => path.join(folder, 'net.onnx')],
    ['bytes whose graph comes after its tensors', () => tensorsFirst],
    ['a Blob whose graph comes after its tensors', () => new Blob([tensorsFirst])],
  ])('%s', async (_, source) => {
    const vgg = await Vgg.fromOnnx(source(), options);
    expect(vgg.layers).toEqual(reference.layers);
    expect(vgg.report.bytesTotal).toBe(bytes.length);
    expectFrugal(vgg.report.bytesRead);
  });

  test('a stream is let go once the wanted weights have come', async () => {
    const { stream, pulled, isCancelled } = countedStream(bytes);
    const vgg = await Vgg.fromOnnx(stream, options);
    expect(vgg.layers).toEqual(reference.layers);
    expectFrugal(pulled());
    expect(isCancelled()).toBe(true);
    expect(vgg.report).toMatchObject({ sha256Of: 'weights', bytesTotal: undefined });
  });

  test('a stream is read to its end where only the end may say what pictures it wants', async () => {
    const { stream, pulled } = countedStream(bytes);
    const vgg = await Vgg.fromOnnx(stream, { upTo: 'relu2_1' });
    expect(vgg.layers).toEqual(reference.layers);
    expect(pulled()).toBe(bytes.length);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(vgg.report).toMatchObject({ sha256, sha256Of: 'file', bytesTotal: bytes.length });
    expect(vgg.metadata.get('source_sha256')).toBe(sha256);
  });

  test.each([
    ['float_data, whose name comes behind it', { type: 'float', field: 'typed' }],
    ['float16', { type: 'float16', field: 'raw' }],
  ] as const)('a stream of %s', async (_, tensors) => {
    const made = await makeVgg({ ...style, tensors });
    const { stream, pulled } = countedStream(made.bytes);
    const vgg = await Vgg.fromOnnx(stream, options);
    expect(vgg.layers).toEqual(reference.layers);
    expect(pulled()).toBeLessThan(made.bytes.length / 2);
  });

  test('a stream whose graph comes after its tensors', async () => {
    const { stream } = countedStream(tensorsFirst);
    expect((await Vgg.fromOnnx(stream, options)).layers).toEqual(reference.layers);
  });

  test('a stream with Constant nodes, batch norm and tensors listed as inputs', async () => {
    for (const more of [{ constants: true }, { batchNorm: true }, { listsInitializers: true }]) {
      const made = await makeVgg({ ...style, ...more });
      const whole = await Vgg.fromOnnx(made.bytes, options);
      const { stream } = countedStream(made.bytes);
      expect((await Vgg.fromOnnx(stream, options)).layers).toEqual(whole.layers);
    }
  });

  test('a classifier written as convolutions is not kept of a stream, in either order', async () => {
    // 7x7 and 1x1 kernels, as VGGs that were made to take larger pictures have them.
    const { nodes, tensors } = convolutionalHead();
    for (const turn of [(model: Uint8Array) => model, reorderGraph]) {
      const { stream } = countedStream(turn(await encodeModel({ nodes, initializers: tensors })));
      const opened = await openSource(stream, { where: 'test', code: 'bad-model' });
      const { constants } = await readOnnx(opened, { where: 'test' });
      expect((await constants.get('w')!.load!()).rawData).toHaveLength(4 * 100 * 100 * 9);
      for (const name of ['fc6', 'fc7']) {
        await expect(constants.get(name)!.load!()).rejects.toThrow(/came before anything said/);
      }
    }
  });

  test("a stream of Node's", async () => {
    const stream = createReadStream(path.join(folder, 'net.onnx'), { highWaterMark: 999 });
    const vgg = await Vgg.fromOnnx(stream, options);
    expect(vgg.layers).toEqual(reference.layers);
    expect(stream.destroyed).toBe(true);
  });

  test('load tells the kinds apart and reads no more', async () => {
    const { stream, pulled } = countedStream(bytes);
    expect((await Vgg.load(stream, options)).layers).toEqual(reference.layers);
    expectFrugal(pulled());
    const stored = await reference.toSafetensors({ dtype: 'f32' });
    expect((await Vgg.load(countedStream(stored).stream)).layers).toEqual(reference.layers);
  });

  test('the hash of the weights does not depend on the file', async () => {
    const { stream } = countedStream(bytes);
    const vgg = await Vgg.fromOnnx(stream, options);
    const again = await Vgg.fromSafetensors(await vgg.toSafetensors({ dtype: 'f32' }));
    expect(vgg.report.sha256).toBe(weightsSha256(again.layers));
  });
});

describe('servers', () => {
  let server: TestServer;
  afterAll(() => server.close());
  beforeAll(async () => {
    let flaky = 0;
    server = await startServer((request, response, send) => {
      const url = request.url ?? '';
      if (url === '/ranges') sendRange(bytes, request, response, send);
      else if (url === '/moved') response.writeHead(302, { location: '/ranges' }).end();
      else if (url === '/plain') {
        response.writeHead(200, { 'content-length': bytes.length });
        // As slowly as a reader takes it.
        let at = 0;
        const more = (): void => {
          if (response.destroyed || at >= bytes.length) return void response.end();
          send(bytes.subarray(at, (at += 50_000)));
          setTimeout(more, 2);
        };
        more();
      } else if (url === '/refuses' && request.headers.range) response.writeHead(416).end();
      else if (url === '/refuses') sendRange(bytes, request, response);
      else if (url === '/flaky') {
        if (flaky++ % 3 === 1) response.writeHead(503).end();
        else if (flaky % 3 === 0) {
          // Promises a part and hangs up in the middle of it.
          const [, from, to] = /(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
          const range = `bytes ${from}-${to}/${bytes.length}`;
          response.writeHead(206, { 'content-length': 9000, 'content-range': range });
          response.write(bytes.subarray(0, 10), () => response.destroy());
        } else sendRange(bytes, request, response);
      } else if (url === '/changes') {
        const isFirst = request.headers.range?.startsWith('bytes=0-');
        sendRange(isFirst ? bytes : bytes.slice(0, -1), request, response);
      } else if (url === '/whole-as-part') {
        request.headers.range = 'bytes=5-99';
        sendRange(bytes, request, response);
      } else response.writeHead(500).end();
    });
  });

  test.each(['/ranges', '/moved'])('%s: only parts are asked for', async (url) => {
    const before = server.sent();
    const vgg = await Vgg.fromOnnx(server.address + url, options);
    expect(vgg.layers).toEqual(reference.layers);
    expectFrugal(server.sent() - before);
    expect(vgg.report.bytesRead).toBe(server.sent() - before);
    expect(vgg.report.bytesTotal).toBe(bytes.length);
  });

  test('a server without ranges: the body is left when the weights have come', async () => {
    const before = server.sent();
    const vgg = await Vgg.fromOnnx(`${server.address}/plain`, options);
    expect(vgg.layers).toEqual(reference.layers);
    expect(server.sent() - before).toBeLessThan(bytes.length / 2);
    expect(vgg.report.bytesTotal).toBe(bytes.length);
  });

  test('a server that refuses ranges with 416', async () => {
    const vgg = await Vgg.fromOnnx(`${server.address}/refuses`, options);
    expect(vgg.layers).toEqual(reference.layers);
  });

  test('status 503 and broken connections between are tried again', async () => {
    const vgg = await Vgg.fromOnnx(`${server.address}/flaky`, options);
    expect(vgg.layers).toEqual(reference.layers);
  });

  test.each([
    ['/changes', /another file than at the beginning/],
    ['/broken', /got status 500/],
  ])('%s is an error', async (url, message) => {
    const loading = Vgg.fromOnnx(server.address + url, options);
    await expect(loading).rejects.toMatchObject({ code: 'network' });
    await expect(loading).rejects.toThrow(message);
  });
});
