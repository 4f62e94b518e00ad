// The picture in a texture of the caller's, number by number: every format, both ways of meaning its values.

import { describe, expect, it } from 'vitest';
import type { ColorSpace } from '../../src/index.ts';
import { randomValues } from '../check.ts';
import { defaultDevice, testDevice } from '../device.ts';
import { tinyOptions, withSession } from './setting.ts';

const [WIDTH, HEIGHT] = [24, 20];

/** IEC 61966-2-1, written out. */
function toLinear(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function half(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  return exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
}

interface Layout {
  readonly format: GPUTextureFormat;
  readonly bytes: 4 | 8 | 16;
  /** Largest error: half a step of the format, and some of the adapter's arithmetic. */
  readonly tolerance: number;
  /** Sample `c` (RGBA) of the texel at `at` bytes. */
  readonly sample: (view: DataView, at: number, c: number) => number;
}

const byte = (view: DataView, at: number, c: number): number => view.getUint8(at + c) / 255;
const swapped = (view: DataView, at: number, c: number): number => view.getUint8(at + [2, 1, 0, 3][c]!) / 255;
const layouts: readonly Layout[] = [
  { format: 'rgba8unorm', bytes: 4, tolerance: 0.502 / 255, sample: byte },
  { format: 'bgra8unorm', bytes: 4, tolerance: 0.502 / 255, sample: swapped },
  // The adapter encodes by an approximation of its own; lavapipe is off by 0.65 of a step.
  { format: 'rgba8unorm-srgb', bytes: 4, tolerance: 0.7 / 255, sample: byte },
  { format: 'bgra8unorm-srgb', bytes: 4, tolerance: 0.7 / 255, sample: swapped },
  {
    format: 'rgb10a2unorm',
    bytes: 4,
    tolerance: 1 / 1023, // lavapipe cuts off where others round
    sample: (view, at, c) => {
      const word = view.getUint32(at, true);
      return c === 3 ? (word >>> 30) / 3 : ((word >>> (10 * c)) & 1023) / 1023;
    },
  },
  { format: 'rgba16float', bytes: 8, tolerance: 2 ** -11, sample: (view, at, c) => half(view.getUint16(at + 2 * c, true)) },
  { format: 'rgba32float', bytes: 16, tolerance: 1e-6, sample: (view, at, c) => view.getFloat32(at + 4 * c, true) },
];

/** RGBA of a texture, row by row. */
async function samples(device: GPUDevice, texture: GPUTexture, { bytes, sample }: Layout): Promise<number[]> {
  const bytesPerRow = Math.ceil((bytes * WIDTH) / 256) * 256;
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
  const buffer = device.createBuffer({ size: bytesPerRow * HEIGHT, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [WIDTH, HEIGHT]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const view = new DataView(buffer.getMappedRange().slice(0));
  buffer.destroy();
  return Array.from({ length: 4 * WIDTH * HEIGHT }, (_, i) => {
    const pixel = i >> 2;
    return sample(view, Math.floor(pixel / WIDTH) * bytesPerRow + (pixel % WIDTH) * bytes, i & 3);
  });
}

const cases = layouts.flatMap((layout) =>
  ([undefined, 'srgb', 'srgb-linear'] as const).map((colorSpace) => [layout.format, colorSpace, layout] as const),
);

describe('a texture of the caller', () => {
  it.each(cases)('%s shows the picture (%s)', async (format, colorSpace: ColorSpace | undefined, layout) => {
    const device = await testDevice();
    const texture = device.createTexture({
      size: [WIDTH, HEIGHT],
      format,
      mipLevelCount: 2, // only the first is painted
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC | GPUTextureUsage.TEXTURE_BINDING,
    });
    const preview = colorSpace === undefined ? texture : { texture, colorSpace };
    await withSession({ preview }, async (session) => {
      // Values outside [0, 1] occur between steps of recipes that do not clamp.
      const image = randomValues(3 * WIDTH * HEIGHT, 9).map((value) => 0.5 + 0.55 * value);
      await session.writeImage(image);
      const shown = await samples(device, texture, layout);
      const isLinear = colorSpace === 'srgb-linear' && !format.endsWith('-srgb');
      let worst = 0;
      for (let i = 0; i < shown.length; i++) {
        const value = Math.min(1, Math.max(0, image[(i & 3) * WIDTH * HEIGHT + (i >> 2)] ?? 1));
        const expected = (i & 3) === 3 ? 1 : isLinear ? toLinear(value) : value;
        worst = Math.max(worst, Math.abs(shown[i]! - expected));
      }
      expect(worst).toBeLessThan(layout.tolerance);
    });
    texture.destroy();
  });

  it('goes in as it came out', async () => {
    const device = await testDevice();
    const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
    for (const { format, tolerance } of layouts) {
      for (const colorSpace of ['srgb', 'srgb-linear'] as const) {
        const texture = device.createTexture({ size: [WIDTH, HEIGHT], format, usage });
        const image = randomValues(3 * WIDTH * HEIGHT, 3).map((value) => 0.5 + 0.5 * value);
        await withSession({ preview: { texture, colorSpace } }, (session) => session.writeImage(image));
        const again = await withSession({ content: { texture, colorSpace } }, (session) => session.readImage());
        const worst = Math.max(...again.map((value, i) => Math.abs(value - image[i]!)));
        // The curve is steepest at black: a step of linear light is 12.92 steps there.
        const steepest = colorSpace === 'srgb-linear' && !format.endsWith('-srgb') ? 12.92 : 1;
        expect(worst, `${format}, ${colorSpace}`).toBeLessThan(steepest * tolerance + 1e-6);
        texture.destroy();
      }
    }
  });

  it.each<readonly [string, Partial<GPUTextureDescriptor>, string]>([
    ['a format without blue', { format: 'rg8unorm' }, 'the texture is 2d rg8unorm with 1 sample(s)'],
    ['integers', { format: 'rgba8uint' }, 'rgba8uint'],
    ['samples', { sampleCount: 4 }, 'with 4 sample(s)'],
    ['a usage that forbids it', { usage: 1 /* COPY_SRC */ }, 'RENDER_ATTACHMENT'],
  ])('is refused with %s', async (_, more, message) => {
    const device = await testDevice();
    const usage = GPUTextureUsage.RENDER_ATTACHMENT;
    const texture = device.createTexture({ size: [8, 8], format: 'rgba8unorm', usage, ...more });
    await expect(withSession({ preview: texture }, async () => undefined)).rejects.toMatchObject({
      code: 'bad-option',
      where: 'preview',
      message: expect.stringContaining(message),
    });
    texture.destroy();
  });

  it('is refused with an unknown colour space, in and out', async () => {
    const device = await testDevice();
    const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
    const texture = device.createTexture({ size: [8, 8], format: 'rgba8unorm', usage });
    const wrong = { texture, colorSpace: 'display-p3' as ColorSpace };
    for (const [where, more] of [['preview', { preview: wrong }], ['content', { content: wrong }]] as const) {
      await expect(withSession(more, async () => undefined)).rejects.toMatchObject({
        code: 'bad-option',
        where,
        message: expect.stringContaining('"display-p3"'),
      });
    }
    texture.destroy();
  });
});

describe('linear light', () => {
  it('comes in from buffers of floats and bytes', async () => {
    const device = await defaultDevice();
    const values = Array.from({ length: 4 * WIDTH * HEIGHT }, (_, i) => (i % 4 === 3 ? 255 : (37 * i) % 256));
    for (const Kind of [Float32Array, Uint8Array] as const) {
      const bytes = Kind === Float32Array ? Float32Array.from(values, (value) => value / 255) : Uint8Array.from(values);
      const buffer = device.createBuffer({ size: bytes.byteLength, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
      device.queue.writeBuffer(buffer, 0, bytes);
      const content = { buffer, width: WIDTH, height: HEIGHT, colorSpace: 'srgb-linear' } as const;
      await withSession({ device, content }, async (session) => {
        const image = await session.readImage();
        let worst = 0;
        for (let c = 0; c < 3; c++) {
          for (let i = 0; i < WIDTH * HEIGHT; i++) {
            worst = Math.max(worst, Math.abs(toLinear(image[c * WIDTH * HEIGHT + i]!) - values[4 * i + c]! / 255));
          }
        }
        expect(worst).toBeLessThan(1e-6);
      });
      buffer.destroy();
    }
    device.destroy();
  });

  it('above white is white, as scenes have it; nothing else is let pass', async () => {
    const device = await testDevice();
    const usage = GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC;
    const texture = device.createTexture({ size: [WIDTH, HEIGHT], format: 'rgba32float', usage });
    const fill = (value: number): void => {
      const data = new Float32Array(4 * WIDTH * HEIGHT).map((_, i) => (i % 4 === 3 ? 1 : value));
      device.queue.writeTexture({ texture }, data, { bytesPerRow: 16 * WIDTH }, [WIDTH, HEIGHT]);
    };
    fill(20);
    const image = await withSession({ content: { texture, colorSpace: 'srgb-linear' } }, (session) => session.readImage());
    expect(new Set(image)).toEqual(new Set([1]));
    fill(NaN);
    await expect(tinyOptions({ content: { texture, colorSpace: 'srgb-linear' } }).then((o) => withSession(o, async () => 0))).rejects.toMatchObject({
      code: 'bad-image',
    });
    texture.destroy();
  });
});
