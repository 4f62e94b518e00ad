// Tiles are exact: cut into pieces, a picture has the losses and the gradient that it has as a whole. The pieces are small
// and ragged here, and the networks tiny.

import { beforeAll, describe, expect, it } from 'vitest';
import { plan, recipes, StyleSession, styleTransfer, type Losses, type Recipe, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse, resetPeak } from '../../src/gpu/buffers.ts';
import { countingDevice, DEFAULT_LIMITS } from '../../src/gpu/counting.ts';
import { host } from '../../src/gpu/host.ts';
import { decodeCheckpoint } from '../../src/style/checkpoint.ts';
import { blank } from '../../src/style/fit.ts';
import { shownIn } from '../../src/style/run-state.ts';
import type { SessionParts } from '../../src/style/session-parts.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { coreAt, cutAxis, cuts, demandOf } from '../../src/style/tile-grid.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { defaultNetwork } from '../../src/vgg/index.ts';
import '../../src/node/index.ts'; // WebGPU's constants, in Node
import { randomValues, relativeError, rms } from '../check.ts';
import { testDevice } from '../device.ts';
import { DEEP, picture, scene, sessionOf, tinyNetwork, tinyOptions, type RawPicture } from './setting.ts';

beforeAll(async () => host.loadNames?.());

describe('cutting an axis', () => {
  const demand = demandOf(tinyNetwork([[1, 1], [1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1]]).layers.slice(0, -1));

  it('relu5_1 of VGG-19 sees 70 pixels beyond units of 16', () => expect(demand).toEqual({ unit: 16, reach: 70 }));

  it.each([16, 100, 257, 400, 512, 1000, 3072])('%i pixels: cores cover it, extents reach as far as cores look', (length) => {
    for (let count = 1; count < 24; count++) {
      const tiles = cutAxis(length, count, demand);
      let covered = 0;
      for (const { core, extent } of tiles) {
        expect(core.begin).toBe(covered);
        covered += core.size;
        const [before, behind] = [core.begin - extent.begin, extent.begin + extent.size - covered];
        expect(extent.begin % 16).toBe(0);
        expect(extent.begin === 0 || before >= 70).toBe(true);
        expect(extent.begin + extent.size === length || behind >= 70).toBe(true);
        expect(extent.begin + extent.size).toBeLessThanOrEqual(length);
      }
      expect(covered).toBe(length);
      for (const stride of [1, 2, 4, 8, 16]) {
        expect(tiles.reduce((sum, tile) => sum + coreAt(tile, stride).size, 0)).toBe(Math.floor(length / stride));
      }
      expect(new Set(tiles.map(({ extent }) => extent.size)).size).toBeLessThanOrEqual(2);
    }
  });

  it('goes from one tile to those whose cores are half their sides', () => {
    const all = cuts({ width: 4096, height: 3072 }, demand);
    expect(all[0]).toEqual({ rows: 1, columns: 1 });
    const { rows, columns } = all.at(-1)!;
    for (const [length, count] of [[3072, rows], [4096, columns]] as const) {
      const [, inner] = cutAxis(length, count, demand);
      expect(inner!.core.size / inner!.extent.size).toBeGreaterThanOrEqual(0.5);
      expect(inner!.core.size / inner!.extent.size).toBeLessThan(0.6);
    }
  });
});

/** Wide and of little reach: tiles pay for small pictures already. */
const SHALLOW = { network: tinyNetwork([[32, 32], [32]]), content: scene(240, 200), size: 240 };

/** Some tiles a side, of sides that no pooling divides. */
const RAGGED: Tiling = {
  result: { rows: 2, columns: 3 },
  styles: [{ rows: 3, columns: 2 }, { rows: 2, columns: 2 }],
  keepsContent: true,
};

/** With some noise: without it whole channels are as good as constant, and their deviations all rounding. */
function grainy({ data, width, height }: RawPicture): RawPicture {
  const noise = randomValues(data.length, 7);
  return { data: data.map((value, i) => value + 0.1 * noise[i]!), width, height };
}

const [WIDTH, HEIGHT] = [265, 205];

