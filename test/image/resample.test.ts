// Resampling on the device against a double sum in float64, and against itself in other bands.

import { describe, expect, it } from 'vitest';
import { memoryUse, resetPeak } from '../../src/gpu/buffers.ts';
import { countingDevice, DEFAULT_LIMITS } from '../../src/gpu/counting.ts';
import { pipelineCount } from '../../src/gpu/pipelines.ts';
import { resizeOnHost } from '../../src/image/linear-light.ts';
import { toPixels, type Decoded, type Pixels } from '../../src/image/pixels.ts';
import { bandsOf, resample, type ResampleOptions } from '../../src/image/resample.ts';
import { tapsOf } from '../../src/image/taps.ts';
import { randomValues } from '../check.ts';
import { freshDevice, testDevice } from '../device.ts';
import { pictureOracle } from '../oracle/resize.ts';

// f32 sums of up to some hundred products; the curves of light in f32 on both ways.
const TOLERANCE = 1e-5;

// From and to: enlarging, reducing, one of each, odd ratios, one axis alone, single pixels and lines.
const SHAPES = [
  [7, 5, 31, 9],
  [31, 29, 7, 8],
  [8, 9, 16, 3],
  [9, 8, 3, 17],
  [1, 1, 4, 3],
  [1, 31, 2, 5],
  [31, 1, 5, 2],
  [64, 60, 9, 31],
  [17, 2, 1, 1],
  [5, 5, 5, 12],
  [5, 7, 12, 7],
  [33, 24, 47, 34],
] as const;

/** Random RGBA in [0, 1]; alpha from 0.2 to 1, or 1. */
function picture(width: number, height: number, alpha: boolean, seed = 1): Pixels {
  const data = randomValues(4 * width * height, seed).map((v) => (v + 1) / 2);
  for (let i = 3; i < data.length; i += 4) data[i] = alpha ? 0.2 + 0.8 * data[i]! : 1;
  return { width, height, data };
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, v, i) => Math.max(most, Number.isNaN(v) ? Infinity : Math.abs(v - b[i]!)), 0);
}

/** On the shared device, which holds nothing more afterwards. */
async function resampled(pixels: Decoded, width: number, height: number, options?: ResampleOptions): Promise<Pixels> {
  const device = await testDevice();
  const { bytes } = memoryUse(device);
  const result = await resample(device, pixels, width, height, options);
  expect(memoryUse(device).bytes).toBe(bytes);
  expect([result.width, result.height]).toEqual([width, height]);
  return result;
}

describe.each([
  ['bicubic', false, false],
  ['bicubic', true, false],
  ['bicubic', false, true],
  ['bicubic', true, true],
  ['bilinear', true, false],
  ['box', false, true],
] as const)('resampling on the device: %s, alpha %s, light %s', (filter, alpha, light) => {
  it.each(SHAPES)('%ix%i to %ix%i equals the double sum, and the host', async (width, height, toWidth, toHeight) => {
    const input = picture(width, height, alpha);
    const output = await resampled(input, toWidth, toHeight, { filter, light });
    expect(farthest(output.data, pictureOracle(input.data, [width, height], [toWidth, toHeight], filter, light))).toBeLessThan(TOLERANCE);
    if (!alpha) expect(output.data.every((value, i) => i % 4 !== 3 || value === 1)).toBe(true);
    expect(farthest(output.data, resizeOnHost(input, toWidth, toHeight, { filter, light }).data)).toBeLessThan(TOLERANCE);
  });
});

it('nearest takes pixels as they are', async () => {
  const input = picture(13, 9, false);
  for (const [width, height] of [[5, 4], [29, 31], [13, 2]] as const) {
    expect((await resampled(input, width, height, { filter: 'nearest' })).data).toEqual(resizeOnHost(input, width, height, { filter: 'nearest' }).data);
  }
});

