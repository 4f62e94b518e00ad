// A picture that is taken while it lies on the GPU: the same file as of one that was read back, and nothing left behind.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StyleSession, styleTransfer, styleTransferTo, type FinishedPicture, type StyleTransferOptions } from '../../src/index.ts';
import { joinBytes } from '../../src/image/bytes.ts';
import { decodePng, type Pixels } from '../../src/image/index.ts';
import { readChunks, readHeader } from '../../src/image/png-chunks.ts';
import { encodeImage, writeImageFile } from '../../src/node/images.ts';
import { FinishedPicture as Finished } from '../../src/style/finished.ts';
import { freshDevice, testDevice } from '../device.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { bytesHeld, scene, sessionOf, tinyOptions } from './setting.ts';

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return joinBytes(all);
}

/** The scene, with transparency that grows from left to right. */
function translucent(): { width: number; height: number; data: Float32Array<ArrayBuffer> } {
  const { width, height, data } = scene(24, 20);
  const rgba = Float32Array.from({ length: 4 * width * height }, (_, i) =>
    i % 4 === 3 ? ((i >> 2) % width) / (width - 1) : data[3 * (i >> 2) + (i % 4)]!,
  );
  return { width, height, data: rgba };
}

/** Two columns of the mask count, one is half. */
const mask = { width: 4, height: 1, data: Float32Array.of(1, 1, 0.5, 0) };

const ENDS: readonly (readonly [string, Partial<StyleTransferOptions>])[] = [
  ['nothing', {}],
  ['luminance', { color: 'luminance' }],
  ['colours matched after the run', { color: { mode: 'match', when: 'after' } }],
  ['a histogram matched after the run', { color: { mode: 'histogram', when: 'after' } }],
  ['an update mask', { updateMask: mask }],
  ['transparency', { content: translucent() }],
  ['all at once', { content: translucent(), updateMask: mask, color: 'luminance' }],
];

describe.each(ENDS)('with %s in the end', (_, more) => {
  it.each([8, 16] as const)('its PNG of %i bits is that of the picture', async (bits) => {
    const options = await tinyOptions(more);
    const made = await styleTransfer(options);
    const file = await styleTransferTo(options, (result) => whole(result.png({ bits })));
    const expected = await made.toPng({ bits });
    expect(await decodePng(file)).toEqual(await decodePng(expected));
    expect(Buffer.compare(file, expected)).toBe(0);
  });

  it('what it reads is the picture, and it can be read twice', async () => {
    const options = await tinyOptions(more);
    const made = await styleTransfer(options);
    const [first, second] = await styleTransferTo(options, async (result) => [await result.read(), await result.read()] as const);
    expect(first.pixels).toEqual(made.pixels);
    expect(second.pixels).toEqual(made.pixels);
    expect(await second.toPng({ bits: 16 })).toEqual(await made.toPng({ bits: 16 }));
  });
});

it('a picture of several bands, finished in each, is the file of the whole', async () => {
  const [width, height] = [1100, 1000];
  const { data } = scene(width, height);
  const rgba = Float32Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? ((i >> 2) % 251) / 250 : data[3 * (i >> 2) + (i % 4)]!));
  const options = await tinyOptions({
    content: { width, height, data: rgba },
    size: width,
    iterations: 1,
    contentWeight: 0,
    styleLayers: { relu1_1: 1 },
    color: 'luminance',
    updateMask: { width: 4, height: 3, data: Float32Array.from({ length: 12 }, (_, i) => (i % 5) / 4) },
  });
  const made = await styleTransfer(options);
  const file = await styleTransferTo(options, (result) => whole(result.png({ bits: 16 })));
  expect(Buffer.compare(file, await made.toPng({ bits: 16 }))).toBe(0);
});