/** Options with layers down to relu5_1, or deeper where the recipe says so. */
function problem(recipe: Recipe, more: Partial<StyleTransferOptions> = {}): StyleTransferOptions {
  const isStretched = recipe.style.size === 'stretched';
  return {
    content: scene(WIDTH, HEIGHT),
    style: isStretched ? picture(WIDTH, HEIGHT, 2) : picture(210, 231, 2),
    network: tinyNetwork(DEEP, 3),
    size: { width: WIDTH, height: HEIGHT },
    recipe,
    init: grainy(scene(WIDTH, HEIGHT, 1)),
    ...more,
  };
}

/** ‖a − b‖ / ‖b‖ */
function apart(a: Float32Array, b: Float32Array): number {
  return rms(a.map((value, i) => value - b[i]!)) / rms(b);
}

async function compare(options: StyleTransferOptions, tiling = RAGGED, forTerms = 1e-6, forGradient = 1e-5): Promise<void> {
  const whole = await sessionOf(options);
  const tiled = await sessionOf(options, tiling);
  try {
    expect(tiled.plan.tiles!.count).toBeGreaterThan(3);
    const [expected, got] = [await whole.evaluate(), await tiled.evaluate()];
    for (const term of ['content', 'style', 'tv', 'total'] as const) {
      const scale = Math.max(Math.abs(expected[term]), 1e-12);
      expect(Math.abs(got[term] - expected[term]) / scale, term).toBeLessThan(forTerms);
    }
    const [gradient, found] = [await whole.gradient(), await tiled.gradient()];
    expect(apart(found, gradient)).toBeLessThan(forGradient);
    expect(relativeError(found, gradient)).toBeLessThan(20 * forGradient); // nor is any pixel at a seam forgotten
  } finally {
    whole.destroy();
    tiled.destroy();
  }
}

const { gatys } = recipes as { gatys: Recipe };

describe('losses and gradient by tiles', () => {
  it.each(['gatys', 'neural-style', 'default', 'spst', 'anishathalye', 'pytorch-tutorial'])('recipe %s', (name) =>
    compare(problem(recipes[name]!)),
  );

  // Roots of covariances with hardly any pixels in the deep layers: rounding is what the root makes of it.
  it('recipe wasserstein', () => compare(problem(recipes['wasserstein']!), RAGGED, 1e-5, 1e-4));

  it('several styles, the other pooling, covariance and every form of content', () => {
    const style = [{ image: picture(210, 231, 2), weight: 2 }, { image: scene(190, 180, 2) }];
    const recipe: Recipe = {
      ...gatys,
      content: { ...gatys.content, layers: { conv1_2: 2, relu3_3: 1, pool4: 0.5 }, measure: 'relative' },
      style: { ...gatys.style, statistics: { gram: { relu2_1: 1 }, covariance: { relu3_1: 2 }, std: { conv1_1: 0.5, relu3_1: 1 } } },
      edges: { weight: 1e-5, poolings: { 1: 1, 3: 0.5 } },
      firstPadding: 'reflect',
      tv: { weight: 1e-2, form: 'power' },
    };
    // A covariance subtracts large means from large sums.
    return compare(problem(recipe, { style, pooling: 'max' }), { ...RAGGED, result: { rows: 2, columns: 2 } }, 1e-5, 5e-5);
  });

  it('content that is computed anew instead of kept, and a picture in bands', () =>
    compare(problem(recipes['default']!, { optimizer: { name: 'adam' } }), { ...RAGGED, keepsContent: false, bandBytes: 16 * WIDTH * 71 }));

  it.each(['squared', 'absolute', 'power', 'nine-point', 'mean-squared'] as const)('total variation alone, %s', (form) =>
    compare(
      problem({ ...gatys, tv: { weight: 1, form } }, { contentWeight: 0, styleWeight: 0, size: { width: 31, height: 23 } }),
      { ...RAGGED, styles: [{ rows: 1, columns: 1 }] },
    ),
  );

  it('weights that change meanwhile', async () => {
    const options = problem(recipes['neural-style']!);
    const [whole, tiled] = [await sessionOf(options), await sessionOf(options, RAGGED)];
    const losses: Losses[] = [];
    for (const session of [whole, tiled]) {
      session.set({ styleWeight: 3, contentWeight: 0.5 });
      losses.push(await session.evaluate());
      session.destroy();
    }
    expect(Math.abs(losses[1]!.total / losses[0]!.total - 1)).toBeLessThan(1e-6);
  });
});

