// Settings as JSON: what they say comes out as it went in, and what they should not say is refused by name.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/image/png.ts';
import { checkpointFile, isCheckpointFile, splitCheckpointFile } from '../../src/node/checkpoint-file.ts';
import { settingsOf, settingsText, shown, whole } from '../../src/node/report.ts';
import { readSettings, settingsFrom } from '../../src/node/settings.ts';
import { resolveOptions, settingsOf as plainSettings } from '../../src/style/options.ts';
import { recipes } from '../../src/style/recipes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-settings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const same = (file: string): string => file;
const from = (json: unknown): ReturnType<typeof settingsFrom> => settingsFrom(json, '--config', same);
const pixel = { data: new Float32Array(3), width: 1, height: 1 };

describe('settings of a run', () => {
  test.each(Object.keys(recipes))('of the recipe %s resolve to the same run again', (recipe) => {
    const resolved = resolveOptions({
      content: pixel,
      style: pixel,
      recipe,
      styleWeight: 2,
      size: { width: 5, height: 7 },
    });
    const settings = JSON.parse(JSON.stringify(plainSettings(resolved))) as object;
    const again = resolveOptions({ content: pixel, style: pixel, ...settings });
    expect(again).toEqual(resolved);
    // What is not said of a run here cannot come back.
    const { styles: _, ...said } = resolved;
    expect(Object.keys(settings).sort()).toEqual(
      [
        ...Object.keys(said).filter((key) => key !== 'weights'),
        'contentWeight',
        'styleWeight',
        'tvWeight',
      ].sort(),
    );
  });

  test('a recipe of the caller travels whole; a picture to start from does not', () => {
    const recipe = { ...recipes['gatys']!, name: 'mine', iterations: 7 };
    const settings = plainSettings(resolveOptions({ content: pixel, style: pixel, recipe, init: pixel }));
    expect(settings.recipe).toEqual(recipe);
    expect(settings).not.toHaveProperty('init');
  });
});

describe('settings files', () => {
  const painting = {
    styles: [{ path: '/home/me/art/waves.png', weight: 2 }],
    network: '/home/me/nets/vgg.onnx',
    init: 'noise',
    options: { size: 64 },
    isQuiet: false,
    wantsJson: false,
  };

  test('a picture tells what made it, without the folders of the machine', async () => {
    const settings = settingsOf(painting, '/home/me/größe.jpg', undefined, shown);
    const file = path.join(folder, 'picture.png');
    await writeFile(
      file,
      await encodePng(1, 1, Uint8Array.of(1, 2, 3, 255), { text: settingsText(settings) }),
    );
    expect(JSON.stringify(settings)).not.toContain('/home');
    expect(await readSettings(file, '--config')).toEqual({
      content: 'größe.jpg',
      styles: [{ path: 'waves.png', weight: 2 }],
      network: 'vgg.onnx',
      init: 'noise',
      options: { size: 64 },
    });
    // As it was given, where that says nothing of the machine.
    expect(settingsOf({ ...painting, network: 'nets/vgg.onnx' }, 'in/a.jpg', undefined, shown)).toMatchObject(
      { content: 'in/a.jpg', network: 'nets/vgg.onnx' },
    );
  });

  test('a picture does not say where to write', async () => {
    const text = { 'wgpu-style': JSON.stringify({ output: '/somewhere/else.png', styleWeight: 2 }) };
    const file = path.join(folder, 'stranger.png');
    await writeFile(file, await encodePng(1, 1, new Uint8Array(4), { text }));
    expect(await readSettings(file, '--config')).toEqual({ options: { styleWeight: 2 } });
  });

  test('paths of a JSON file count from its folder; addresses and words stay', async () => {
    const file = path.join(folder, 'c.json');
    const absolute = path.join(folder, 'x.png');
    await writeFile(
      file,
      JSON.stringify({
        content: 'a.png',
        style: ['../b.png', { image: absolute, weight: 3 }],
        network: 'vgg19',
        init: 'start.png',
        output: 'https://x/y.png',
      }),
    );
    expect(await readSettings(file, '--config')).toEqual({
      content: path.join(folder, 'a.png'),
      styles: [
        { path: path.join(folder, '../b.png'), weight: 1 },
        { path: absolute, weight: 3 },
      ],
      network: 'vgg19',
      init: path.join(folder, 'start.png'),
      output: 'https://x/y.png',
      options: {},
    });
  });

  test('a checkpoint file gives settings with whole paths, and the state as it was', async () => {
    const state = Uint8Array.of(9, 8, 7);
    const parts = checkpointFile(settingsOf(painting, whole('a.png'), undefined, whole), state);
    const file = path.join(folder, 'state');
    await writeFile(file, Buffer.concat(parts));
    const read = await readSettings(file, '--resume');
    expect(read).toMatchObject({
      content: path.resolve('a.png'),
      network: path.resolve('/home/me/nets/vgg.onnx'),
    });
    expect(read.resume).toEqual(state);
    const bare = new TextEncoder().encode('wgpusty1\0\0\0\0');
    expect(splitCheckpointFile(bare, 'x')).toEqual({ settings: {}, state: bare });
    expect(isCheckpointFile(Uint8Array.of(1, 2))).toBe(false);
    const forged = new TextEncoder().encode('wgpucli1\xff\xff\xff\xff{');
    expect(() => splitCheckpointFile(forged, 'x')).toThrow(
      expect.objectContaining({ code: 'bad-option', where: 'x' }),
    );
  });
});

test.each<readonly [unknown, RegExp]>([
  [null, /these are no settings/],
  ['text', /these are no settings/],
  [{ styleweight: 1 }, /there is no setting "styleweight"\. Did you mean styleWeight/],
  [{ zzz: 1 }, /there is no setting "zzz"\. The settings are content, /],
  [{ __proto__x: 1 }, /there is no setting/],
  [{ content: ['a'] }, /content is \["a"\], need text/],
  [{ bits: 12 }, /bits is 12, need 8 or 16/],
  [{ saveEvery: 0 }, /saveEvery is 0, need a whole number from 1/],
  [{ style: null }, /style is null/],
  [{ style: [{ image: 'a', weight: 0 }] }, /style is \{"image":"a","weight":0\}/],
  [{ style: [{ image: 'a', scale: 2 }] }, /style is /],
])('%j is refused', (json, message) => {
  expect(() => from(json)).toThrow(
    expect.objectContaining({
      code: 'bad-option',
      where: '--config',
      message: expect.stringMatching(message),
    }),
  );
});
