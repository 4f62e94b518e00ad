// Whole runs: what comes out, what is reported on the way, how they end early.

import { describe, expect, it } from 'vitest';
import { StyleSession, styleTransfer, type Progress, type StyledPicture } from '../../src/index.ts';
import { decodePng } from '../../src/image/index.ts';
import { testDevice } from '../device.ts';
import { bytesHeld, picture, scene, tinyNetwork, tinyOptions } from './setting.ts';

/** Mean of |Δchroma| (Rec. 601 differences of colour and luma) of two RGBA pictures, 0..255. */
function chromaDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const luma = (p: ArrayLike<number>, at: number): number => 0.299 * p[at]! + 0.587 * p[at + 1]! + 0.114 * p[at + 2]!;
  let sum = 0;
  for (let at = 0; at < a.length; at += 4) {
    for (const c of [0, 2]) sum += Math.abs(a[at + c]! - luma(a, at) - (b[at + c]! - luma(b, at)));
  }
  return sum / (a.length / 2);
}

function rgbaOf({ data }: { data: Float32Array }): number[] {
  return Array.from({ length: (data.length / 3) * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : Math.round(255 * data[3 * Math.floor(i / 4) + (i % 4)]!),
  );
}

describe('the result', () => {
  it('is a picture with the story of how it was made', async () => {
    const made = await styleTransfer(await tinyOptions({ seed: 5 }));
    expect([made.width, made.height, made.pixels.length]).toEqual([24, 20, 4 * 24 * 20]);
    expect(made.pixels).toBeInstanceOf(Uint8ClampedArray);
    expect(made).toMatchObject({ iterations: 6, stopped: 'done' });
    const { details, losses } = made;
    expect(details).toMatchObject({ seed: 5, recipe: 'lecture', network: 'custom' });
    expect(details.adapter.description.length + details.adapter.vendor.length).toBeGreaterThan(0);
    expect(details.peakBytes).toBeGreaterThan(0);
    expect(details.millisecondsPerIteration).toBeGreaterThan(0);
    expect(losses.total).toBeGreaterThan(0);
  });

  it('is what a session makes of the same options, byte for byte', async () => {
    const made = await styleTransfer(await tinyOptions());
    const session = await StyleSession.create(await tinyOptions());
    const losses = await session.step(6);
    const image = await session.readImage();
    session.destroy();
    expect(made.losses).toEqual(losses);
    const count = 24 * 20;
    const bytes = Array.from({ length: 4 * count }, (_, i) =>
      i % 4 === 3 ? 255 : Math.min(255, Math.max(0, Math.round(255 * image[(i % 4) * count + Math.floor(i / 4)]!))),
    );
    expect([...made.pixels]).toEqual(bytes);
  });

  it('goes through PNG and Blob unchanged', async () => {
    const made = await styleTransfer(await tinyOptions({ iterations: 1 }));
    const png = await made.toPng();
    const { width, height, data } = await decodePng(png, 'test');
    expect([width, height]).toEqual([24, 20]);
    expect([...data].map((value) => Math.round(255 * value))).toEqual([...made.pixels]);
    const blob = await made.toBlob();
    expect(blob.type).toBe('image/png');
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(png);
  });

  it('gives ImageData where the platform has it, and says so where not', async () => {
    const made = await styleTransfer(await tinyOptions({ iterations: 0 }));
    expect(() => made.toImageData()).toThrow(
      expect.objectContaining({ code: 'bad-option', where: 'picture.toImageData', message: expect.stringContaining('picture.pixels') }),
    );
  });

  it('has both sides as asked, whatever the content', async () => {
    const made = await styleTransfer(await tinyOptions({ size: { width: 17, height: 31 }, scales: 'auto' }));
    expect([made.width, made.height]).toEqual([17, 31]);
  });
});

describe('iterations', () => {
  it.each([
    { name: 'lbfgs', history: 5 },
    { name: 'adam' },
    { name: 'gd', learningRate: 1e-4 },
  ] as const)('lower the loss ($name)', async (optimizer) => {
    const seen: number[] = [];
    const onProgress = ({ losses }: Progress): void => void seen.push(losses.total);
    await styleTransfer(await tinyOptions({ optimizer, iterations: 30, onProgress, init: 'noise' }));
    expect(seen).toHaveLength(30);
    expect(seen.at(-1)).toBeLessThan(0.7 * seen[0]!);
  });

  it('0 of them give the start, with its losses, at full size', async () => {
    const content = scene(24, 20);
    for (const scales of [false, [12, 24]] as const) {
      const made = await styleTransfer(await tinyOptions({ content, iterations: 0, scales }));
      expect(made).toMatchObject({ iterations: 0, stopped: 'done' });
      expect([...made.pixels]).toEqual(rgbaOf(content));
      expect(made.losses.style).toBeGreaterThan(0);
    }
  });

  it('say non-finite when they blow up, and give the memory back', async () => {
    const before = await bytesHeld();
    const options = await tinyOptions({ optimizer: { name: 'gd', learningRate: 1e30 }, init: 'noise', iterations: 20 });
    await expect(styleTransfer(options)).rejects.toMatchObject({ code: 'non-finite' });
    expect(await bytesHeld()).toBe(before);
    // The last update has no loss after it: values that would leave the range of floats stay where they are.
    const once = await tinyOptions({ optimizer: { name: 'gd', learningRate: 3e38 }, init: 'noise', iterations: 1 });
    expect((await styleTransfer(once)).pixels.length).toBe(4 * 24 * 20);
    expect(await bytesHeld()).toBe(before);
    // The library works on.
    await styleTransfer(await tinyOptions());
  });

  it('are the same bytes each time, and the seed decides', async () => {
    const run = async (seed: number): Promise<number[]> =>
      [...(await styleTransfer(await tinyOptions({ init: 'noise', seed, scales: [12, 24] }))).pixels];
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });
});

describe('progress', () => {
  it('counts over all scales, once each, with finite numbers', async () => {
    const seen: Progress[] = [];
    const made = await styleTransfer(
      await tinyOptions({ iterations: 11, scales: [12, 18, 24], onProgress: (progress) => void seen.push(progress) }),
    );
    expect(seen.map(({ iteration }) => iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(made.iterations).toBe(11);
    const scales = seen.map(({ scale }) => scale);
    expect(scales.map(({ index }) => index)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect(scales[0]).toEqual({ index: 0, count: 3, width: 12, height: 10 });
    expect(scales.at(-1)).toEqual({ index: 2, count: 3, width: 24, height: 20 });
    for (const { iterations, losses, millisecondsPerIteration, secondsLeft } of seen) {
      expect(iterations).toBe(11);
      for (const value of [losses.total, millisecondsPerIteration, secondsLeft]) expect(Number.isFinite(value)).toBe(true);
      expect(secondsLeft).toBeGreaterThanOrEqual(0);
    }
    expect(seen.at(-1)!.secondsLeft).toBe(0);
    expect(made.losses).toEqual(seen.at(-1)!.losses);
  });

  it('gives the picture as it stands, at the size of its scale', async () => {
    const taken: Promise<StyledPicture>[] = [];
    const onProgress = (progress: Progress): void => {
      if (progress.iteration === 2 || progress.iteration === 6) taken.push(progress.picture());
    };
    const made = await styleTransfer(await tinyOptions({ scales: [12, 24], onProgress }));
    const [early, last] = await Promise.all(taken);
    expect([early!.width, early!.height]).toEqual([12, 10]);
    expect(last!.pixels).toEqual(made.pixels);
  });

  it('that throws ends the run and gives the memory back', async () => {
    const before = await bytesHeld();
    const onProgress = (): void => {
      throw new Error('the caller changed its mind');
    };
    await expect(styleTransfer(await tinyOptions({ onProgress }))).rejects.toThrow('the caller changed its mind');
    expect(await bytesHeld()).toBe(before);
  });
});

describe('aborting', () => {
  it('before the start rejects', async () => {
    const before = await bytesHeld();
    const signal = AbortSignal.abort();
    await expect(styleTransfer(await tinyOptions({ signal }))).rejects.toMatchObject({ code: 'aborted' });
    await expect(StyleSession.create(await tinyOptions({ signal }))).rejects.toMatchObject({ code: 'aborted' });
    expect(await bytesHeld()).toBe(before);
  });

  it('before the first picture rejects too', async () => {
    const before = await bytesHeld();
    const controller = new AbortController();
    const running = styleTransfer(await tinyOptions({ signal: controller.signal }));
    queueMicrotask(() => controller.abort());
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(await bytesHeld()).toBe(before);
  });

  it('whenever it comes: a rejection and nothing, or a picture with iterations', async () => {
    const before = await bytesHeld();
    const outcomes = new Set<string>();
    for (let patience = 0; outcomes.size < 3; patience++) {
      // A signal that fires when it has been asked so many times.
      let asked = 0;
      const signal = new AbortController().signal;
      Object.defineProperty(signal, 'aborted', { get: () => asked++ >= patience });
      const run = styleTransfer(await tinyOptions({ signal, iterations: 4, scales: [12, 24] }));
      const made = await run.catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'aborted' });
        return undefined;
      });
      outcomes.add(made?.stopped ?? 'rejected');
      if (made?.stopped === 'aborted') {
        expect(made.iterations).toBeGreaterThan(0);
        expect(made.losses.total).toBeGreaterThan(0);
      }
      if (made?.stopped === 'done') expect(made.iterations).toBe(4);
      expect(await bytesHeld()).toBe(before);
    }
  });

  it.each([2, 7])('at iteration %i gives the picture so far, at the size of the result', async (at) => {
    const before = await bytesHeld();
    const controller = new AbortController();
    const onProgress = ({ iteration }: Progress): void => {
      if (iteration === at) controller.abort();
    };
    const options = await tinyOptions({ iterations: 12, scales: [12, 24], signal: controller.signal, onProgress });
    const made = await styleTransfer(options);
    expect(made.stopped).toBe('aborted');
    expect([made.width, made.height]).toEqual([24, 20]);
    expect(made.iterations).toBeGreaterThanOrEqual(at);
    expect(made.iterations).toBeLessThan(12);
    expect(await bytesHeld()).toBe(before);
  });

  it('between two scales gives the coarser picture', async () => {
    const controller = new AbortController();
    const onProgress = ({ iteration, scale }: Progress): void => {
      // The last iteration of the first scale: the signal fires while the second is made.
      if (scale.index === 0 && iteration === 3) setTimeout(() => controller.abort(), 0);
    };
    const options = await tinyOptions({ iterations: 5, scales: [12, 24], signal: controller.signal, onProgress });
    const made = await styleTransfer(options);
    expect(made).toMatchObject({ stopped: 'aborted', width: 24, height: 20 });
    expect(made.iterations).toBeLessThan(5);
  });

  it('at the very end changes nothing: the run is done', async () => {
    const controller = new AbortController();
    const onProgress = ({ iteration }: Progress): void => {
      if (iteration === 6) controller.abort();
    };
    const made = await styleTransfer(await tinyOptions({ signal: controller.signal, onProgress }));
    expect(made).toMatchObject({ stopped: 'done', iterations: 6 });
  });
});

