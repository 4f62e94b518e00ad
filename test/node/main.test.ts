// The command line around a stand-in for the library: what is read, passed on, written, printed and returned.
// The real thing, as a program of its own, is cli.test.ts.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { badOption, WgpuStyleError } from '../../src/gpu/errors.ts';
import { decodePng } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { readSettings } from '../../src/node/settings.ts';
import { numberedOutput } from '../../src/node/records.ts';
import type { StyleTransferOptions } from '../../src/style/options.ts';
import type { StyledPicture } from '../../src/style/picture.ts';
import { Vgg } from '../../src/vgg/index.ts';
import { adapter, desk, networkBytes, tenSteps, type Desk } from './stand-in.ts';

let folder: string;
let output: string;
let run: Desk['run'];
let pair: Desk['pair'];
beforeEach(async () => {
  ({ folder, output, run, pair } = await desk());
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a run that succeeds', () => {
  test('writes the picture with its settings inside, says where, and shows progress on stderr', async () => {
    const { status, out, err } = await run(pair('--seed', '7', '--style-weight', '2'));
    expect(status).toBe(0);
    expect(out).toMatch(/^.*out\.png: 2x1, 10 iterations in \d+ s\n$/);
    expect(err.split('\n').filter((line) => line !== '')).toHaveLength(10);
    const file = await readFile(output);
    expect(Array.from((await decodePng(file)).data.subarray(0, 4))).toEqual([1, 0, 0, 1]);
    const text = readPngText(file);
    expect(JSON.parse(text['wgpu-style']!)).toMatchObject({
      content: 'a.png',
      style: [{ image: 'b.png', weight: 1 }],
      styleWeight: 2,
      seed: 7,
      recipe: 'default',
      iterations: 10,
    });
    expect(text['wgpu-style']).not.toContain(folder);
  });

  test('hands on masks, and tells of them in the picture', async () => {
    const words = pair('--mask', path.join(folder, 'b.png#ff0000'), '--update-mask', path.join(folder, 'a.png#invert'), '--seamless');
    const { options } = await run(words);
    const image = expect.objectContaining({ width: 3, height: 2 });
    expect(options).toMatchObject({
      style: [{ mask: { image, color: '#ff0000' } }],
      updateMask: { image, invert: true },
      seamless: true,
    });
    const text = readPngText(await readFile(output));
    expect(JSON.parse(text['wgpu-style']!)).toMatchObject({
      style: [{ image: 'b.png', weight: 1, mask: 'b.png#ff0000' }],
      updateMask: 'a.png#invert',
    });
    const again = await readSettings(output, '--config');
    expect(again).toMatchObject({ styles: [{ mask: 'b.png#ff0000' }], updateMask: 'a.png#invert' });
  });

  test('- is no content: a texture', async () => {
    const { status, options } = await run(['-', 'b.png', '-o', output, '--size', '32x24', '--seamless']);
    expect(status).toBe(0);
    expect(options).toMatchObject({ contentWeight: 0, size: { width: 32, height: 24 }, seamless: true });
    expect(options).not.toHaveProperty('content');
  });

  test('hands on every option, pictures decoded', async () => {
    await writeFile(path.join(folder, 'net.onnx'), await networkBytes());
    const [net, start] = ['net.onnx', 'b.png'].map((name) => path.join(folder, name));
    const { options } = await run([
      ...['a.png', 'b.png', 'a.png', '-o', output, '--style-weights', '2,1', '--size', '64'],
      ...['--iterations', '3', '--network', net!, '--init', start!, '--recipe', 'gatys'],
      ...['--optimizer', 'adam:learningRate=0.1', '--scales', 'off', '--color', 'match'],
      ...['--pooling', 'max', '--content-layers', 'relu2_2', '--style-layers', 'relu1_1'],
      ...['--content-weight', '1', '--tv-weight', '3'],
    ]);
    // Bytes as they were decoded: a run makes floats of them a few rows at a time.
    const loaded = expect.objectContaining({ width: 3, height: 2, data: expect.any(Uint8Array) });
    expect(options).toEqual({
      content: loaded,
      style: [
        { image: loaded, weight: 2 },
        { image: loaded, weight: 1 },
      ],
      size: 64,
      iterations: 3,
      network: expect.any(Vgg),
      init: loaded,
      recipe: 'gatys',
      optimizer: { name: 'adam', learningRate: 0.1 },
      scales: false,
      color: 'match',
      pooling: 'max',
      contentLayers: { relu2_2: 1 },
      styleLayers: { relu1_1: 1 },
      contentWeight: 1,
      tvWeight: 3,
      checkpoint: { save: expect.any(Function) },
      signal: expect.any(AbortSignal),
      onProgress: expect.any(Function),
    });
  });

  test('a network file is reported by its name', async () => {
    const file = path.join(folder, 'net.onnx');
    await writeFile(file, await networkBytes());
    const { out } = await run(pair('--network', file, '--json'));
    expect(JSON.parse(out)).toMatchObject({ network: file });
    const settings = readPngText(await readFile(output))['wgpu-style']!;
    expect(JSON.parse(settings)).toMatchObject({ network: 'net.onnx' });
  });

  test('an assumed preprocessing is said in one line, a given one is taken', async () => {
    const file = path.join(folder, 'net.onnx');
    await writeFile(file, await networkBytes());
    const assumed = await run(pair('--network', file));
    expect(
      assumed.err.match(/Nothing in .*net\.onnx says .* rgb-mean-std was assumed\. Give --pre.*\n/g),
    ).toHaveLength(1);
    const given = await run(pair('--network', file, '--preprocessing', 'bgr-255'));
    expect(given.err).not.toContain('assumed');
    const { network } = given.options!;
    expect(network instanceof Vgg && network.report.preprocessing).toBe('bgr-255');
    const embedded = await run(pair('--preprocessing', 'bgr-255'));
    expect(embedded.err).toMatch(/--preprocessing: preprocessing was given for the embedded network/);
    const wrong = await run(pair('--network', file, '--preprocessing', 'sepia'));
    expect(wrong).toMatchObject({ status: 2, err: expect.stringMatching(/^wgpu-style: --preprocessing: /) });
  });

  test('a network may be an address, a start a word', async () => {
    const url = `data:application/octet-stream;base64,${Buffer.from(await networkBytes()).toString('base64')}`;
    const { options } = await run(pair('--network', url, '--init', 'noise'));
    expect(options).toMatchObject({ network: expect.any(Vgg), init: 'noise' });
  });

  test('--json prints the object of the contract and nothing else on stdout', async () => {
    const { status, out } = await run(pair('--json'));
    expect(status).toBe(0);
    expect(out.endsWith('\n')).toBe(true);
    expect(out.trim()).not.toContain('\n');
    expect(JSON.parse(out)).toEqual({
      output,
      width: 2,
      height: 1,
      iterations: 10,
      losses: { total: 3, content: 1, style: 2, tv: 0 },
      millisecondsPerIteration: 1.5,
      adapter,
      peakBytes: 1024,
      seed: 7,
      recipe: 'default',
      network: 'default',
      options: {
        version: expect.stringMatching(/^\d/),
        content: 'a.png',
        style: [{ image: 'b.png', weight: 1 }],
        recipe: 'default',
        size: 512,
        styleWeight: 2,
        iterations: 10,
        seed: 7,
        network: 'default',
      },
    });
  });

  test('--quiet prints nothing at all', async () => {
    expect(await run(pair('--quiet'))).toMatchObject({ status: 0, out: '', err: '' });
  });

  test('--save-every writes numbered pictures on the way', async () => {
    const { status } = await run(pair('--save-every', '4', '--iterations', '12'));
    expect(status).toBe(0);
    expect((await readdir(folder)).sort()).toEqual([
      'a.png',
      'b.png',
      'out-0004.png',
      'out-0008.png',
      'out.png',
    ]);
    const { data } = await decodePng(await readFile(path.join(folder, 'out-0008.png')));
    expect(data[6]).toBeCloseTo(8 / 255, 6);
  });

  test('numbers sort by name, whatever the total', () => {
    expect(numberedOutput('x/out.jpg', 50, 300)).toBe(path.join('x', 'out-0050.jpg'));
    expect(numberedOutput('out.png', 50, 100000)).toBe('out-000050.png');
  });
});