/** A gray picture of a number for each pixel. */
function plane(width: number, height: number, value: (x: number, y: number) => number): RawPicture {
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => {
    const at = Math.floor(i / 3);
    return value(at % width, Math.floor(at / width));
  });
  return { data, width, height };
}

/** RGBA of a picture that is transparent where `alpha` says so. */
function cutOut({ data, width, height }: RawPicture, alpha: (x: number, y: number) => number): RawPicture {
  const rgba = Float32Array.from({ length: 4 * width * height }, (_, i) => {
    const at = i >> 2;
    return i % 4 < 3 ? data[3 * at + (i % 4)]! : alpha(at % width, Math.floor(at / width));
  });
  return { data: rgba, width, height };
}

describe('masks in tiles', () => {
  const soft = plane(WIDTH, HEIGHT, (x, y) => Math.min(1, Math.max(0, (x + 0.5 * y - 90) / 120)));
  const disc = plane(WIDTH, HEIGHT, (x, y) => (Math.hypot(x - 60, y - 70) < 45 ? 1 : 0)); // some tiles have nothing of it
  const ofStyle = plane(210, 231, (x, y) => (x > 40 && y < 170 ? 1 : 0.25));
  const styles = [
    { image: picture(210, 231, 2), weight: 2, mask: disc, styleMask: ofStyle },
    { image: scene(190, 180, 2) },
  ];
  const statistics: Recipe['style'] = {
    ...gatys.style,
    statistics: { gram: { relu2_1: 1, relu4_1: 0.5 }, mean: { relu1_1: 1, relu3_1: 1 }, std: { relu1_2: 0.5, relu3_1: 1 } },
  };

  it.each(['simple', 'inside', 'all'] as const)('two regions, mode %s', (maskMode) =>
    compare(problem({ ...gatys, style: statistics }, { style: styles, maskMode })),
  );

  it('soft masks, transparent pictures, an update mask', () => {
    const style = [
      { image: cutOut(picture(210, 231, 2), (x) => (x < 80 ? 0 : 1)), mask: soft },
      { image: scene(190, 180, 2), mask: { image: soft, invert: true } },
    ];
    const content = cutOut(scene(WIDTH, HEIGHT), (x, y) => (x + y > 380 ? 0 : 1));
    const updateMask = plane(WIDTH, HEIGHT, (x, y) => (x % 50 < 31 && y > 20 ? 1 : 0));
    return compare(problem(recipes['default']!, { content, style, updateMask, optimizer: { name: 'adam' } }), {
      ...RAGGED,
      keepsContent: false,
      bandBytes: 16 * WIDTH * 71,
    });
  });

  // A covariance subtracts large means from large sums.
  it('covariance in regions', () =>
    compare(problem({ ...gatys, style: { ...gatys.style, statistics: { covariance: 1 } } }, { style: styles }), RAGGED, 1e-5, 5e-5));

  it('an update mask keeps what it covers, to the byte', async () => {
    const updateMask = plane(WIDTH, HEIGHT, (x) => (x < 130 ? 0 : 1));
    const session = await sessionOf(problem(recipes['neural-style']!, { updateMask, optimizer: { name: 'adam', learningRate: 2 } }), RAGGED);
    const before = await session.readImage();
    await session.step(2);
    const after = await session.readImage();
    const changed = after.map((value, i) => (value === before[i] ? 0 : 1));
    for (let i = 0; i < changed.length; i++) if (i % WIDTH < 130) expect(changed[i]).toBe(0);
    expect(changed.some((is) => is === 1)).toBe(true);
    session.destroy();
  });

  it('are planned to the byte', async () => {
    const device = await testDevice();
    const mask = plane(240, 200, (x) => (x < 100 ? 1 : 0));
    const style = [{ image: picture(120, 126, 5), mask }, { image: picture(110, 126, 6) }];
    const shallow = await tinyOptions({ ...SHALLOW, style, updateMask: mask, iterations: 2 });
    const whole = await plan(shallow);
    const options = { ...shallow, memoryLimit: Math.floor(0.8 * whole.peakBytes) };
    const foreseen = await plan(options);
    expect(foreseen.scales[0]!.tiles!.count).toBeGreaterThan(1);
    resetPeak(device);
    const before = memoryUse(device).bytes;
    const made = await styleTransfer(options);
    expect(made.details.peakBytes - before).toBe(foreseen.peakBytes);
    expect(memoryUse(device).bytes).toBe(before);
  });

  it('beyond what any tiles can keep are refused with a size', async () => {
    const device = countingDevice(DEFAULT_LIMITS);
    const refused = problem(recipes['default']!, { style: styles, device, memoryLimit: 5e6, optimizer: { name: 'adam' } });
    await expect(StyleSession.create(refused)).rejects.toMatchObject({ code: 'limit-exceeded', where: 'memoryLimit' });
  });
});

