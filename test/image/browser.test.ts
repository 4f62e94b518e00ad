// loadImage in a real page: elements, bitmaps, canvases, video, and the formats that the browser decodes.
// npm test names the browser by PUPPETEER_EXECUTABLE_PATH, or says by WGPU_STYLE_NO_BROWSER why there is none.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { build } from 'esbuild';
import puppeteer, { type Browser, type Page } from 'puppeteer';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { loadImage as LoadImage } from '../../src/image/source.ts';
import { makePng } from './make-png.ts';

const reason = process.env['WGPU_STYLE_NO_BROWSER'];
const name = reason === undefined ? 'in a page' : `in a page (skipped: ${reason})`;

/** What the bundle puts on the page. */
interface OnPage {
  readonly loadImage: typeof LoadImage;
}
declare const library: OnPage;

// Left red, right blue; large enough that JPEG keeps both.
const colours = [
  [200, 40, 40],
  [40, 40, 200],
] as const;
const sample = (x: number, _: number, c: number): number => colours[x < 16 ? 0 : 1][c] ?? 255;
const png = makePng({ width: 32, height: 16, depth: 8, colourType: 2, sample });

describe.skipIf(reason !== undefined)(name, () => {
  let browser: Browser;
  let page: Page;
  let server: Server;
  let other: Server;
  let otherOrigin: string;

  const serve = async (files: Readonly<Record<string, Uint8Array | string>>): Promise<Server> => {
    const made = createServer((request, response) => {
      const body = files[request.url ?? ''];
      if (body === undefined) response.writeHead(404).end();
      else
        response
          .setHeader('content-type', typeof body === 'string' ? 'text/html' : 'image/png')
          .end(body);
    });
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return made;
  };

  beforeAll(async () => {
    const bundle = await build({
      entryPoints: [path.resolve(import.meta.dirname, '../../src/image/source.ts')],
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'library',
      target: 'es2022',
    });
    server = await serve({
      '/': '<!doctype html><title>test</title>',
      '/picture.png': png,
      '/text.png': new TextEncoder().encode('no'),
    });
    other = await serve({ '/picture.png': png });
    otherOrigin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    browser = await puppeteer.launch({ headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: bundle.outputFiles[0]!.text });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    other?.close();
  });

  /** Runs in the page: makes a source of one kind out of base64 bytes, loads it, and tells size and two pixels. */
  const loaded = (
    kind: string,
    base64: string,
  ): Promise<{ size: number[]; left: number[]; right: number[] }> =>
    page.evaluate(
      async (kind, base64) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const blob = new Blob([bytes]);
        const bitmap = await createImageBitmap(blob);
        const painted = <T extends HTMLCanvasElement | OffscreenCanvas>(
          canvas: T,
          colorSpace: PredefinedColorSpace = 'srgb',
        ): T => {
          const context = canvas.getContext('2d', { colorSpace }) as CanvasRenderingContext2D;
          context.drawImage(bitmap, 0, 0);
          return canvas;
        };
        const sized = (): HTMLCanvasElement =>
          Object.assign(document.createElement('canvas'), {
            width: bitmap.width,
            height: bitmap.height,
          });
        const offscreen = (): OffscreenCanvas => new OffscreenCanvas(bitmap.width, bitmap.height);
        const image = (): HTMLImageElement =>
          Object.assign(new Image(7, 7), { src: URL.createObjectURL(blob) });
        const video = async (): Promise<HTMLVideoElement> => {
          const element = Object.assign(document.createElement('video'), { muted: true });
          const canvas = painted(sized());
          element.srcObject = canvas.captureStream(30);
          const repaint = setInterval(() => painted(canvas), 30);
          await element.play();
          clearInterval(repaint);
          return element;
        };
        const dataOf = (colorSpace: PredefinedColorSpace): ImageData =>
          (painted(sized(), colorSpace).getContext('2d') as CanvasRenderingContext2D).getImageData(
            0,
            0,
            bitmap.width,
            bitmap.height,
          );
        const sources = {
          bytes: () => bytes,
          blob: () => blob,
          file: () => new File([bytes], 'a.png'),
          path: () => 'picture.png',
          bitmap: () => bitmap,
          image,
          canvas: () => painted(sized()),
          offscreen: () => painted(offscreen()),
          video,
          frame: () => new VideoFrame(bitmap, { timestamp: 0 }),
          data: () => dataOf('srgb'),
          wide: () => dataOf('display-p3'),
        };
        const source = await sources[kind as keyof typeof sources]();
        const { width, height, data } = await library.loadImage(source);
        const at = (x: number, y: number): number[] =>
          Array.from(data.subarray(4 * (y * width + x), 4 * (y * width + x) + 4));
        return {
          size: [width, height],
          left: at(4, height >> 1),
          right: at(width - 5, height >> 1),
        };
      },
      kind,
      base64,
    );

  const expectPicture = (got: Awaited<ReturnType<typeof loaded>>, by: number): void => {
    expect(got.size).toEqual([32, 16]);
    for (const [pixel, colour] of [
      [got.left, colours[0]],
      [got.right, colours[1]],
    ] as const) {
      colour.forEach((value, c) => expect(Math.abs(pixel[c]! - value / 255)).toBeLessThan(by));
      expect(pixel[3]).toBe(1);
    }
  };

  test.each([
    'bytes',
    'blob',
    'file',
    'path',
    'bitmap',
    'image',
    'canvas',
    'offscreen',
    'frame',
    'data',
    'wide',
  ])('loads from: %s', async (kind) =>
    expectPicture(await loaded(kind, Buffer.from(png).toString('base64')), 0.006),
  );

  test('loads what a video shows', async () => {
    // Video has limited range and coarse chroma.
    expectPicture(await loaded('video', Buffer.from(png).toString('base64')), 0.06);
  });

  test.each(['jpeg', 'webp', 'avif', 'gif'] as const)('loads %s by the browser', async (format) => {
    const file = await sharp(png).toFormat(format).toBuffer();
    expectPicture(await loaded('bytes', file.toString('base64')), 0.03);
  });

  test('applies EXIF orientation and converts Display P3, PNG included', async () => {
    const turned = await sharp(png).jpeg().withMetadata({ orientation: 3 }).toBuffer();
    const got = await loaded('bytes', turned.toString('base64'));
    expectPicture({ ...got, left: got.right, right: got.left }, 0.03);
    for (const format of ['png', 'jpeg'] as const) {
      const wide = await sharp(png).withIccProfile('p3').toFormat(format).toBuffer();
      expectPicture(await loaded('bytes', wide.toString('base64')), 0.03);
    }
  });

  /** Runs in the page: the error of a source that cannot be loaded. */
  const refused = (kind: string): Promise<{ code: string; message: string }> =>
    page.evaluate(
      async (kind, url) => {
        const load = (source: string, crossOrigin: string | null = null): HTMLImageElement =>
          Object.assign(new Image(), { crossOrigin, src: source });
        const closed = async (): Promise<ImageBitmap> => {
          const bitmap = await createImageBitmap(new ImageData(2, 2));
          bitmap.close();
          return bitmap;
        };
        const sources = {
          broken: () => load('text.png'),
          empty: () => new Image(),
          foreign: () => load(url),
          fetch: () => url,
          missing: () => 'none.png',
          text: () => new Blob(['no picture']),
          closed,
          canvas: () => new OffscreenCanvas(0, 5),
          video: () => document.createElement('video'),
        };
        const source = await sources[kind as keyof typeof sources]();
        try {
          await library.loadImage(source, { where: 'style' });
          return { code: 'none', message: 'it loaded' };
        } catch (error) {
          return { code: (error as { code: string }).code, message: (error as Error).message };
        }
      },
      kind,
      `${otherOrigin}/picture.png`,
    );

  test.each<readonly [string, string, RegExp]>([
    ['broken', 'bad-image', /^style: an image element without a picture: got ".*text\.png"/],
    ['empty', 'bad-image', /^style: an image element without a picture/],
    ['foreign', 'bad-image', /^style: the picture may not be read: .*crossOrigin/],
    ['fetch', 'network', /^style: the picture could not be fetched: .*CORS/],
    ['missing', 'network', /got status 404/],
    ['text', 'bad-image', /got 10 bytes that look like text, need PNG, JPEG/],
    ['closed', 'bad-image', /got 0x0 pixels/],
    ['canvas', 'bad-image', /got 0x5 pixels/],
    ['video', 'bad-image', /got 0x0 pixels/],
  ])('refuses: %s', async (kind, code, message) => {
    expect(await refused(kind)).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
