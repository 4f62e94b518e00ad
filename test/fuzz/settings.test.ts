// Damaged settings, in all the places that they are read from: JSON files, PNG texts, the heads of checkpoint files, and
// the words of the command line. What gets past the reading goes into `plan`, as it would into a run.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTable } from '../../src/kernels/tuning.ts';
import { plan } from '../../src/index.ts';
import { encodePng } from '../../src/image/png.ts';
import { parseArguments } from '../../src/node/arguments.ts';
import { checkpointFile } from '../../src/node/checkpoint-file.ts';
import { loadNames } from '../../src/node/device.ts';
import { readSettings } from '../../src/node/settings.ts';
import { Dice, forEachSeed } from '../property/dice.ts';
import { picture, tinyNetwork } from '../style/setting.ts';
import { corpus, damagedBytes, damagedJson, outcome, ROUNDS } from './injuries.ts';

const FILE = 'test/fuzz/settings.test.ts';
const examples = corpus('.json').map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as unknown);

let folder: string;
beforeAll(async () => {
  await loadNames();
  folder = await mkdtemp(path.join(tmpdir(), 'wgpu-style-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

const network = tinyNetwork();
const given = { content: picture(12, 10, 1), style: picture(10, 12, 2), network };

/** Reads a file of settings, then plans with what it says. */
async function use(bytes: Uint8Array): Promise<void> {
  const file = path.join(folder, 'settings');
  await writeFile(file, bytes);
  const { options } = await readSettings(file, '--config');
  const { size, iterations } = options;
  // Sizes and counts in range cost time here, not correctness.
  const small = { ...(typeof size === 'number' && size > 64 && { size: 64 }), ...(typeof iterations === 'number' && iterations > 50 && { iterations: 50 }) };
  await plan({ ...given, ...options, ...small });
}

describe('options or a WgpuStyleError come of', () => {
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value) ?? '');

  test('settings files with values changed, or damaged as bytes', async () => {
    const seen = { taken: 0, refused: 0 };
    await forEachSeed(ROUNDS, FILE, async (dice) => {
      const example = dice.pick(examples);
      const bytes = dice.chance(0.7) ? text(damagedJson(example, dice)) : damagedBytes(text(example), dice);
      seen[await outcome(() => use(bytes))]++;
    });
    // Neither so mild that all passes, nor so wild that nothing is read to the end.
    if (!process.env['WGPU_STYLE_SEED']) for (const count of Object.values(seen)) expect(count).toBeGreaterThan(ROUNDS / 30);
  });

  test('the settings in a PNG', async () => {
    await forEachSeed(Math.ceil(ROUNDS / 3), FILE, async (dice) => {
      const written = new TextDecoder().decode(text(damagedJson(dice.pick(examples), dice)));
      const png = await encodePng(1, 1, new Uint8Array(4), { text: { 'wgpu-style': written } });
      await outcome(() => use(png));
      await outcome(() => use(damagedBytes(png, dice)));
    });
  });

  test('the head of a checkpoint file', async () => {
    const state = corpus('.checkpoint')[0]!.bytes;
    await forEachSeed(Math.ceil(ROUNDS / 3), FILE, async (dice) => {
      const file = Buffer.concat(checkpointFile(damagedJson(dice.pick(examples), dice) as object, state));
      await outcome(() => use(dice.chance(0.5) ? file : damagedBytes(file, dice)));
    });
  });

  test('the words of the command line', async () => {
    const lines = [
      'a.png b.png -o out.png --size 64x48 --optimizer adam:learningRate=0.1 --scales 16,32 --style-layers relu1_1=2',
      'sweep a.png b.png --vary styleWeight=1,10 --vary init=content,noise -o grid.png --color luminance:space=lab',
      'plan a.png b.png --recipe gatys --network default --tolerance 1e-4 --averaging 0.9',
      'import net.onnx -o net.safetensors --up-to relu4_1 --dtype f16 --preprocessing {"order":"rgb"}',
      'fetch vgg19 --url https://example.org/x --verify',
    ].map((line) => line.split(' '));
    await forEachSeed(ROUNDS, FILE, (dice) => {
      const words = [...dice.pick(lines)];
      for (let i = dice.whole(1, 3); i > 0; i--) {
        const at = dice.whole(0, words.length);
        const other = dice.pick(dice.pick(lines));
        const strange = dice.pick(['', '-', '--', '=', '--=', '--__proto__', '--toString=1', '-ooo', 'NaN', '1e999', '\u0000', 'é'.repeat(300)]);
        words.splice(at, dice.whole(0, 1), dice.pick([other, strange]));
      }
      return outcome(() => parseArguments(words)).then(() => undefined);
    });
  });
});

test('a stored table of kernels is a table or nothing', async () => {
  const table = { generation: 1, conv2d: { '3x3 few>few tiny': 'patch' } };
  await forEachSeed(ROUNDS, FILE, (dice) => {
    const bytes = damagedBytes(new TextEncoder().encode(JSON.stringify(damagedJson(table, dice)) ?? ''), new Dice(dice.whole(0, 1e6)));
    for (const value of Object.values(readTable(new TextDecoder().decode(bytes)) ?? {})) expect(typeof value).toBe('string');
  });
});
