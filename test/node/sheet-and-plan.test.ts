// What sweep, plan and info do when not all goes well, in this process: on a stand-in for the library, and on the device of
// the tests where numbers are asked. As programs of their own they are in cli.test.ts and cli-work.test.ts.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { decodePng } from '../../src/image/png.ts';
import { loadImage } from '../../src/image/index.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { deviceInfo, infoText } from '../../src/node/info.ts';
import { measurePeak } from '../../src/node/peak.ts';
import { planText } from '../../src/node/plan-command.ts';
import type { StyleTransferOptions } from '../../src/style/options.ts';
import type { StyledPicture } from '../../src/style/picture.ts';
import { plan } from '../../src/style/plan.ts';
import { freshDevice, testDevice } from '../device.ts';
import { makePng } from '../image/make-png.ts';
import { desk, tenSteps, type Desk } from './stand-in.ts';

let folder: string;
let output: string;
let run: Desk['run'];
beforeEach(async () => {
  ({ folder, output, run } = await desk());
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a sweep', () => {
  /** Stands for a device: the stand-in of the library asks nothing of it. */
  const requested: { destroyed: boolean }[] = [];
  const requestDevice = (): Promise<GPUDevice> => {
    const device = { destroyed: false, destroy: () => void (device.destroyed = true) };
    requested.push(device);
    return Promise.resolve(device as unknown as GPUDevice);
  };
  afterEach(() => {
    expect(requested.every(({ destroyed }) => destroyed)).toBe(true);
    requested.length = 0;
  });
  const words = (...more: string[]): string[] => ['sweep', 'a.png', 'b.png', '--vary', 'styleWeight=1,2,4', '-o', output, ...more];
  const failing = (weights: readonly number[], error: () => Error) => (options: StyleTransferOptions): Promise<StyledPicture> =>
    weights.includes(options.styleWeight!) ? Promise.reject(error()) : tenSteps(options);
  const overflow = (): Error => new WgpuStyleError('non-finite', { what: 'the loss is Infinity', where: 'step', fix: 'Less' });

  test('goes on after a cell that fails, leaves its place empty and names the reason', async () => {
    const { status, out, err } = await run(words('--json'), { library: failing([2], overflow), requestDevice });
    expect(status).toBe(1);
    const { cells, width, height } = JSON.parse(out) as { cells: Record<string, unknown>[]; width: number; height: number };
    expect(cells.map(({ values, failed }) => [values, typeof failed])).toEqual([
      [{ styleWeight: '1' }, 'undefined'],
      [{ styleWeight: '2' }, 'string'],
      [{ styleWeight: '4' }, 'undefined'],
    ]);
    expect(err).toContain('2 of 3: styleWeight 2');
    expect(err).toMatch(/1 of 3 cells failed: .*the loss is Infinity/);
    const sheet = await decodePng(await readFile(output));
    expect([sheet.width, sheet.height]).toEqual([width, height]);
    // A stand-in's picture has one red pixel: two of three cells have it.
    let red = 0;
    for (let i = 0; i < sheet.data.length; i += 4) red += sheet.data[i] === 1 && sheet.data[i + 1] === 0 && sheet.data[i + 2] === 0 ? 1 : 0;
    expect(red).toBe(2);
  });

  test('of which every cell fails ends with the reason of the first and leaves no file', async () => {
    const { status, out, err } = await run(words(), { library: failing([1, 2, 4], overflow), requestDevice });
    expect(status).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(/no cell could be painted: .*the loss is Infinity/);
    expect(await readdir(folder)).not.toContain('out.png');
  });

  test("ends at once with everyone's trouble", async () => {
    const wrong = (): Error => new WgpuStyleError('no-adapter', { what: 'no adapter', where: 'requestDevice', fix: 'Get one' });
    const { status, err } = await run(words(), { library: failing([2], wrong), requestDevice });
    expect(status).toBe(1);
    expect(err).not.toContain('3 of 3');
    expect(await readdir(folder)).not.toContain('out.png');
  });

  test('that is interrupted writes what it has, names all that was asked for, and ends with 130', async () => {
    const controller = new AbortController();
    const library = (options: StyleTransferOptions): Promise<StyledPicture> => {
      if (options.styleWeight === 2) controller.abort();
      if (controller.signal.aborted) return Promise.reject(new WgpuStyleError('aborted', { what: 'aborted', where: 'x', fix: '-' }));
      return tenSteps(options);
    };
    const more = ['--vary', 'seed=3,5', '--json'];
    const { status, out } = await run(words(...more), { library, signal: controller.signal, requestDevice });
    expect(status).toBe(130);
    expect((JSON.parse(out) as { cells: unknown[] }).cells).toMatchObject([{ values: { styleWeight: '1', seed: '3' }, iterations: 10 }]);
    const settings = JSON.parse(readPngText(await readFile(output))['wgpu-style']!) as Record<string, unknown>;
    expect(settings['vary']).toEqual([
      { name: 'styleWeight', values: ['1', '2', '4'] },
      { name: 'seed', values: ['3', '5'] },
    ]);
  });

  test('says in a line what it wrote; --quiet says nothing', async () => {
    const { out } = await run(words(), { library: tenSteps, requestDevice });
    expect(out).toMatch(/^.*out\.png: \d+x\d+, 3 cells\n$/);
    expect(await run(words('--quiet'), { library: tenSteps, requestDevice })).toMatchObject({ status: 0, out: '', err: '' });
  });

  test('refuses formats and places before anything is painted', async () => {
    const [gif, none] = ['out.gif', 'none/out.png'].map((name) => path.join(folder, name));
    const library = (): Promise<StyledPicture> => Promise.reject(new Error('was called'));
    for (const [place, status] of [[gif!, 2], [none!, 1]] as const) {
      const ended = await run(['sweep', 'a.png', 'b.png', '--vary', 'seed=1,2', '-o', place], { library, requestDevice });
      expect(ended.status).toBe(status);
      expect(ended.err).not.toContain('was called');
    }
  });
});