describe('what is handed over', () => {
  it('tells of the run as the picture does, also when the run is over', async () => {
    const options = await tinyOptions({ seed: 3 });
    const made = await styleTransfer(options);
    const result = await styleTransferTo(options, (picture) => picture);
    const { width, height, losses, iterations, stopped } = made;
    expect({ width: result.width, height: result.height }).toEqual({ width, height });
    expect({ losses: result.losses, iterations: result.iterations, stopped: result.stopped }).toEqual({ losses, iterations, stopped });
    const { millisecondsPerIteration, peakBytes, ...details } = result.details;
    expect(made.details).toMatchObject(details);
    expect(millisecondsPerIteration).toBeGreaterThan(0);
    expect(peakBytes).toBeGreaterThan(0);
  });

  it.each(['done', 'aborted'])('cannot be read when it has been taken: %s', async (stopped) => {
    const stop = new AbortController();
    const more = stopped === 'aborted' ? { scales: [12, 24], signal: stop.signal, onProgress: () => stop.abort() } : {};
    const result = await styleTransferTo(await tinyOptions(more), (picture) => picture);
    expect(result.stopped).toBe(stopped);
    const taken = { code: 'bad-option', where: 'styleTransferTo' };
    await expect(result.read()).rejects.toMatchObject(taken);
    await expect(whole(result.png())).rejects.toMatchObject(taken);
  });

  it('needs somebody to take it, which is said before anything is done', async () => {
    const device = new Proxy({} as GPUDevice, { get: () => expect.unreachable('the device was asked') });
    const run = styleTransferTo({ content: scene(2, 2), style: scene(2, 2), device }, undefined as never);
    await expect(run).rejects.toMatchObject({ code: 'bad-option', where: 'styleTransferTo' });
  });

  it('has read-backs among the memory of the run, also when the device does other things later', async () => {
    // So large against the network that reading back takes more than anything before.
    const options = await tinyOptions({ content: scene(600, 500), style: scene(16, 16), size: 600, iterations: 0, contentWeight: 0, styleLayers: { relu1_1: 1 } });
    await styleTransfer(options); // what is known of the style afterwards takes a little less
    const made = await styleTransfer(options);
    const result = await styleTransferTo(options, async (picture) => {
      await picture.read();
      return picture;
    });
    await styleTransfer(await tinyOptions());
    expect(result.details.peakBytes).toBe(made.details.peakBytes);
  });

  it('gives the picture so far when the signal fires, at the size of the result', async () => {
    const stop = new AbortController();
    const options = await tinyOptions({ scales: [12, 24], signal: stop.signal, onProgress: () => stop.abort() });
    const file = await styleTransferTo(options, (result) => whole(result.png({ bits: 16 })));
    const { data, ...size } = await decodePng(file);
    expect(size).toEqual({ width: 24, height: 20 });
    expect(data.every(Number.isFinite)).toBe(true);
    expect(readHeader(readChunks(file, 'test'), 'test')).toMatchObject({ colourType: 2 }); // opaque, as the content is
  });

  it('refuses other bits', async () => {
    const taken = styleTransferTo(await tinyOptions(), (result) => whole(result.png({ bits: 12 as never })));
    await expect(taken).rejects.toMatchObject({ code: 'bad-option', where: 'picture.png' });
  });

  it('is taken again on another device when its own is lost meanwhile, with recover', async () => {
    const straight = await styleTransfer(await tinyOptions());
    const device = await freshDevice();
    let taken = 0;
    const take = async (result: FinishedPicture): Promise<Uint8Array> => {
      if (taken++ === 0) device.destroy();
      return whole(result.png());
    };
    const file = await styleTransferTo(await tinyOptions({ device, recover: { every: 2, device: freshDevice } }), take);
    expect(taken).toBe(2);
    expect(file).toEqual(await straight.toPng());
  });
});