it('bands and pieces of any size, one row included, give the same bits', async () => {
  const device = await testDevice();
  for (const [from, to] of [[[23, 41], [31, 13]], [[23, 13], [11, 41]], [[5, 37], [5, 19]], [[12, 1], [7, 9]]] as const) {
    const input = picture(from[0], from[1], true);
    const options = { light: true };
    const whole = await resampled(input, to[0], to[1], options);
    expect(farthest(whole.data, pictureOracle(input.data, from, to, 'bicubic', true))).toBeLessThan(TOLERANCE);
    const down = tapsOf(from[1], to[1], 'bicubic');
    const across = from[0] === to[0] ? [] : tapsOf(from[0], to[0], 'bicubic');
    // Tables and uniforms come first.
    const tables = [down, across].flat().reduce((sum, { weights }) => sum + 8 + 4 * weights.length, 1024 + 16);
    const cuts = new Set<string>();
    for (const rows of [1, 2, 3, 5, 8]) {
      const scratch = tables + rows * 2 * (32 * to[0] + 16 * from[0]);
      resetPeak(device);
      const before = memoryUse(device).bytes;
      expect((await resampled(input, to[0], to[1], { ...options, scratch })).data).toEqual(whole.data);
      expect(memoryUse(device).peakBytes - before).toBeLessThanOrEqual(scratch);
      const { rows: band, inputRows } = bandsOf({ width: from[0], height: from[1] }, { width: to[0], height: to[1] }, down, scratch - tables);
      cuts.add(`${band} ${inputRows}`);
    }
    expect((await resampled(input, to[0], to[1], { ...options, scratch: 0 })).data).toEqual(whole.data);
    if (from[1] > 1) expect(cuts.size).toBeGreaterThan(2);
  }
});

it.each([true, false])('bytes are resampled as the floats they stand for, a piece at a time; alpha %s', async (alpha) => {
  const [width, height] = [23, 31];
  const bytes = Uint8Array.from(randomValues(4 * width * height, 3), (v, i) => (i % 4 === 3 && !alpha ? 255 : 127.5 * (v + 1)));
  const picture = { width, height, bytes };
  const wanted = await resampled(toPixels(picture), 17, 40);
  for (const scratch of [undefined, 4000, 0]) expect((await resampled(picture, 17, 40, { ...(scratch !== undefined && { scratch }) })).data).toEqual(wanted.data);
  for (const light of [false, true]) {
    const onHost = resizeOnHost(picture, 17, 40, { light });
    expect(farthest(onHost.data, resizeOnHost(toPixels(picture), 17, 40, { light }).data)).toBeLessThan(3e-7);
    expect(farthest(resizeOnHost(picture, width, 40).data, resizeOnHost(toPixels(picture), width, 40).data)).toBeLessThan(3e-7);
    expect(farthest(resizeOnHost(picture, 17, height).data, resizeOnHost(toPixels(picture), 17, height).data)).toBeLessThan(3e-7);
  }
  expect(await resample(undefined as unknown as GPUDevice, picture, width, height)).toEqual(toPixels(picture));
});

it('a large picture becomes a small one in few submits, of no more memory than small networks take', async () => {
  const [width, height] = [4000, 3000];
  const picture = { width, height, bytes: new Uint8Array(4 * width * height).fill(255) };
  const submitsWithin = async (scratch?: number): Promise<{ readonly submits: number; readonly peak: number }> => {
    const counter = countingDevice();
    let submits = 0;
    const submit = counter.queue.submit.bind(counter.queue);
    counter.queue.submit = (buffers) => {
      submits++;
      return submit(buffers);
    };
    await resample(counter, picture, 96, 72, { ...(scratch !== undefined && { scratch }) });
    return { submits, peak: memoryUse(counter).peakBytes };
  };
  const free = await submitsWithin();
  // 28 rows of the picture and of what is made of it across: 1.8 MiB. Each comes once, and the result is read back.
  expect(free.submits).toBeLessThanOrEqual(110);
  expect(free.peak).toBeLessThan(2.2 * 2 ** 20);
  const limited = await submitsWithin(2 ** 19);
  expect(limited.peak).toBeLessThanOrEqual(2 ** 19);
  expect(limited.submits).toBeGreaterThan(5 * free.submits);
});

