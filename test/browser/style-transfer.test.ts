// The public face where most people use it: in a page and in a worker, from two pictures to a painting.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noBrowser, openPage, type OpenPage } from './page.ts';

type Library = typeof import('wgpu-style');

/** Two small pictures with edges and colours: enough for the network's first layers, quick on SwiftShader. */
const MODULE = `
  export * from 'wgpu-style';
  export function picture(kind) {
    const image = new ImageData(48, 32);
    for (let y = 0, i = 0; y < 32; y++) for (let x = 0; x < 48; x++, i += 4) {
      const on = kind === 'content' ? (x - 24) ** 2 + (y - 16) ** 2 < 90 : (x + 2 * y) % 8 < 4;
      image.data.set(on ? [220, 160, 40, 255] : [30, 60, 150, 255], i);
    }
    return image;
  }
  // As a worker: one painting, told to the page.
  if (typeof WorkerGlobalScope !== 'undefined') {
    const { styleTransfer } = await import('wgpu-style');
    styleTransfer({ content: picture('content'), style: picture('style'), size: 48, scales: false, iterations: 2 })
      .then(({ width, height, losses }) => postMessage({ width, height, total: losses.total }))
      .catch((error) => postMessage({ error: String(error) }));
  }
`;

describe('styleTransfer in headless Chrome', () => {
  let open: OpenPage | undefined;
  beforeAll(async () => {
    if (noBrowser === undefined) open = await openPage({ module: MODULE });
  });
  afterAll(() => open?.close());

  test('paints in a page: progress, PNG, ImageData and losses', { timeout: 300_000 }, async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const { page, errors } = open!;
    const result = await page.evaluate(async () => {
      const { library } = globalThis as unknown as {
        library: Library & { picture(kind: string): ImageData };
      };
      const totals: number[] = [];
      const painted = await library.styleTransfer({
        content: library.picture('content'),
        style: library.picture('style'),
        size: 48,
        scales: false,
        iterations: 6,
        onProgress: ({ losses }) => totals.push(losses.total),
      });
      const png = await painted.toPng();
      const bitmap = await createImageBitmap(await painted.toBlob());
      const distinct = new Set(painted.pixels);
      return {
        size: [painted.width, painted.height],
        bitmap: [bitmap.width, bitmap.height],
        data: painted.toImageData().data.length,
        signature: [...png.slice(0, 4)],
        values: distinct.size,
        stopped: painted.stopped,
        iterations: painted.iterations,
        last: painted.losses.total,
        first: totals[0],
      };
    });
    expect(result).toMatchObject({
      size: [48, 32],
      bitmap: [48, 32],
      data: 48 * 32 * 4,
      signature: [0x89, 0x50, 0x4e, 0x47],
      stopped: 'done',
      iterations: 6,
    });
    expect(result.values).toBeGreaterThan(20);
    expect(result.last).toBeLessThan(result.first!);
    expect(errors).toEqual([]);
  });

  test('paints in a worker', { timeout: 300_000 }, async ({ skip }) => {
    skip(noBrowser !== undefined, noBrowser);
    const { page, bundleUrl } = open!;
    const answer = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const worker = new Worker(url, { type: 'module' });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => resolve({ error: message });
        }),
      bundleUrl,
    );
    expect(answer).toMatchObject({ width: 48, height: 32, total: expect.any(Number) });
  });
});