describe('iterations by tiles', () => {
  it('20 of Adam are those of the whole picture, with the picture in bands', async () => {
    const options = problem(recipes['neural-style']!, { optimizer: { name: 'adam', learningRate: 2 } });
    const [whole, tiled] = [await sessionOf(options), await sessionOf(options, { ...RAGGED, bandBytes: 16 * WIDTH * 71 })];
    const [expected, got] = [await whole.step(20), await tiled.step(20)];
    expect(Math.abs(got.total / expected.total - 1)).toBeLessThan(1e-4);
    expect(apart(await tiled.readImage(), await whole.readImage())).toBeLessThan(1e-4);
    whole.destroy();
    tiled.destroy();
  });

  it.each<[string, number, Partial<StyleTransferOptions>]>([
    ['of L-BFGS', 8, { optimizer: { name: 'lbfgs', history: 4 } }],
    // A search decides by differences of losses: rounding has its say soon.
    ['of L-BFGS with a line search', 3, { optimizer: { name: 'lbfgs', history: 4, lineSearch: 'strong-wolfe' } }],
    // Where the gradient is 0 but for rounding, Adam goes by that.
    ['of Adam, averaged', 8, { content: grainy(scene(70, 61)), optimizer: { name: 'adam', learningRate: 0.02 }, averaging: 0.9 }],
  ])('%s in bands are those of the whole picture, and go on from a checkpoint', async (_, steps, more) => {
    const options = await tinyOptions({ content: scene(70, 61), style: picture(40, 36, 5), size: 70, ...more });
    const tiling: Tiling = { result: { rows: 3, columns: 2 }, styles: [{ rows: 1, columns: 2 }], keepsContent: true, bandBytes: 16 * 70 * 21 };
    const [whole, tiled] = [await sessionOf(options), await sessionOf(options, tiling)];
    expect(tiled.plan.tiles!.count).toBe(6);
    const [expected, got] = [await whole.step(steps), await tiled.step(steps)];
    expect(Math.abs(got.total / expected.total - 1)).toBeLessThan(1e-4);
    expect(apart(await tiled.readImage(), await whole.readImage())).toBeLessThan(1e-4);
    const kept = await tiled.checkpoint();
    await tiled.step(3);
    const again = await sessionOf(options, tiling);
    await again.adopt(decodeCheckpoint(kept));
    await again.step(3);
    const bytes = await again.checkpoint();
    expect(Buffer.compare(bytes, await tiled.checkpoint())).toBe(0);
    const { space } = recipes['lecture']!;
    expect(shownIn(decodeCheckpoint(bytes), space).data).toEqual((await again.readPixels()).data);
    for (const session of [whole, tiled, again]) session.destroy();
  });

  it('records an iteration without allocating or binding', async () => {
    const device = countingDevice(DEFAULT_LIMITS);
    const memoryLimit = 15e6;
    const session = await StyleSession.create(await tinyOptions({ ...SHALLOW, device, memoryLimit }));
    expect(memoryUse(device).peakBytes).toBeLessThanOrEqual(memoryLimit);
    expect(session.plan.tiles!.count).toBeGreaterThan(1);
    const calls: string[] = [];
    for (const method of ['createBuffer', 'createBindGroup', 'createComputePipeline', 'createTexture'] as const) {
      Object.assign(device, { [method]: () => calls.push(method) });
    }
    const encoder = device.createCommandEncoder();
    session.encode(encoder);
    session.encode(encoder);
    expect(calls).toEqual([]);
    session.destroy();
  });
});