describe('nothing is left', () => {
  it.each(['thrown', 'resolved'])('on the GPU, where take has %s', async (how) => {
    const device = await testDevice();
    const held = await bytesHeld();
    // Several bands; it is left behind the first image data.
    const large = { content: scene(1200, 1000), size: 1200, iterations: 0, contentWeight: 0, styleLayers: { relu1_1: 1 } };
    const taken = styleTransferTo(await tinyOptions({ device, ...large }), async (result) => {
      for await (const piece of result.png({ bits: 16 })) if (piece.length > 1000) break;
      if (how === 'thrown') throw new RangeError('the disk is full');
    });
    if (how === 'thrown') await expect(taken).rejects.toThrow(new RangeError('the disk is full'));
    else await taken;
    expect(await bytesHeld()).toBe(held);
  });

  describe('on the disk', () => {
    let folder: string;
    beforeAll(() => void (folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-'))));
    afterAll(() => rmSync(folder, { recursive: true }));

    const details = { losses: {}, iterations: 1, stopped: 'done', details: { options: {}, network: 'default' } } as never;
    const finishing = { isOpaque: true, needsWhole: false, finish: (rows: Pixels): Pixels => rows };

    it('when a later band cannot be had', async () => {
      // Four bands; reading the last fails.
      const [width, height] = [2048, 2048];
      let reads = 0;
      const gone = new RangeError('Array buffer allocation failed');
      const rows = async (first: number, count: number): Promise<Pixels> => {
        reads++;
        if (first + count === height) throw gone;
        return { width, height: count, data: new Float32Array(4 * width * count) };
      };
      const result = new Finished({ width, height, rows }, finishing, () => details);
      const file = path.join(folder, 'out.png');
      await expect(writeImageFile(file, result, { bits: 16 })).rejects.toBe(gone); // and nothing about the place of the file
      expect(reads).toBeGreaterThan(1);
      expect(readdirSync(folder)).toEqual([]);
    });

    it('of a picture with values that are no numbers', async () => {
      const rows = async (): Promise<Pixels> => ({ width: 1, height: 1, data: Float32Array.of(0, NaN, 0, 1) });
      const result = new Finished({ width: 1, height: 1, rows }, finishing, () => details);
      const file = path.join(folder, 'out.png');
      for (const bits of [8, 16] as const) {
        await expect(writeImageFile(file, result, { bits })).rejects.toMatchObject({ code: 'non-finite' });
      }
      await expect(result.read()).rejects.toMatchObject({ code: 'non-finite' });
      expect(readdirSync(folder)).toEqual([]);
    });

    it('and what is written is the file, in the format of its name', async () => {
      const options = await tinyOptions();
      const made = await styleTransfer(options);
      for (const name of ['out.png', 'out.tiff']) {
        const file = path.join(folder, name);
        await styleTransferTo(options, (result) => writeImageFile(file, result));
        const expected = name === 'out.png' ? await made.toPng() : await encodeImage(file, made);
        expect(Buffer.compare(readFileSync(file), expected), name).toBe(0);
      }
    });
  });
});

describe('rows of a session', () => {
  it('are those of its picture', async () => {
    const session = await StyleSession.create(await tinyOptions());
    await session.step(2);
    const { width, height, data } = await session.readPixels();
    for (const [first, count] of [[0, height], [0, 1], [height - 1, 1], [7, 5]] as const) {
      const rows = await session.readRows(first, count);
      expect(rows).toEqual({ width, height: count, data: data.slice(4 * width * first, 4 * width * (first + count)) });
    }
    for (const [first, count] of [[0, 0], [-1, 2], [height, 1], [0, height + 1], [0.5, 1], [0, NaN]] as const) {
      await expect(session.readRows(first, count)).rejects.toMatchObject({ code: 'bad-option', where: 'session.readRows' });
    }
    session.destroy();
    await expect(session.readRows(0, 1)).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('are of one picture, also where others are read and an iteration is asked for meanwhile', async () => {
    // Two rows a band, and so a buffer: what is read of them comes in ten copies, one after another.
    const bands: Tiling = { result: { rows: 2, columns: 2 }, styles: [{ rows: 1, columns: 1 }], keepsContent: false, bandBytes: 16 * 24 * 2 };
    const session = await sessionOf(await tinyOptions(), bands);
    const { data } = await session.readPixels();
    const long = session.readRows(0, session.height);
    const short = session.readRows(0, 1);
    const step = short.then(() => session.step());
    expect((await long).data).toEqual(data);
    await step;
    expect((await session.readPixels()).data).not.toEqual(data);
    session.destroy();
  });
});
