import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WgpuStyleError } from '../../src/gpu/errors.ts';
import { decodePng } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { checkWritable, readFileBytes, writeFileAtomic } from '../../src/node/files.ts';
import { installHost } from '../../src/node/host.ts';
import { checkFormat, imageFormat, readImageFile, writeImageFile } from '../../src/node/images.ts';

installHost();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = Uint8Array.of(1, 2, 3);
/** Why permissions cannot be tested here; undefined where they can. */
const noPermissions =
  process.platform === 'win32'
    ? 'Windows has other permissions'
    : process.getuid?.() === 0
      ? 'root may write everywhere'
      : undefined;

describe('writeFileAtomic, of parts as they are made', () => {
  async function* parts(end?: Error): AsyncGenerator<Uint8Array> {
    for (const part of [[1, 2], [], [3]]) yield Promise.resolve(Uint8Array.from(part));
    if (end) throw end;
  }

  test('writes them one after another, also where nothing can be replaced', async () => {
    const file = path.join(folder, 'parts.bin');
    await writeFileAtomic(file, parts());
    expect([...(await readFile(file))]).toEqual([1, 2, 3]);
    await writeFileAtomic('/dev/null', parts());
    expect(await readdir(folder)).toEqual(['parts.bin']);
  });

  test('leaves what was there when the making fails, and says why', async () => {
    const file = path.join(folder, 'parts.bin');
    await writeFileAtomic(file, bytes.subarray(0, 1));
    const own = new WgpuStyleError('bad-image', { what: 'no picture', where: 'here', fix: 'Give one' });
    await expect(writeFileAtomic(file, parts(own), '-o')).rejects.toBe(own);
    const broken = new Error('broken');
    await expect(writeFileAtomic(file, parts(broken), '-o')).rejects.toBe(broken);
    expect([...(await readFile(file))]).toEqual([1]);
    expect(await readdir(folder)).toEqual(['parts.bin']);
  });
});

describe('writeFileAtomic', () => {
  test('writes, replaces, and leaves nothing beside', async () => {
    const file = path.join(folder, 'out.png');
    await writeFileAtomic(file, bytes);
    await writeFileAtomic(file, Uint8Array.of(9));
    expect(Array.from(await readFile(file))).toEqual([9]);
    expect(await readdir(folder)).toEqual(['out.png']);
  });

  test('writes through a symbolic link instead of replacing it', async () => {
    await writeFile(path.join(folder, 'real.png'), 'old');
    await symlink('real.png', path.join(folder, 'link.png'));
    await writeFileAtomic(path.join(folder, 'link.png'), bytes);
    expect(await readlink(path.join(folder, 'link.png'))).toBe('real.png');
    expect((await readFile(path.join(folder, 'real.png'))).length).toBe(3);
  });

  test.skipIf(process.platform === 'win32')('never replaces a device', async () => {
    await writeFileAtomic('/dev/null', bytes);
    await checkWritable('/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  test('many writers of one file leave one whole file', async () => {
    const file = path.join(folder, 'out.png');
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => writeFileAtomic(file, new Uint8Array(1e5).fill(i))),
    );
    const got = await readFile(file);
    expect(got.length).toBe(1e5);
    expect(new Set(got).size).toBe(1);
    expect(await readdir(folder)).toEqual(['out.png']);
  });
});

describe.each([
  ['writeFileAtomic', (file: string) => writeFileAtomic(file, bytes, '-o')],
  ['checkWritable', (file: string) => checkWritable(file, '-o')],
])('%s refuses', (_, write) => {
  const refused = async (file: string, message: RegExp): Promise<void> => {
    const before = await readdir(folder);
    await expect(write(file)).rejects.toMatchObject({
      code: 'bad-option',
      where: '-o',
      message: expect.stringMatching(message),
    });
    expect(await readdir(folder)).toEqual(before);
  };

  test('a folder that does not exist', () =>
    refused(
      path.join(folder, 'no', 'out.png'),
      /cannot write ".*out\.png": the folder does not exist\. Create it first\./,
    ));

  test('a path under a file', async () => {
    await writeFile(path.join(folder, 'file'), '');
    await refused(path.join(folder, 'file', 'out.png'), /the folder does not exist/);
  });

  test('a folder of that name', async () => {
    await mkdir(path.join(folder, 'out.png'));
    await refused(path.join(folder, 'out.png'), /it is a folder/);
  });

  test.skipIf(process.platform !== 'linux')('a place where nobody may write, not even root', () =>
    refused('/proc/out.png', /cannot write "\/proc\/out\.png": it may not be written/),
  );

  test('a read-only folder', async ({ skip }) => {
    skip(noPermissions !== undefined, noPermissions);
    const closed = path.join(folder, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o555);
    await refused(path.join(closed, 'out.png'), /it may not be written/);
  });

  test('a read-only file', async ({ skip }) => {
    skip(noPermissions !== undefined, noPermissions);
    const file = path.join(folder, 'kept.png');
    await writeFile(file, 'kept');
    await chmod(file, 0o444);
    await refused(file, /it may not be written/);
  });
});