describe('a plan', () => {
  const scalesOf = '24,48';

  beforeEach(async () => {
    const sample = (x: number, y: number, c: number): number => (8 * (x + 2 * y) + 60 * c) % 256;
    const png = makePng({ width: 48, height: 32, depth: 8, colourType: 2, sample });
    for (const name of ['a.png', 'b.png']) await writeFile(path.join(folder, name), png);
  });

  test('is that of the library, as JSON and as a table; the device is given back', async () => {
    const before = memoryUse(await testDevice()).bytes;
    let device: GPUDevice | undefined;
    const requestDevice = async (): Promise<GPUDevice> => (device = await freshDevice());
    const words = ['plan', 'a.png', 'b.png', '--size', '48', '--scales', scalesOf, '--iterations', '8'];
    const json = await run([...words, '--json'], { requestDevice });
    expect(json.status).toBe(0);
    const report = JSON.parse(json.out) as Parameters<typeof planText>[0];
    const [content, style] = await Promise.all(['a.png', 'b.png'].map((name) => loadImage(path.join(folder, name))));
    const options = { content: content!, style: style!, size: 48, scales: [24, 48], iterations: 8, device: await testDevice() };
    const planned = await plan(options);
    expect(report).toMatchObject({ width: 48, height: 32, iterations: 8, flops: planned.flops, peakBytes: planned.peakBytes });
    expect(report.scales.map(({ dispatches, flops, bytesMoved }) => ({ dispatches, flops, bytesMoved }))).toEqual(
      planned.scales.map(({ dispatches, flops, bytesMoved }) => ({ dispatches, flops, bytesMoved })),
    );
    for (const [i, { bytes }] of report.scales.entries()) {
      const { residentBytes, bytes: purposes } = planned.scales[i]!;
      expect(bytes.activations + bytes.optimizer + bytes.weightsAndTargets).toBe(residentBytes);
      expect(bytes.optimizer).toBe(purposes.optimizer);
    }
    expect((await device!.lost).reason).toBe('destroyed');
    const text = planText(report);
    expect(text).toMatch(/^ *size +iterations .*\n *24x16 +5 .*\n *48x32 +3 .*\n\n48x32 in 8 iterations: /);
    expect(text).toContain('about');
    expect(memoryUse(await testDevice()).bytes).toBe(before);
  });

  test('tells of tiles, shorter history and halves where the limit makes them', () => {
    const bytes = { activations: 2 ** 20, optimizer: 2 ** 20, weightsAndTargets: 2 ** 20, peak: 2 ** 22 };
    const tiles = { rows: 1, columns: 2, count: 2, width: 40, height: 32, haloPixels: 512 };
    const work = { iterations: 8, dispatches: 90, flops: 1.5e9, bytesMoved: 1e6, bytes, millisecondsPerIteration: 12.34 };
    const text = planText({
      ...{ width: 48, height: 32, iterations: 8, flops: 1.2e10, peakBytes: 2 ** 22, seconds: 90, isSoftware: true },
      adapter: { vendor: 'test', architecture: 'none', description: 'stand-in' },
      scales: [{ ...work, width: 48, height: 32, tiles, history: 3, storage: 'f16', isMeasured: false }],
    });
    expect(text.split('\n').slice(1)).toEqual([
      '48x32           8          90  1.5 G      1.0 MiB    1.0 MiB           1.0 MiB  4.0 MiB         ~12.3',
      '',
      '48x32 in 2 tiles (2x1) of up to 40x32 pixels: 33 % of the pixels are computed again for a neighbour',
      '48x32: activations in 16 bits (storage f16)',
      '48x32: L-BFGS keeps 3 pairs, as many as the memory limit allows',
      '48x32 in 8 iterations: 12 GFLOP, at most 4.0 MiB of buffers, about 1 min 30 s on this software adapter',
      '',
    ]);
  });
});

test('info tells of the adapter, what it allows and how fast it was measured to be', async () => {
  const device = await testDevice();
  const before = memoryUse(device).bytes;
  const peak = await measurePeak(device);
  expect(memoryUse(device).bytes).toBe(before);
  // From a slow software adapter to more than any device of our time has.
  for (const value of [peak.flopsPerSecond, peak.bytesPerSecond]) {
    expect(value).toBeGreaterThan(1e7);
    expect(value).toBeLessThan(1e16);
  }
  const found = deviceInfo(device, peak);
  expect(found.limits['maxBufferSize']).toBe(device.limits.maxBufferSize);
  expect(found.features).toEqual([...device.features].sort());
  const { tuning: _, ...untuned } = found;
  const text = infoText(untuned);
  expect(text).toContain(`  ${'maxComputeInvocationsPerWorkgroup'.padEnd(36)}${device.limits.maxComputeInvocationsPerWorkgroup}\n`);
  expect(text).toContain('chosen by rule');
  expect(infoText({ ...untuned, tuning: { wide: 'patch' } })).toContain(`  ${'wide'.padEnd(36)}patch\n`);
});
