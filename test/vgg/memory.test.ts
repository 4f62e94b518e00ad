// Memory of an import: a file of the size and shape of the published VGG-19 (574 MB, most of it the
// classifier), its numbers a hole on the disk, imported up to relu5_1 in a process of its own.

import { execFile } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shaders } from '../../scripts/shaders.mjs';
import { encodeModel, intTensor, node } from './make-onnx.ts';
import { startServer, type TestServer } from './sources.ts';

const root = path.resolve(import.meta.dirname, '..', '..');
const built = path.join(root, 'out', `test-memory-${process.pid}`);
const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-memory-'));
/** Of all kinds; the most that was seen is 95 MB in Node 20, of a stream whose tensors come first. */
const limit = 120e6;

/** Loads a network in a fresh process and says by how much its memory peaked over its start. */
const probe = `
import { createReadStream, openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import { Vgg } from './node.js';
const [file, kind] = process.argv.slice(2);
const sources = {
  path: () => file,
  address: () => file,
  blob: () => openAsBlob(file),
  stream: () => Readable.toWeb(createReadStream(file)),
  response: () => fetch(file.replace('/parts/', '/whole/')),
};
await Vgg.fromOnnx(new Uint8Array(0)).catch(() => undefined); // loads onnx-proto
const before = process.resourceUsage().maxRSS * 1024;
const vgg = await Vgg.fromOnnx(await sources[kind](), { upTo: 'relu5_1', preprocessing: 'rgb-mean-std' });
const peak = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ peak, ...vgg.report }));
`;

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A field of bytes; `hole` further bytes are only counted. */
function field(number: number, bytes: readonly number[], hole: number = 0): number[] {
  return [...varint(number * 8 + 2), ...varint(bytes.length + hole), ...bytes];
}

/** VGG-19 as PyTorch writes it; graph first, or tensors first. */
async function writeVgg19(file: string, isGraphFirst: boolean): Promise<void> {
  const nodes = [];
  const tensors: { readonly head: number[]; readonly hole: number }[] = [];
  const tensor = (name: string, dims: readonly number[]): string => {
    const hole = dims.reduce((product, side) => product * side, 4);
    const text = [...new TextEncoder().encode(name)];
    const shape = dims.flatMap((side) => [...varint(8), ...varint(side)]);
    const raw = [...varint(9 * 8 + 2), ...varint(hole)];
    tensors.push({ head: field(5, [...shape, 16, 1, ...field(8, text), ...raw], hole), hole });
    return name;
  };
  let last = 'input';
  let cin = 3;
  let n = 0;
  const widths = [
    64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0,
  ];
  for (const cout of widths) {
    const add = (
      op: string,
      more: readonly string[],
      attributes: Parameters<typeof node>[3],
    ): void => {
      nodes.push(node(op, [last, ...more], [`x${n}`], attributes));
      last = `x${n++}`;
    };
    if (cout === 0) {
      add('MaxPool', [], { kernel_shape: [2, 2], strides: [2, 2] });
      continue;
    }
    const inputs = [
      tensor(`features.${n}.weight`, [cout, cin, 3, 3]),
      tensor(`features.${n}.bias`, [cout]),
    ];
    add('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    add('Relu', [], {});
    cin = cout;
  }
  nodes.push(node('Flatten', [last], ['flat']));
  last = 'flat';
  for (const [i, [rows, columns]] of [
    [4096, 25088],
    [4096, 4096],
    [1000, 4096],
  ].entries()) {
    const inputs = [
      tensor(`classifier.${i}.weight`, [rows!, columns!]),
      tensor(`classifier.${i}.bias`, [rows!]),
    ];
    nodes.push(node('Gemm', [last, ...inputs], [`y${i}`], { transB: 1 }));
    last = `y${i}`;
  }
  // The graph without tensors, as its own encoder writes it: the model's last field.
  const model = await encodeModel({ nodes, initializers: [intTensor('unused', [1])] });
  const start = model.findIndex(
    (byte, i) => byte === 7 * 8 + 2 && i > 3 && model.length - i > 1000,
  );
  let body = start + 1;
  while (model[body++]! >= 128);
  const graphEnd = body + Number(lengthAt(model, start + 1));
  const graph = [...model.subarray(body, graphEnd)];
  const size = tensors.reduce((sum, { head, hole }) => sum + head.length + hole, graph.length);
  const output = openSync(file, 'w');
  let at = 0;
  const write = (bytes: readonly number[], hole = 0): void => {
    writeSync(output, Uint8Array.from(bytes), 0, bytes.length, at);
    at += bytes.length + hole;
  };
  write([...model.subarray(0, start), ...varint(7 * 8 + 2), ...varint(size)]);
  if (isGraphFirst) write(graph);
  for (const { head, hole } of tensors) write(head, hole);
  if (!isGraphFirst) write(graph);
  write([...model.subarray(graphEnd)]);
  ftruncateSync(output, at);
  closeSync(output);
}

function lengthAt(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = BigInt(bytes[at++]!);
    value |= (byte & 127n) << shift;
    if (byte < 128n) return value;
  }
}