describe('bands', () => {
  const big = { width: 11547, height: 8660 };

  it.each([
    [big, { width: 512, height: 384 }],
    [big, { width: 4096, height: 3072 }],
    [{ width: 65536, height: 100 }, { width: 16, height: 65536 }],
    [{ width: 3, height: 65536 }, { width: 65536, height: 2 }],
  ])('of %o to %o keep within what they are given', (from, to) => {
    const down = tapsOf(from.height, to.height, 'bicubic');
    for (const scratch of [2 ** 22, 2 ** 25]) {
      const { bytes, rows, inputRows } = bandsOf(from, to, down, scratch);
      expect(bytes).toBeLessThanOrEqual(scratch);
      expect(bytes).toBe(32 * rows * to.width + 16 * inputRows * (from.width + to.width));
      // And what is given is used, unless there is nothing to use it for.
      const most = Math.max(...down.map(({ first, weights }) => first + weights.length)) - down[0]!.first;
      expect(rows === to.height || 32 * (rows + 1) * to.width > scratch / 2).toBe(true);
      expect(inputRows === most || inputRows > 0).toBe(true);
    }
  });

  it('are no larger than the picture, and of one row where nothing fits', () => {
    const [from, to] = [{ width: 4, height: 6 }, { width: 8, height: 12 }];
    const down = tapsOf(6, 12, 'bicubic');
    expect(bandsOf(from, to, down, 1e9)).toEqual({ rows: 12, inputRows: 6, bytes: 12 * 256 + 6 * 192 });
    expect(bandsOf(from, to, down, -5)).toEqual({ rows: 1, inputRows: 1, bytes: 256 + 192 });
    // A width that stays needs no second copy of the piece.
    expect(bandsOf({ width: 8, height: 6 }, to, down, 1e9).bytes).toBe(12 * 256 + 6 * 128);
    // Bands of two rows are made of up to five.
    expect(bandsOf(from, to, down, 4 * 256 + 192 * 100)).toMatchObject({ inputRows: 6 });
    expect(bandsOf({ width: 400, height: 60 }, { width: 8, height: 120 }, tapsOf(60, 120, 'bicubic'), 2 * 2 * 256)).toMatchObject({ rows: 2, inputRows: 1 });
  });
});

it('the memory is no more than 32 MiB whatever the picture, and little for small results', async () => {
  const most = async (from: { width: number; height: number }, width: number, height: number): Promise<number> => {
    const counter = countingDevice();
    await resample(counter, { ...from, data: new Float32Array(4 * from.width * from.height) }, width, height);
    expect(memoryUse(counter).bytes).toBe(0);
    return memoryUse(counter).peakBytes;
  };
  expect(await most({ width: 3000, height: 2000 }, 2500, 1600)).toBeLessThanOrEqual(2 ** 25);
  expect(await most({ width: 3000, height: 2000 }, 2500, 1600)).toBeGreaterThan(2 ** 24);
  expect(await most({ width: 65536, height: 8 }, 60000, 4)).toBeLessThanOrEqual(2 ** 25);
  // Beside the tables, of some 170 taps for each row and column.
  expect(await most({ width: 3000, height: 2000 }, 64, 48)).toBeLessThanOrEqual(2 ** 21 + 2 ** 17);
});

it('no buffer is larger than a device binds, or than it makes', async () => {
  for (const limits of [{ maxStorageBufferBindingSize: 20_000, maxBufferSize: 1e9 }, { maxStorageBufferBindingSize: 1e9, maxBufferSize: 20_000 }]) {
    const counter = countingDevice({ ...DEFAULT_LIMITS, ...limits });
    await resample(counter, picture(60, 80, false), 90, 100);
    expect(memoryUse(counter).peakBytes).toBeGreaterThan(10_000);
    expect(memoryUse(counter).peakBytes).toBeLessThanOrEqual(20_000);
    // Where it does not bind a row, the host has to do.
    const input = picture(600, 4, false);
    expect((await resample(counter, input, 700, 3)).data).toEqual(resizeOnHost(input, 700, 3).data);
  }
});

