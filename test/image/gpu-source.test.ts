import { describe, expect, test } from 'vitest';
import { loadImage, type ImageSource } from '../../src/image/source.ts';
import { testDevice } from '../device.ts';

const device = await testDevice();
const { COPY_SRC, COPY_DST, STORAGE } = GPUBufferUsage;

// Widths whose rows are not, and are, whole 256 bytes.
const sides = [
  [1, 1],
  [5, 3],
  [64, 2],
  [67, 5],
] as const;
const value = (i: number): number => (i * 37) % 256;

function texture(
  width: number,
  height: number,
  format: GPUTextureFormat,
  texels: Uint8Array<ArrayBuffer>,
  usage = 0,
): GPUTexture {
  const made = device.createTexture({
    size: [width, height],
    format,
    usage: usage || GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST,
  });
  if (!usage) {
    device.queue.writeTexture({ texture: made }, texels, { bytesPerRow: texels.length / height }, [
      width,
      height,
    ]);
  }
  return made;
}

/** Halves of k / 256: exact, built from the definition. */
function half(k: number): number {
  if (k === 0) return 0;
  const exponent = Math.floor(Math.log2(k / 256));
  return ((exponent + 15) << 10) | (((k / 256) * 2 ** -exponent - 1) * 1024);
}

const packings: readonly (readonly [
  GPUTextureFormat,
  (rgba: readonly number[]) => Uint8Array<ArrayBuffer>,
  number,
])[] = [
  ['rgba8unorm', (rgba) => Uint8Array.from(rgba), 255],
  ['rgba8unorm-srgb', (rgba) => Uint8Array.from(rgba), 255],
  ['bgra8unorm', (rgba) => Uint8Array.from(rgba, (_, i) => rgba[[2, 0, -2, 0][i % 4]! + i]!), 255],
  [
    'bgra8unorm-srgb',
    (rgba) => Uint8Array.from(rgba, (_, i) => rgba[[2, 0, -2, 0][i % 4]! + i]!),
    255,
  ],
  ['rgba16float', (rgba) => new Uint8Array(Uint16Array.from(rgba, half).buffer), 256],
  ['rgba32float', (rgba) => new Uint8Array(Float32Array.from(rgba, (v) => v / 256).buffer), 256],
];

test.each(packings)('reads a texture of %s', async (format, pack, top) => {
  for (const [width, height] of sides) {
    const rgba = Array.from({ length: 4 * width * height }, (_, i) => value(i));
    const source = texture(width, height, format, pack(rgba));
    const pixels = await loadImage(source, { device });
    expect([pixels.width, pixels.height]).toEqual([width, height]);
    expect(Array.from(pixels.data)).toEqual(rgba.map((v) => Math.fround(v / top)));
    // Still the caller's: it can be read again.
    expect((await loadImage(source, { device })).data).toEqual(pixels.data);
    source.destroy();
  }
});

function buffer(
  bytes: Uint8Array<ArrayBuffer>,
  size: number = bytes.length,
  usage: number = STORAGE | COPY_SRC | COPY_DST,
): GPUBuffer {
  const made = device.createBuffer({ size, usage });
  if (usage & COPY_DST) device.queue.writeBuffer(made, 0, bytes);
  return made;
}

test('reads buffers of floats and of bytes, told apart by size or by format', async () => {
  for (const [width, height] of sides) {
    const rgba = Array.from({ length: 4 * width * height }, (_, i) => value(i));
    const floats = new Uint8Array(Float32Array.from(rgba, (v) => v / 255).buffer);
    const wanted = rgba.map((v) => Math.fround(v / 255));
    const read = async (source: ImageSource): Promise<number[]> =>
      Array.from((await loadImage(source, { device })).data);
    expect(await read({ buffer: buffer(floats), width, height })).toEqual(wanted);
    expect(await read({ buffer: buffer(Uint8Array.from(rgba)), width, height })).toEqual(wanted);
    const behind = buffer(
      Uint8Array.from([...new Array<number>(8).fill(9), ...rgba]),
      8 + 16 * rgba.length,
    );
    expect(await read({ buffer: behind, width, height, format: 'rgba8unorm', offset: 8 })).toEqual(
      wanted,
    );
  }
});

describe('refused', () => {
  const bytes = new Uint8Array(16);
  const plain = (): GPUTexture => texture(2, 2, 'rgba8unorm', bytes);
  test.each<readonly [string, () => ImageSource, RegExp]>([
    [
      'a format without colours',
      () => texture(2, 2, 'r32uint', bytes),
      /got 2d r32uint with 1 sample\(s\), need 2d/,
    ],
    [
      'a texture without COPY_SRC',
      () => texture(2, 2, 'rgba8unorm', bytes, GPUTextureUsage.TEXTURE_BINDING),
      /without COPY_SRC/,
    ],
    [
      'a buffer without COPY_SRC',
      () => ({ buffer: buffer(bytes, 16, STORAGE), width: 1, height: 1 }),
      /without COPY_SRC/,
    ],
    [
      'a buffer that is too small',
      () => ({ buffer: buffer(bytes), width: 9, height: 9 }),
      /got 16 bytes from offset 0, need 1296/,
    ],
    [
      'a buffer of unclear size',
      () => ({ buffer: buffer(bytes, 48), width: 1, height: 1 }),
      /need 16 \(rgba32float\) or 4/,
    ],
    [
      'NaN in a buffer',
      () => ({
        buffer: buffer(new Uint8Array(Float32Array.of(NaN, 0, 0, 0).buffer)),
        width: 1,
        height: 1,
      }),
      /got NaN/,
    ],
    [
      'a destroyed texture',
      () => {
        const gone = plain();
        gone.destroy();
        return gone;
      },
      /would not copy it/,
    ],
  ])('%s', async (_, source, message) => {
    await expect(loadImage(source(), { device, where: 'content' })).rejects.toMatchObject({
      code: 'bad-image',
      where: 'content',
      message: expect.stringMatching(message),
    });
  });

  test('a texture without its device', async () => {
    await expect(loadImage(plain())).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(/Pass device/),
    });
  });
});