/** Serves the files: in parts, as RFC 9110 says, or whole, as slowly as they are taken. */
async function serve(): Promise<TestServer> {
  return startServer((request, response) => {
    const place = path.join(folder, path.basename(request.url!));
    if (request.url!.startsWith('/whole/')) {
      response.writeHead(200, { 'content-length': statSync(place).size });
      return void createReadStream(place).pipe(response);
    }
    const file = openSync(place, 'r');
    const size = fstatSync(file).size;
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!;
    const part = new Uint8Array(Math.min(size, Number(to) + 1) - Number(from));
    readSync(file, part, 0, part.length, Number(from));
    closeSync(file);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${size}`;
    response.writeHead(206, { 'content-length': part.length, 'content-range': range }).end(part);
  });
}

let server: TestServer;
beforeAll(async () => {
  server = await serve();
  await build({
    entryPoints: { node: path.join(root, 'src/node/index.ts') },
    outdir: built,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    packages: 'external',
    loader: { '.safetensors': 'binary' },
    plugins: [shaders],
    logLevel: 'error',
  });
  writeFileSync(path.join(built, 'probe.mjs'), probe);
  await writeVgg19(path.join(folder, 'graph-first.onnx'), true);
  await writeVgg19(path.join(folder, 'tensors-first.onnx'), false);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
  rmSync(built, { recursive: true, force: true });
});

describe('peak memory of a VGG-19 file of 575 MB up to relu5_1', () => {
  test.each([
    ['path', 'graph-first.onnx'],
    ['path', 'tensors-first.onnx'],
    ['blob', 'graph-first.onnx'],
    ['blob', 'tensors-first.onnx'],
    ['address', 'graph-first.onnx'],
    ['address', 'tensors-first.onnx'],
    ['stream', 'graph-first.onnx'],
    ['stream', 'tensors-first.onnx'],
    ['response', 'graph-first.onnx'],
  ] as const)('%s, %s', async (kind, name) => {
    const file = path.join(folder, name);
    expect(statSync(file).size).toBeGreaterThan(574e6);
    const words = [path.join(built, 'probe.mjs'), file, kind];
    const isServed = kind === 'address' || kind === 'response';
    if (isServed) words[1] = `${server.address}/parts/${name}`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words);
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as { peak: number; bytesRead: number; topology: string };
    expect(found.topology).toBe('VGG-19 to relu5_1');
    expect(found.bytesRead).toBeGreaterThan(51.7e6);
    const goesBy = kind === 'stream' && name === 'tensors-first.onnx';
    expect(found.bytesRead).toBeLessThan(goesBy ? 575e6 : 56e6);
    expect(found.peak).toBeLessThan(limit);
  });
});