it('rows that do not fit are left to the host', async () => {
  const counter = countingDevice();
  const input = { width: 3_000_000, height: 1, data: new Float32Array(12_000_000).fill(0.5) };
  const { data } = await resample(counter, input, 3, 2);
  expect(memoryUse(counter).peakBytes).toBe(0);
  for (const value of data) expect(value).toBeCloseTo(0.5, 6);
});

it('the same size is the picture itself, without a device', async () => {
  const input = picture(4, 3, false);
  expect(await resample(undefined as unknown as GPUDevice, input, 4, 3)).toBe(input);
});

it('results stay in [0, 1] where bicubic overshoots, light and alpha too', async () => {
  const data = Float32Array.from({ length: 32 }, (_, i) => Number(i >= 16));
  for (const light of [false, true]) {
    const { data: edge } = await resampled({ width: 8, height: 1, data }, 64, 1, { light });
    expect([Math.min(...edge), Math.max(...edge)]).toEqual([0, 1]);
  }
});

it('the hidden colour of transparent pixels does not bleed', async () => {
  // Red, half of it covered; green where nothing is.
  const data = Float32Array.from([0, 1, 2, 3].flatMap((x) => (x < 2 ? [1, 0, 0, 1] : [0, 1, 0, 0])));
  const { data: output } = await resampled({ width: 4, height: 1, data }, 9, 1, { filter: 'bilinear' });
  for (let x = 0; x < 9; x++) {
    const [red, green, , alpha] = output.subarray(4 * x, 4 * x + 4);
    expect(green).toBe(0);
    expect(red).toBeCloseTo(alpha! > 0 ? 1 : 0, 6);
  }
  expect(output[4 * 4 + 3]).toBeCloseTo(0.5, 6);
});

it('two pipelines are all, whatever is asked for', async () => {
  const device = await freshDevice();
  const input = picture(9, 7, true);
  for (const light of [false, true]) for (const filter of ['bicubic', 'nearest', 'box'] as const) await resample(device, input, 4, 9, { light, filter });
  await resample(device, picture(9, 7, false), 9, 3);
  expect(pipelineCount(device)).toBe(2);
  device.destroy();
});

describe('what goes wrong', () => {
  it('a signal ends it between two pieces, and nothing is left', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    const stop = new AbortController();
    const work = resample(device, picture(64, 600, false), 64, 500, { signal: stop.signal, scratch: 30_000 });
    await device.queue.onSubmittedWorkDone();
    stop.abort();
    await expect(work).rejects.toMatchObject({ code: 'aborted' });
    expect(memoryUse(device).bytes).toBe(before);
    await expect(resample(device, picture(4, 4, false), 5, 5, { signal: stop.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(memoryUse(device).bytes).toBe(before);
  });

  it('a lost device is told as such, and nothing is left', async () => {
    const device = await freshDevice();
    const work = resample(device, picture(64, 600, false), 64, 500, { scratch: 30_000 });
    device.destroy();
    await expect(work).rejects.toMatchObject({ code: 'device-lost' });
    expect(memoryUse(device).bytes).toBe(0);
  });

  it('memory that the device does not have is told as such, and nothing is left', async () => {
    const device = await freshDevice();
    const { popErrorScope } = device;
    device.popErrorScope = () => popErrorScope.call(device).then(() => ({ message: 'out of memory' }) as GPUOutOfMemoryError);
    await expect(resample(device, picture(8, 6, false), 5, 5)).rejects.toMatchObject({ code: 'out-of-memory', where: 'resample' });
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });

  it('a device that is used up while buffers are made is left without any of them', async () => {
    const counter = countingDevice();
    const create = counter.createBuffer.bind(counter);
    let left = 3;
    counter.createBuffer = (descriptor) => {
      if (left-- === 0) throw new RangeError('no more');
      return create(descriptor);
    };
    await expect(resample(counter, picture(8, 6, false), 50, 5)).rejects.toThrow('no more');
    expect(left).toBe(-1);
    expect(memoryUse(counter).bytes).toBe(0);
  });

  it('a result without area is refused', async () => {
    await expect(resample(await testDevice(), picture(4, 4, false), 0, 5)).rejects.toMatchObject({ code: 'bad-image' });
  });
});
