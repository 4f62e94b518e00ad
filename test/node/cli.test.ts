// The program as users start it: bundled the way the build does it, in a process of its own.
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePng } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { buildProgram, stopWith, type Program } from './program.ts';

let program: Program;
let folder: string;
beforeAll(async () => {
  program = await buildProgram();
  folder = program.folder;
});
afterAll(() => program.remove());

const cli: Program['cli'] = (words, watch) => program.cli(words, watch);

const small = ['a.png', 'b.png', '--size', '48', '--scales', 'off'];

describe('exit status', () => {
  test('0 for help and version', async () => {
    expect(await cli(['--help'])).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringContaining('Examples'),
    });
    expect(await cli(['--version'])).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringMatching(/^\d/),
    });
  });

  test.each<readonly [number, string, RegExp]>([
    [2, '', /got no pictures/],
    [2, 'a.png b.png -o out.png --itertions 5', /Did you mean --iterations/],
    [2, 'a.png b.png -o out.png --mask m.png --mask n.png', /--mask: got 2 masks for 1 style/],
    [1, 'a.png b.png -o out.png --mask none.png', /--mask: no such file: got "none\.png"/],
    [2, 'plan a.png', /style: got only "a\.png"/],
    [2, 'sweep a.png b.png -o grid.png', /--vary: got 0 axes/],
    [2, 'a.png b.png -o out.png --size -1', /--size: got "-1"/],
    [2, 'a.png b.png -o out.png --recipe none', /there is no recipe "none"/],
    [2, 'a.png b.png -o out.png --optimizer none', /none/],
    [1, 'none.png b.png -o out.png', /content: no such file: got "none\.png"/],
    [1, 'text.png b.png -o out.png', /content: .*need PNG/],
    [1, 'cut.png b.png -o out.png', /content: a corrupt PNG/],
    [
      1,
      'a.png b.png -o none/out.png',
      /-o: cannot write "none\/out\.png": the folder does not exist/,
    ],
    [1, 'a.png b.png -o a.png/out.png', /-o: cannot write/],
  ])('%i: wgpu-style %s', async (status, line, message) => {
    await writeFile(path.join(folder, 'text.png'), 'no picture at all');
    await writeFile(
      path.join(folder, 'cut.png'),
      (await readFile(path.join(folder, 'a.png'))).subarray(0, 100),
    );
    const ended = await cli(line.split(' ').filter((word) => word !== ''));
    const complaints = ended.err.split('\n').filter((text) => text.startsWith('wgpu-style: '));
    expect(ended.status).toBe(status);
    expect(ended.out).toBe('');
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(message);
    expect(await readdir(folder)).not.toContain('out.png');
  });
});

test('info prints adapter, limits and features, as text and as JSON', async () => {
  const text = await cli(['info']);
  expect(text.status).toBe(0);
  expect(text.out).toMatch(/Adapter\n {2}vendor .*[^]*maxBufferSize .*(MiB|GiB)[^]*Features\n/);
  const json = JSON.parse((await cli(['info', '--json'])).out) as Record<string, unknown>;
  expect(json).toMatchObject({
    adapter: { description: expect.any(String) },
    limits: { maxBufferSize: expect.any(Number) },
  });
  const { flopsPerSecond, bytesPerSecond } = json['peak'] as Record<string, number>;
  // From a slow software adapter to more than any device of our time has.
  expect(flopsPerSecond).toBeGreaterThan(1e8);
  expect(flopsPerSecond).toBeLessThan(1e16);
  expect(bytesPerSecond).toBeGreaterThan(1e7);
  expect(text.out).toMatch(/arithmetic \(convolution, measured\) +[\d.e+]+ GFLOP\/s\n/);
});

test('a whole run writes the picture and prints the object of the contract', async () => {
  const words = [
    ...small,
    '-o',
    'out.png',
    '--iterations',
    '3',
    '--seed',
    '5',
    '--recipe',
    'gatys',
    '--json',
  ];
  const { status, out } = await cli(words);
  expect(status).toBe(0);
  const report = JSON.parse(out) as Record<string, unknown>;
  expect(Object.keys(report)).toEqual([
    ...['output', 'width', 'height', 'iterations', 'losses', 'millisecondsPerIteration'],
    ...['adapter', 'peakBytes', 'seed', 'recipe', 'network', 'options'],
  ]);
  expect(report).toMatchObject({
    output: 'out.png',
    width: 48,
    height: 32,
    iterations: 3,
    seed: 5,
    recipe: 'gatys',
  });
  const { total, content, style, tv } = report['losses'] as Record<string, number>;
  expect(Math.abs(total! - content! - style! - tv!)).toBeLessThan(1e-3 * total!);
  const file = await readFile(path.join(folder, 'out.png'));
  expect(await decodePng(file)).toMatchObject({ width: 48, height: 32 });
  expect(JSON.parse(readPngText(file)['wgpu-style']!)).toMatchObject({ recipe: 'gatys', seed: 5 });
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test.skipIf(process.platform === 'win32')(
  'Ctrl+C saves the picture so far and ends with 130',
  async () => {
    await mkdir(path.join(folder, 'stopped'), { recursive: true });
    const words = [...small, '-o', 'stopped/out.png', '--iterations', '100000', '--json'];
    const { status, out } = await cli(words, stopWith('SIGINT'));
    expect(status).toBe(130);
    const { iterations } = JSON.parse(out) as { iterations: number };
    expect(iterations).toBeGreaterThan(0);
    expect(iterations).toBeLessThan(100_000);
    expect((await stat(path.join(folder, 'stopped/out.png'))).size).toBeGreaterThan(0);
  },
);