test('readFileBytes says what is wrong with a path', async () => {
  await writeFile(path.join(folder, 'a'), bytes);
  expect(Array.from(await readFileBytes(path.join(folder, 'a')))).toEqual([1, 2, 3]);
  const network = { where: '--network', need: 'the path of a network', code: 'bad-model' } as const;
  await expect(readFileBytes(path.join(folder, 'b'), network)).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(
      /^--network: no such file: got ".*b", need the path of a network\. Check the path\.$/,
    ),
  });
});

describe('picture files', () => {
  const width = 16;
  const image = {
    width,
    height: 8,
    // Left half red, right half blue, bottom row half transparent.
    pixels: Uint8ClampedArray.from({ length: 4 * width * 8 }, (_, i) => {
      const x = (i >> 2) % width;
      const y = Math.floor(i / (4 * width));
      return [x < 8 ? 200 : 40, 40, x < 8 ? 40 : 200, y === 7 ? 128 : 255][i % 4]!;
    }),
  };

  test.each(['png', 'jpg', 'jpeg', 'webp', 'avif', 'tif', 'tiff', 'PNG'])(
    '.%s is written and read back',
    async (extension) => {
      const file = path.join(folder, `out.${extension}`);
      await writeImageFile(file, image);
      const pixels = await readImageFile(file);
      expect([pixels.width, pixels.height]).toEqual([16, 8]);
      const lossless = /png|tif/i.test(extension);
      for (const at of [4 * (3 * 16 + 2), 4 * (3 * 16 + 13)]) {
        for (let c = 0; c < 4; c++) {
          const difference = Math.abs(pixels.data[at + c]! - image.pixels[at + c]! / 255);
          expect(difference).toBeLessThan(lossless ? 1e-6 : 0.02);
        }
      }
      const alpha = pixels.data[4 * (7 * 16 + 2) + 3]!;
      expect(Math.abs(alpha - (/jp/.test(extension) ? 1 : 128 / 255))).toBeLessThan(0.02);
    },
  );

  test('JPEG keeps full chroma resolution', async () => {
    const file = path.join(folder, 'out.jpg');
    await writeImageFile(file, image);
    expect((await sharp(file).metadata()).chromaSubsampling).toBe('4:4:4');
  });

  test('settings go into the PNG as text', async () => {
    const file = path.join(folder, 'out.png');
    await writeImageFile(file, image, { text: { 'wgpu-style': '{"seed":1}' } });
    expect(readPngText(await readFile(file))).toEqual({ 'wgpu-style': '{"seed":1}' });
    expect((await decodePng(await readFile(file))).width).toBe(16);
  });

  test('an unknown extension is refused and says which there are', async () => {
    for (const name of ['out', 'out.gif', 'out.png.bak', '.png']) {
      expect(() => imageFormat(name, '-o')).toThrow(
        /need \.png, \.jpg, \.jpeg, \.webp, \.avif, \.tif, \.tiff/,
      );
      await expect(checkFormat(name)).rejects.toMatchObject({ code: 'bad-option' });
    }
  });

  test('a picture that the format cannot hold is refused, and no file is left', async () => {
    const long = { width: 1, height: 70_000, pixels: new Uint8ClampedArray(280_000) };
    await expect(writeImageFile(path.join(folder, 'out.jpg'), long)).rejects.toMatchObject({
      code: 'bad-image',
      message: expect.stringMatching(
        /jpeg cannot hold this picture of 1x70000: .*\. Write a PNG\.$/,
      ),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