describe('init', () => {
  const content = scene(24, 20);
  const style = scene(24, 20, 1);
  const start = async (init: Parameters<typeof styleTransfer>[0]['init']): Promise<number[]> =>
    [...(await styleTransfer(await tinyOptions({ content, style, iterations: 0, ...(init && { init }) }))).pixels];

  it('content, style, gray, or a picture', async () => {
    expect(await start('content')).toEqual(rgbaOf(content));
    expect(await start('style')).toEqual(rgbaOf(style));
    expect(new Set(await start('gray'))).toEqual(new Set([128, 255]));
    const other = picture(24, 20, 33);
    expect(await start(other)).toEqual(rgbaOf(other));
    expect(await start(undefined)).toEqual(rgbaOf(content)); // what the recipe says
  });

  it('noise spreads over [0, 1]', async () => {
    const values = (await start('noise')).filter((_, i) => i % 4 !== 3);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean - 127.5)).toBeLessThan(8);
    expect(Math.min(...values)).toBeLessThan(5);
    expect(Math.max(...values)).toBeGreaterThan(250);
  });

  it('a picture of another size is brought to the result', async () => {
    const made = await styleTransfer(await tinyOptions({ init: picture(50, 11, 2), iterations: 0 }));
    expect([made.width, made.height]).toEqual([24, 20]);
  });
});

