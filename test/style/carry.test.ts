// What a scale hands to the next: a ladder by √2 as the recipe `wasserstein` has it, and Adam's moments.

import { describe, expect, it } from 'vitest';
import { plan, recipes, StyleSession, styleTransfer, type Recipe, type StyleTransferOptions } from '../../src/index.ts';
import { decodeCheckpoint } from '../../src/style/checkpoint.ts';
import { autoSides, ladder, scalesOf } from '../../src/style/scales.ts';
import { Tape } from '../../src/autograd/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { readBuffer } from '../../src/gpu/readback.ts';
import { createOptimizer } from '../../src/optim/index.ts';
import { giveMoments } from '../../src/style/carry.ts';
import { randomValues, relativeError } from '../check.ts';
import { testDevice } from '../device.ts';
import { interpolateOracle } from '../oracle/interpolate.ts';
import { picture, tinyNetwork, tinyOptions } from './setting.ts';

const { wasserstein, lecture } = recipes as { wasserstein: Recipe; lecture: Recipe };
const BETAS = [0.9, 0.99] as const;

/** 16x13, then 24x20 pixels: 6 and 5 iterations. */
const climbing = (more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> =>
  tinyOptions({
    recipe: { ...lecture, carry: 'moments' },
    optimizer: { name: 'adam', learningRate: 0.02, beta1: BETAS[0], beta2: BETAS[1] },
    scales: [16, 24],
    iterations: 11,
    ...more,
  });

/** The checkpoint after each iteration, by its number. */
async function checkpoints(options: StyleTransferOptions): Promise<Map<number, Uint8Array>> {
  const saved = new Map<number, Uint8Array>();
  const save = (bytes: Uint8Array, { iteration }: { readonly iteration: number }): void => void saved.set(iteration, bytes);
  await styleTransfer({ ...options, checkpoint: { every: 1, save } });
  return saved;
}

function floats(bytes: Uint8Array, name: string): Float32Array {
  const { buffers } = decodeCheckpoint(bytes);
  return new Float32Array(buffers.find((buffer) => buffer.name === name)!.bytes.slice().buffer);
}

/** One channel of [h, w, 4]. */
const plane = (packed: ArrayLike<number>, channel: number): Float64Array =>
  Float64Array.from({ length: packed.length / 4 }, (_, i) => packed[4 * i + channel]!);

describe('the ladder of a recipe', () => {
  it('wasserstein goes by √2 from 128 pixels, 1000 iterations first and 500 on each other, as crowsonkb', () => {
    const sides = autoSides(512, 1, wasserstein.ladder);
    expect(sides).toEqual([128, 181, 256, 362, 512]);
    expect(ladder(sides, wasserstein.iterations, wasserstein.ladder!.first).map(({ iterations }) => iterations)).toEqual([1000, 500, 500, 500, 500]);
    expect(autoSides(150, 1, wasserstein.ladder)).toEqual([150]);
    expect(autoSides(512, 200, wasserstein.ladder)).toEqual([256, 362, 512]);
    const scales = scalesOf({ width: 512, height: 256 }, { scales: 'auto', size: 512, iterations: 60, recipe: wasserstein });
    expect(scales).toEqual([128, 181, 256, 362, 512].map((width, i) => ({ width, height: Math.round(width / 2), iterations: i === 0 ? 20 : 10 })));
  });
});

describe('moments carried from scale to scale', () => {
  it('are interpolated, bicubic and bilinear as PyTorch does, and go on with their count; the first step after is that of Adam with them', async () => {
    const options = await climbing();
    const saved = await checkpoints(options);
    const between = saved.get(6)!;
    expect(decodeCheckpoint(between).buffers.map(({ name }) => name)).toEqual(['picture', 'mean0', 'square0', 'scalars']);
    expect(floats(between, 'scalars')[3]).toBe(6);
    // The state of the scale before its last update, one iteration earlier, is another.
    expect(floats(saved.get(5)!, 'mean0')).not.toEqual(floats(between, 'mean0'));
    const next = saved.get(7)!;
    expect(decodeCheckpoint(next).header).toMatchObject({ width: 24, height: 20, steps: 1 });
    expect(floats(next, 'scalars')[3]).toBe(7);

    // The gradient at the picture that the second scale starts from.
    const start = floats(next, 'before0');
    const session = await StyleSession.create({ ...options, size: 24, scales: false });
    await session.writeImage(Float32Array.from([0, 1, 2].flatMap((c) => [...plane(start, c)])));
    const gradient = await session.gradient();
    session.destroy();
    for (let c = 0; c < 3; c++) {
      const g = gradient.subarray(480 * c, 480 * (c + 1));
      const mean = interpolateOracle(plane(floats(between, 'mean0'), c), 16, 13, 24, 20, 'bicubic');
      const square = interpolateOracle(plane(floats(between, 'square0'), c), 16, 13, 24, 20, 'bilinear');
      const m = mean.map((value, i) => BETAS[0] * value + (1 - BETAS[0]) * g[i]!);
      const v = square.map((value, i) => BETAS[1] * Math.max(value, 0) + (1 - BETAS[1]) * g[i]! ** 2);
      expect(relativeError(plane(floats(next, 'mean0'), c), m)).toBeLessThan(2e-5);
      expect(relativeError(plane(floats(next, 'square0'), c), v)).toBeLessThan(2e-5);
      const moved = plane(start, c).map((x, i) => x - (0.02 * (m[i]! / (1 - BETAS[0] ** 7))) / (Math.sqrt(v[i]! / (1 - BETAS[1] ** 7)) + 1e-8));
      expect(relativeError(plane(floats(next, 'image'), c), moved)).toBeLessThan(2e-5);
    }
  });

  it('change the picture; without them, or with an optimiser that has none, nothing is carried', async () => {
    const carried = await styleTransfer(await climbing());
    const anew = await styleTransfer(await climbing({ recipe: lecture }));
    expect(carried.pixels).not.toEqual(anew.pixels);
    const gd = { name: 'gd', learningRate: 1e-6 } as const;
    const [one, other] = [await climbing({ optimizer: gd }), await climbing({ optimizer: gd, recipe: lecture })];
    expect((await styleTransfer(one)).pixels).toEqual((await styleTransfer(other)).pixels);
    expect(decodeCheckpoint((await checkpoints(one)).get(6)!).buffers.map(({ name }) => name)).toEqual(['picture']);
  });

  it('take no memory that the plan does not know of', async () => {
    const device = await testDevice();
    const style = [{ image: picture(20, 26, 5), scale: 1.5 }];
    const options = await climbing({ style, scales: [22, 24], device, network: tinyNetwork() });
    const { peakBytes } = await plan(options);
    const before = memoryUse(device).bytes;
    expect((await styleTransfer(options)).details.peakBytes - before).toBe(peakBytes);
  });

  it('are dealt out to a picture in bands; a first update from numbers that are not finite goes back to the picture', async () => {
    const device = await testDevice();
    const [width, rows] = [3, [2, 1]] as const;
    const count = 4 * width * 3;
    const start = randomValues(count, 1);
    const moments = {
      width,
      height: 3,
      mean: randomValues(count, 2),
      square: randomValues(count, 3).map(Math.abs),
      scalars: new Uint8Array(Float32Array.of(0.1, 1, 0, 5, 0.4, 0.05, 0, 0, 0, 0, 0, 0).buffer),
    };
    const tape = new Tape(device);
    let first = 0;
    const bands = rows.map((size) => {
      const floats = 4 * width * size;
      const value = tape.variable([size, width, 4], start.subarray(4 * width * first, 4 * width * first + floats));
      const gradient = tape.variable([size, width, 4], new Float32Array(floats).fill(NaN)).buffer!;
      first += size;
      return { first: first - size, rows: size, value, gradient };
    });
    const parameters = bands.map(({ value, gradient, rows: size }) => ({ value: value.buffer!, gradient, floats: 4 * width * size }));
    const optimizer = createOptimizer(device, parameters, { name: 'adam', learningRate: 0.1 });
    giveMoments(device, optimizer, bands, moments);
    const joined = async (name: string): Promise<number[]> => {
      const found = optimizer.state().filter((buffer) => buffer.name.replace(/\d+$/, '') === name);
      return (await Promise.all(found.map(async ({ buffer }) => [...new Float32Array(await readBuffer(device, buffer))]))).flat();
    };
    expect(await joined('mean')).toEqual([...moments.mean]);
    expect(await joined('square')).toEqual([...moments.square]);
    expect((await joined('scalars'))[3]).toBe(5);

    await optimizer.ready;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    optimizer.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const after = await Promise.all(bands.map(async ({ value }) => [...new Float32Array(await readBuffer(device, value.buffer!))]));
    expect(after.flat()).toEqual([...start]);
    expect(await joined('mean')).toEqual([...moments.mean]);
    optimizer.destroy();
    tape.destroy();
  });

  it('a checkpoint between two scales that has lost them is refused', async () => {
    const options = await climbing();
    const without = (await checkpoints({ ...options, recipe: lecture })).get(6)!;
    const { encodeCheckpoint } = await import('../../src/style/checkpoint.ts');
    const { header, buffers } = decodeCheckpoint(without);
    const run = { ...header.run!, options: { ...header.run!.options, recipe: options.recipe as Recipe } };
    const bytes = encodeCheckpoint({ header: { ...header, run }, buffers });
    await expect(styleTransfer({ ...options, resume: bytes })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringContaining('its moments are not whole'),
    });
  });

  it('says what is wrong with ladder and carry', async () => {
    for (const [wrong, message] of [
      [{ carry: 'all' }, /carry is "all"/],
      [{ ladder: { ratio: 1, smallest: 128, first: 2 } }, /ladder is .*ratio from 1\.1/],
    ] as const) {
      await expect(styleTransfer(await climbing({ recipe: { ...lecture, ...wrong } as unknown as Recipe }))).rejects.toThrow(message);
    }
  });
});
