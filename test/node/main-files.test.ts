// The command line around a stand-in for the library: many contents, and what is left on the disk.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import type { StyleTransferOptions } from '../../src/style/options.ts';
import type { StyledPicture } from '../../src/style/picture.ts';
import { desk, networkBytes, pictureOf, tenSteps, type Desk } from './stand-in.ts';

let folder: string;
let run: Desk['run'];
let pair: Desk['pair'];
beforeEach(async () => {
  ({ folder, run, pair } = await desk());
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('many contents', () => {
  /** A device that says when it was destroyed. */
  function fakeDevices(): { request: () => Promise<GPUDevice>; made: { destroyed: boolean }[] } {
    const made: { destroyed: boolean }[] = [];
    const request = (): Promise<GPUDevice> => {
      const device = { destroyed: false, destroy: () => void (device.destroyed = true) };
      made.push(device);
      return Promise.resolve(device as unknown as GPUDevice);
    };
    return { request, made };
  }
  const many = (...more: string[]): string[] => [
    'a.png',
    'b.png',
    path.join(folder, 'c.png'),
    '--style',
    'b.png',
    '-o',
    path.join(folder, 'many'),
    ...more,
  ];
  beforeEach(async () => writeFile(path.join(folder, 'c.png'), await readFile(path.join(folder, 'a.png'))));

  test('share device, network and styles, and the device is given back', async () => {
    await writeFile(path.join(folder, 'net.onnx'), await networkBytes());
    const { request, made } = fakeDevices();
    const seen: StyleTransferOptions[] = [];
    const library = (options: StyleTransferOptions): Promise<StyledPicture> => (
      seen.push(options),
      tenSteps(options)
    );
    const { status, out } = await run(many('--network', path.join(folder, 'net.onnx')), {
      library,
      requestDevice: request,
    });
    expect(status).toBe(0);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => path.basename(line.split(':')[0]!)),
    ).toEqual(['a.png', 'b.png', 'c.png']);
    expect(made).toEqual([{ destroyed: true, destroy: expect.any(Function) }]);
    for (const options of seen) {
      expect(options.device).toBe(seen[0]!.device);
      expect(options.network).toBe(seen[0]!.network);
      expect((options.style as readonly { image: unknown }[])[0]!.image).toBe(
        (seen[0]!.style as readonly { image: unknown }[])[0]!.image,
      );
    }
  });

  test('a lost device fails one picture; the next gets another device', async () => {
    const { request, made } = fakeDevices();
    let count = 0;
    const library = (options: StyleTransferOptions): Promise<StyledPicture> =>
      ++count === 2
        ? Promise.reject(
            new WgpuStyleError('device-lost', { what: 'gone', where: 'session.run', fix: 'Again' }),
          )
        : tenSteps(options);
    const { status, out, err } = await run(many('--json'), { library, requestDevice: request });
    expect(status).toBe(1);
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    const report = JSON.parse(out) as { pictures: unknown[]; failed: { content: string }[] };
    expect(report.pictures).toHaveLength(2);
    expect(report.failed.map(({ content }) => path.basename(content))).toEqual(['b.png']);
    expect(err).toMatch(/\nwgpu-style: 1 of 3 pictures failed: .*b\.png: session\.run: gone\. Again\.\n$/);
  });

  test('a bug of ours, and an interruption, end it at once; what is done stays', async () => {
    const { request, made } = fakeDevices();
    const library = (): Promise<never> => Promise.reject(new TypeError('x'));
    expect(await run(many(), { library, requestDevice: request })).toMatchObject({
      status: 1,
      err: expect.stringContaining('unexpected failure'),
    });
    const controller = new AbortController();
    let count = 0;
    const stopping = (options: StyleTransferOptions): Promise<StyledPicture> => {
      if (++count === 2) controller.abort();
      return tenSteps(options);
    };
    const stopped = await run(many(), {
      library: stopping,
      requestDevice: request,
      signal: controller.signal,
    });
    expect(stopped.status).toBe(130);
    expect(count).toBe(2);
    expect((await readdir(path.join(folder, 'many'))).sort()).toEqual(['a.png', 'b.png']);
    expect(made.every(({ destroyed }) => destroyed)).toBe(true);
  });
});

describe('what is left on the disk', () => {
  test('the curves of a run that fails are written all the same', async () => {
    const library = async (options: StyleTransferOptions): Promise<never> => {
      await tenSteps(options);
      throw new WgpuStyleError('non-finite', {
        what: 'the loss became NaN',
        where: 'session.run',
        fix: 'Lower it',
      });
    };
    const plot = path.join(folder, 'l.svg');
    const trace = path.join(folder, 't.jsonl');
    expect((await run(pair('--plot', plot, '--trace', trace), { library })).status).toBe(1);
    expect(await readFile(plot, 'utf8')).toContain('aria-label="style  2"');
    expect((await readFile(trace, 'utf8')).trim().split('\n')).toHaveLength(10);
  });

  test('places that cannot be written are told before the run', async () => {
    for (const flag of ['--plot', '--trace', '--checkpoint']) {
      const { status, err, options } = await run(pair(flag, path.join(folder, 'no', 'x.svg')));
      expect(status).toBe(1);
      expect(err).toMatch(new RegExp(`^wgpu-style: ${flag}: cannot write .*: the folder does not exist`));
      expect(options).toBeUndefined();
    }
  });

  test('a state that cannot be kept is said; the picture is there and the status is that of the interruption', async () => {
    const controller = new AbortController();
    await mkdir(path.join(folder, 'out.checkpoint'));
    const library = async (options: StyleTransferOptions): Promise<StyledPicture> => {
      controller.abort();
      await options.checkpoint!.save(new Uint8Array(3), { iteration: 1, iterations: 10 });
      return pictureOf(1, 'aborted');
    };
    const { status, err } = await run(pair(), { library, signal: controller.signal });
    expect(status).toBe(130);
    expect(err).toMatch(/could not be kept: --checkpoint: cannot write .*: it is a folder/);
    expect(await readdir(folder)).toContain('out.png');
  });

  test('a picture that cannot be written leaves the state all the same', async () => {
    const controller = new AbortController();
    const state = Uint8Array.of(3, 1, 4);
    const library = async (options: StyleTransferOptions): Promise<StyledPicture> => {
      controller.abort();
      await options.checkpoint!.save(state, { iteration: 1, iterations: 10 });
      return { ...pictureOf(1, 'aborted'), pixels: new Uint8ClampedArray(3) } as unknown as StyledPicture;
    };
    const { status, err } = await run(pair(), { library, signal: controller.signal });
    expect(status).toBe(1);
    expect(err).toMatch(/Go on with: wgpu-style --resume .*out\.checkpoint\n(.*\n)*wgpu-style: -o: data of the wrong length/);
    expect((await readFile(path.join(folder, 'out.checkpoint'))).subarray(-3)).toEqual(Buffer.from(state));
    expect(await readdir(folder)).not.toContain('out.png');
  });
});