describe('a run that fails', () => {
  const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

  test.each<readonly [string, readonly string[], RegExp]>([
    [
      'a missing content',
      ['no.png', 'b.png'],
      /^wgpu-style: content: no such file: got "no\.png", need the path of a picture\. Check the path\.$/,
    ],
    ['a missing style', ['a.png', 'no.png'], /^wgpu-style: style: no such file/],
    ['the second of two styles missing', ['a.png', 'b.png', 'no.png'], /^wgpu-style: style 2: no such file/],
    ['a missing start', ['a.png', 'b.png', '--init', 'no.png'], /^wgpu-style: --init: no such file/],
    [
      'a missing network',
      ['a.png', 'b.png', '--network', 'no.onnx'],
      /^wgpu-style: --network: no such file: got 'no\.onnx', need the path of a network file/,
    ],
  ])('%s: status 1 and one line', async (_, words, message) => {
    const { status, out, err, options } = await run([...words, '-o', output]);
    expect(status).toBe(1);
    expect(out).toBe('');
    expect(lines(err)).toHaveLength(1);
    expect(lines(err)[0]).toMatch(message);
    expect(options).toBeUndefined();
    expect(await readdir(folder)).not.toContain('out.png');
  });

  test('an output that cannot be written is told before anything is read or run', async () => {
    await mkdir(path.join(folder, 'dir.png'));
    for (const [file, message] of [
      [
        path.join(folder, 'no', 'out.png'),
        /-o: cannot write ".*": the folder does not exist\. Create it first\./,
      ],
      [path.join(folder, 'a.png', 'out.png'), /-o: cannot write ".*": the folder does not exist/],
      [path.join(folder, 'dir.png'), /-o: cannot write ".*": it is a folder/],
    ] as const) {
      const { status, err, options } = await run(['no.png', 'no.png', '-o', file]);
      expect(status).toBe(1);
      expect(err).toMatch(message);
      expect(lines(err)).toHaveLength(1);
      expect(options).toBeUndefined();
    }
  });

  test('an output of unknown format is wrong usage', async () => {
    const { status, err } = await run(['a.png', 'b.png', '-o', path.join(folder, 'out.gif')]);
    expect(status).toBe(2);
    expect(err).toMatch(/-o: no picture format for ".*out\.gif": got extension "\.gif", need \.png/);
  });

  test('a bad option that the library finds is wrong usage', async () => {
    const library = (): Promise<never> =>
      Promise.reject(badOption('recipe', 'there is no recipe "x"', 'Give one of gatys'));
    expect(await run(pair('--recipe', 'x'), { library })).toMatchObject({
      status: 2,
      out: '',
      err: 'wgpu-style: recipe: there is no recipe "x". Give one of gatys.\n',
    });
  });

  test('a library failure is status 1, in one line even when its message has several', async () => {
    const library = (): Promise<never> =>
      Promise.reject(
        new WgpuStyleError('no-adapter', {
          what: 'no adapter:\n  none',
          where: 'requestDevice',
          fix: 'Install one',
        }),
      );
    const { status, err } = await run(pair(), { library });
    expect(status).toBe(1);
    expect(err).toBe('wgpu-style: requestDevice: no adapter: none. Install one.\n');
  });

  test('a bug of ours is status 1 and says so', async () => {
    const { status, err } = await run(pair(), {
      library: () => Promise.reject(new TypeError('x is undefined')),
    });
    expect(status).toBe(1);
    expect(err).toMatch(/unexpected failure: TypeError: x is undefined/);
  });

  test('a wrong flag is status 2, on stderr, and runs nothing', async () => {
    const { status, out, err, options } = await run(pair('--itertions', '5'));
    expect({ status, out, err, options }).toEqual({
      status: 2,
      out: '',
      err: 'wgpu-style: --itertions: there is no such flag. Did you mean --iterations.\n',
      options: undefined,
    });
  });
});

describe('a run that is interrupted', () => {
  test('saves the picture so far and ends with 130', async () => {
    const controller = new AbortController();
    const library = (options: StyleTransferOptions): Promise<StyledPicture> =>
      tenSteps({
        ...options,
        onProgress: ({ iteration }) => void (iteration === 4 && controller.abort()),
      });
    const { status, out } = await run(pair('--json'), { library, signal: controller.signal });
    expect(status).toBe(130);
    expect(JSON.parse(out)).toMatchObject({ output, iterations: 4 });
    expect((await decodePng(await readFile(output))).data[6]).toBeCloseTo(4 / 255, 6);
  });

  test('before there is a picture ends with 130 and leaves no file', async () => {
    const { status, err } = await run(pair(), { signal: AbortSignal.abort() });
    expect(status).toBe(130);
    expect(err).toMatch(/aborted/);
    expect(await readdir(folder)).not.toContain('out.png');
  });
});

test('help and version go to stdout with status 0', async () => {
  expect(await run(['--help'])).toMatchObject({
    status: 0,
    err: '',
    out: expect.stringMatching(/^wgpu-style: .*\n\nUsage\n/),
  });
  expect(await run(['--version'])).toMatchObject({
    status: 0,
    err: '',
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});
