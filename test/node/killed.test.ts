// kill -9, at any moment: the program leaves the old file or the new one, never a broken one, and goes on from its
// checkpoint to the bytes of a run that nobody touched. Ten times here; WGPU_STYLE_KILLS=200 for more.

import { copyFile, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodePng } from '../../src/image/png.ts';
import { readSettings } from '../../src/node/settings.ts';
import { decodeRun } from '../../src/style/run-state.ts';
import { again, Dice, seeds } from '../property/dice.ts';
import { buildProgram, type Ended, type Program } from './program.ts';

const FILE = 'test/node/killed.test.ts';
const KILLS = Number(process.env['WGPU_STYLE_KILLS'] ?? 10);

const line = 'a.png b.png --size 48 --scales 24,48 --iterations 60 --init noise --checkpoint state --checkpoint-every 1 --save-every 5';

let program: Program;
const file = (name: string): string => path.join(program.folder, name);
const cli = (words: string): Promise<Ended> => program.cli(words.split(' '));

/** How long an undisturbed run takes, in milliseconds, and what it paints. */
let whole: { readonly milliseconds: number; readonly data: Float32Array };
beforeAll(async () => {
  program = await buildProgram();
  const started = performance.now();
  expect((await cli(`${line} -o whole.png`)).status).toBe(0);
  whole = { milliseconds: performance.now() - started, data: await pixels('whole.png') };
});
afterAll(() => program.remove());

async function pixels(name: string): Promise<Float32Array> {
  return (await decodePng(await readFile(file(name)))).data;
}

/** Starts the program and kills it after a while; undefined when it was, else how it ended. */
async function killed(words: string, milliseconds: number): Promise<Ended | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ended = await program.cli(words.split(' '), undefined, (child) => {
    timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  clearTimeout(timer);
  return ended.status === null ? undefined : ended;
}

/** Everything that has a name of its own is whole; parts of what was being written have names that say so. */
async function checkFiles(old: Float32Array): Promise<boolean> {
  const names = (await readdir(program.folder)).filter((name) => !name.startsWith('.'));
  for (const name of names.filter((found) => /^out.*\.png$/.test(found))) {
    const data = await pixels(name);
    if (name === 'out.png') expect([old, whole.data].some((right) => Buffer.compare(bytes(right), bytes(data)) === 0)).toBe(true);
  }
  if (!names.includes('state')) return false;
  const { resume } = await readSettings(file('state'), '--resume');
  expect(decodeRun(resume!).header.run.before).toBeGreaterThanOrEqual(0);
  return true;
}

function bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

describe.skipIf(process.platform === 'win32')('a run that is killed', () => {
  test(`${KILLS} times leaves whole files, and goes on from each of them`, { timeout: 60_000 + 10_000 * KILLS }, async () => {
    await copyFile(file('a.png'), file('out.png'));
    const old = await pixels('out.png');
    let hasState = false;
    for (const seed of seeds(KILLS)) {
      const dice = new Dice(seed);
      try {
        const words = hasState ? '--resume state -o out.png --checkpoint state --checkpoint-every 1 --save-every 5' : `${line} -o out.png`;
        const ended = await killed(words, whole.milliseconds * (0.1 + 0.8 * dice.next()));
        if (ended) expect(ended).toMatchObject({ status: 0 });
        hasState = await checkFiles(old);
      } catch (error) {
        if (error instanceof Error) error.message += `\n${again(seed, FILE)}`;
        throw error;
      }
    }
    expect((await cli(hasState ? '--resume state -o out.png' : `${line} -o out.png`)).status).toBe(0);
    expect(await pixels('out.png')).toEqual(whole.data);
  });
});