describe('color', () => {
  const content = scene(24, 20);
  const style = scene(26, 22, 2);
  const run = async (color: 'style' | 'luminance' | 'match' | 'histogram'): Promise<StyledPicture> =>
    styleTransfer(await tinyOptions({ content, style, color, iterations: 12, contentWeight: 0 }));

  it('luminance keeps the chroma of the content', async () => {
    const reference = rgbaOf(content);
    const kept = chromaDistance((await run('luminance')).pixels, reference);
    const free = chromaDistance((await run('style')).pixels, reference);
    // Colours out of gamut are clamped, which costs a little chroma.
    expect(kept).toBeLessThan(0.25 * free);
  });

  it.each(['match', 'histogram'] as const)('%s gives the style the colours of the content', async (color) => {
    const reference = rgbaOf(content);
    const mean = (pixels: ArrayLike<number>, c: number): number => {
      let sum = 0;
      for (let i = c; i < pixels.length; i += 4) sum += pixels[i]!;
      return sum / (pixels.length / 4);
    };
    const away = (pixels: ArrayLike<number>): number =>
      [0, 1, 2].reduce((sum, c) => sum + Math.abs(mean(pixels, c) - mean(reference, c)), 0);
    // Started from the style itself, so that the recoloured style shows.
    const start = await styleTransfer(await tinyOptions({ content, style, color, init: 'style', iterations: 0 }));
    const plain = await styleTransfer(await tinyOptions({ content, style, init: 'style', iterations: 0 }));
    expect(away(start.pixels)).toBeLessThan(0.35 * away(plain.pixels));
  });
});

describe('the embedded network', () => {
  it('is what runs when none is named, with the default recipe', async () => {
    const made = await styleTransfer({
      content: scene(40, 32),
      style: picture(40, 40, 1),
      device: await testDevice(),
      size: 40,
      iterations: 3,
    });
    expect(made.details).toMatchObject({ network: 'default', recipe: 'default' });
    expect(Object.keys(made.losses.layers)).toContain('relu5_1');
  });

  it('can be replaced by the bytes of a file', async () => {
    const network = await tinyNetwork().toSafetensors({ dtype: 'f32' });
    const bytes = [...(await styleTransfer(await tinyOptions({ network }))).pixels];
    expect(bytes).toEqual([...(await styleTransfer(await tinyOptions())).pixels]);
    await expect(styleTransfer(await tinyOptions({ network: network.subarray(0, 500) }))).rejects.toMatchObject({
      code: expect.stringMatching(/^bad-(weights|model)$/),
    });
  });
});