describe('memoryLimit', () => {
  const options = (more: Partial<StyleTransferOptions> = {}): StyleTransferOptions => ({
    ...problem(recipes['default']!),
    scales: false,
    iterations: 3,
    optimizer: { name: 'adam' },
    ...more,
  });

  it('is kept by the run, as foreseen by the plan to the byte', async () => {
    const device = await testDevice();
    const shallow = await tinyOptions({ ...SHALLOW, iterations: 3 });
    const whole = await plan(shallow);
    const memoryLimit = Math.floor(0.75 * whole.peakBytes);
    const foreseen = await plan({ ...shallow, memoryLimit });
    expect(whole.scales[0]!.tiles).toBeUndefined();
    expect(foreseen.scales[0]!.tiles!.count).toBeGreaterThan(1);
    expect(foreseen.peakBytes).toBeLessThanOrEqual(memoryLimit);
    for (const [given, { peakBytes }] of [[{}, whole], [{ memoryLimit }, foreseen]] as const) {
      resetPeak(device);
      const before = memoryUse(device).bytes;
      const made = await styleTransfer({ ...shallow, ...given });
      expect(made.details.peakBytes - before).toBe(peakBytes);
      expect(made.details.options).toMatchObject(given);
    }
  });

  it('that no tiles can keep is refused before anything is allocated, with the size that would do', async () => {
    const device = countingDevice(DEFAULT_LIMITS);
    const error: unknown = await StyleSession.create(options({ device, memoryLimit: 5e6 })).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'limit-exceeded', where: 'memoryLimit' });
    const [, needed, had, side] = /need ([\d.]+) MiB.*memoryLimit is ([\d.]+) MiB.*fits is about (\d+)/s.exec((error as Error).message)!;
    expect(Number(needed)).toBeGreaterThan(Number(had));
    expect(memoryUse(device)).toEqual({ bytes: 0, peakBytes: 0 });
    const session = await StyleSession.create(options({ device, memoryLimit: 5e6, size: Number(side) }));
    session.destroy();
  });

  it('lowers the history of L-BFGS where that alone is too much, and says so', async () => {
    const device = countingDevice(DEFAULT_LIMITS);
    const warnings: string[] = [];
    const optimizer = { name: 'lbfgs', history: 100 } as const;
    const more = { device, optimizer, memoryLimit: 60e6, onWarning: (text: string) => warnings.push(text) };
    const session = await StyleSession.create(options(more));
    const { history, bytes } = session.plan;
    expect(history).toBeLessThan(100);
    expect(history).toBeGreaterThan(1);
    expect(bytes.optimizer).toBeLessThan(31e6);
    expect(memoryUse(device).peakBytes).toBeLessThanOrEqual(60e6);
    expect(warnings).toEqual([expect.stringContaining(`L-BFGS keeps ${history} pairs`)]);
    session.destroy();
  });
});

describe('a large picture with the embedded network', () => {
  /** Counted, with pictures that have sizes and no pixels. */
  async function counted(width: number, height: number, memoryLimit?: number): Promise<{ session: StyleSession; peak: number }> {
    const device = countingDevice(DEFAULT_LIMITS);
    const optimizer = { name: 'gd', learningRate: 1e-5 } as const;
    const options = resolveOptions({ content: '-', style: '-', recipe: 'default', optimizer, ...(memoryLimit && { memoryLimit }) });
    const pictures = { content: blank({ width, height }), styles: [{ picture: blank({ width: 1024, height: 768 }), weight: 1 }] };
    const parts: SessionParts = { device, vgg: await defaultNetwork(), options, pictures, start: blank({ width, height }), preview: undefined };
    const session = await StyleSession.from(parts);
    return { session, peak: memoryUse(device).peakBytes };
  }

  it('of 4096x3072 takes at most 1 GiB, and a pixel of a tile costs what it costs at 1024x768', async () => {
    const large = await counted(4096, 3072, 2 ** 30);
    expect(large.peak).toBeLessThanOrEqual(2 ** 30);
    const small = await counted(1024, 768, 200e6);
    const perPixel = ({ session: { plan: of, width, height } }: typeof large): number =>
      of.flops / (width * height + of.tiles!.haloPixels);
    expect(perPixel(large) / perPixel(small)).toBeGreaterThan(0.85);
    expect(perPixel(large) / perPixel(small)).toBeLessThan(1.15);
    large.session.destroy();
    small.session.destroy();
  });
});
