// Models whose tensors lie in another file.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host } from '../../src/gpu/host.ts';
import { openPath } from '../../src/node/files.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { pytorch, type Graph } from './exported-graph.ts';

describe('external data', () => {
  let folder: string;
  const { openFile } = host;
  beforeAll(() => {
    host.openFile = openPath;
    folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-external-'));
  });
  afterAll(() => {
    if (openFile) host.openFile = openFile;
    else delete host.openFile;
    rmSync(folder, { recursive: true });
  });

  /** The model with every tensor in one other file. */
  async function split(
    location: string,
  ): Promise<{ model: Uint8Array<ArrayBuffer>; data: Uint8Array<ArrayBuffer>; graph: Graph }> {
    const graph = pytorch(30);
    let offset = 0;
    const parts: Uint8Array[] = [];
    const initializers = graph.initializers.map(({ rawData, ...tensor }) => {
      const entry = { location, offset: String(offset), length: String(rawData!.length) };
      parts.push(rawData!);
      offset += rawData!.length;
      const externalData = Object.entries(entry).map(([key, value]) => ({ key, value }));
      return { ...tensor, dataLocation: 1, externalData };
    });
    return {
      model: await graph.encode({ initializers }),
      data: new Uint8Array(Buffer.concat(parts)),
      graph,
    };
  }

  test('beside a path, and handed over', async () => {
    const { model, data, graph } = await split('net.onnx.data');
    writeFileSync(path.join(folder, 'net.onnx'), model);
    writeFileSync(path.join(folder, 'net.onnx.data'), data);
    const reference = await Vgg.fromOnnx(await graph.encode());
    expect((await Vgg.fromOnnx(path.join(folder, 'net.onnx'))).layers).toEqual(reference.layers);
    const handed = await Vgg.fromOnnx(model, {
      externalData: { 'net.onnx.data': new Blob([data]) },
    });
    expect(handed.layers).toEqual(reference.layers);
    writeFileSync(path.join(folder, 'net.onnx.data'), data.subarray(0, 500));
    await expect(Vgg.fromOnnx(path.join(folder, 'net.onnx'))).rejects.toMatchObject({
      code: 'bad-model',
    });
    await expect(Vgg.fromOnnx(model)).rejects.toThrow(
      /another file \(external data\): 'net.onnx.data'/,
    );
  });

  test.each(['../secret', '/etc/passwd', 'C:\\secret', 'http://example.org/x', ''])(
    'the name %j leads nowhere',
    async (location) => {
      writeFileSync(path.join(folder, 'odd.onnx'), (await split(location)).model);
      const refused = Vgg.fromOnnx(path.join(folder, 'odd.onnx'));
      await expect(refused).rejects.toThrow(/keeps its numbers in another file/);
    },
  );
});
