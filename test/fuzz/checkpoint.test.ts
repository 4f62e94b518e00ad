// Damaged checkpoints, of sessions and of whole runs: each is refused or gone on from, on a device that computes nothing.

import { beforeAll, describe, expect, test } from 'vitest';
import { StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { loadNames } from '../../src/node/device.ts';
import { forEachSeed, type Dice } from '../property/dice.ts';
import { corpus, damagedBytes, damagedJson, outcome, ROUNDS } from './injuries.ts';
import { withHeader } from '../style/setting.ts';
import { checkpointOptions } from './material.ts';

const FILE = 'test/fuzz/checkpoint.test.ts';

let options: StyleTransferOptions;
beforeAll(async () => {
  await loadNames();
  options = checkpointOptions(countingDevice());
});

/** The checkpoint with its header changed and its length put right, or damaged as bytes. */
function damaged(bytes: Uint8Array, dice: Dice): Uint8Array<ArrayBuffer> {
  return dice.chance(0.25) ? damagedBytes(bytes, dice) : withHeader(bytes, (header) => damagedJson(header, dice));
}

/** Goes on from a checkpoint of a run. One that asks for four thousand million iterations means it, and is stopped. */
async function broughtToAnEnd(file: Uint8Array): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  await styleTransfer({ ...options, resume: file, signal: stop.signal, onProgress: () => ++seen === 100 && stop.abort() });
}

describe('a run or a WgpuStyleError comes of', () => {
  test.each(corpus('.checkpoint').map(({ name, bytes }) => [name, bytes] as const))('%s, damaged', async (name, bytes) => {
    const isOfSession = name.startsWith('session');
    const go = async (file: Uint8Array): Promise<void> => {
      if (isOfSession) (await StyleSession.restore(file, options)).destroy();
      else await broughtToAnEnd(file);
    };
    expect(await outcome(() => go(bytes))).toBe('taken');
    const seen = { taken: 0, refused: 0 };
    await forEachSeed(Math.ceil(ROUNDS / 2), FILE, async (dice) => {
      seen[await outcome(() => go(damaged(bytes, dice)))]++;
      expect(memoryUse(options.device!).bytes).toBe(0);
    });
    if (!process.env['WGPU_STYLE_SEED']) expect(seen.refused).toBeGreaterThan(ROUNDS / 10);
  });
});
