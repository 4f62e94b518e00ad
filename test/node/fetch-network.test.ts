// The command fetch, and what its downloads are compared with: on a server that behaves and misbehaves.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { fetchNetwork } from '../../src/node/fetch-network.ts';
import { cacheFolder, cachedFile } from '../../src/node/known-networks.ts';
import type { WeightsReport } from '../../src/node/weights-commands.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { weightHashes, weightsSha256 } from '../../src/vgg/trust.ts';
import { entry } from './small-manifest.ts';
import { leftovers, run, smallNetwork } from './small-network.ts';

vi.mock('../../src/node/known-networks.ts', async (original) =>
  (await import('./small-manifest.ts')).withSmallNetwork(original),
);
const setting = smallNetwork();

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
    expect(report.bytesRead).toBeLessThan(setting.bytes.length / 2);
    expect(report.metadata).toMatchObject({ licence: 'CC0-1.0', name: 'A small VGG' });
    expect(report.output).toBe(cachedFile(entry, 'relu2_1', 'f16'));
    expect(readdirSync(cacheFolder())).toEqual([path.basename(report.output)]);
    expect(path.basename(report.output)).toMatch(/^vgg19-relu2_1-f16-[0-9a-f]{8}\.safetensors$/);
    const requests = setting.server.requests.length;
    const again = await run('fetch', 'vgg19', '--up-to', 'relu2_1', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ isNew: false, preprocessing: 'bgr-255' });
    expect(setting.server.requests.length).toBe(requests);
  });

  test('a redirect, servers without ranges, and a second mirror after a 404 or 500', async () => {
    for (const urls of [['/moved'], ['/plain'], ['/refuses'], ['/gone', '/net'], ['/trouble', '/net']]) {
      entry.urls = urls.map((url) => setting.server.address + url);
      const { vgg } = await fetchNetwork('vgg19', { upTo: 'relu2_1', again: true });
      expect(vgg.layers).toEqual((await Vgg.fromOnnx(setting.bytes, { upTo: 'relu2_1' })).layers);
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
    Object.assign(entry, { urls: [setting.server.address + url], bytes: null });
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
    expect(report.bytesRead).toBe(setting.bytes.length);
    entry.sha256Published = '0'.repeat(64);
    const wrong = await run('fetch', 'vgg19', '--verify', '--again');
    expect(wrong.status).toBe(1);
    expect(wrong.err).toMatch(/file of sha256 [0-9a-f]{64}, need 0{64}/);
  });

  test('the hash of the weights is checked where it is known', async () => {
    const vgg = await Vgg.fromOnnx(setting.bytes, { upTo: 'relu2_1' });
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
    entry.urls = [`${setting.server.address}/tampered`];
    const tampered = fetchNetwork('vgg19', { again: true });
    await expect(tampered).rejects.toMatchObject({ code: 'bad-model' });
    await expect(tampered).rejects.toThrow(/weights of sha256 [0-9a-f]{64}, need [0-9a-f]{64}/);
    const whole = fetchNetwork('vgg19', { again: true, verify: true });
    await expect(whole).rejects.toThrow(/file of sha256 [0-9a-f]{64}, need [0-9a-f]{64}/);
    // What was kept of the wrong file is gone.
    expect(leftovers()).toEqual(['verified.json']);
  });

  test('a known file that was imported does the same', async () => {
    const file = path.join(setting.folder, 'known.onnx');
    writeFileSync(file, setting.bytes);
    const output = path.join(setting.folder, 'known.safetensors');
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
    const vgg = await Vgg.fromOnnx(setting.bytes);
    const hashes = weightHashes(vgg.layers);
    expect(Object.keys(hashes)).toEqual(
      vgg.layers.flatMap(({ kind, name }) => (kind === 'conv' ? [name] : [])),
    );
    for (const [name, hash] of Object.entries(hashes)) {
      const cut = await Vgg.fromOnnx(setting.bytes, { upTo: name });
      expect(weightsSha256(cut.layers)).toBe(hash);
    }
  });
});
