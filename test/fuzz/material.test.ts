// The corpus is what the library writes today: its checkpoints are as long as fresh ones, and can be gone on from.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { StyleSession, styleTransfer } from '../../src/index.ts';
import { countingDevice } from '../../src/gpu/counting.ts';
import { loadNames } from '../../src/node/device.ts';
import { corpus } from './injuries.ts';
import { checkpointOptions } from './material.ts';

beforeAll(loadNames);

/** A session's, one from within a scale and one from between two, of a run on a device that computes nothing. */
async function freshCheckpoints(): Promise<ReadonlyMap<string, Uint8Array>> {
  const options = checkpointOptions(countingDevice());
  const session = await StyleSession.create(options);
  await session.step(2);
  const found = new Map<string, Uint8Array>([['session.checkpoint', await session.checkpoint()]]);
  session.destroy();
  const save = (bytes: Uint8Array): void => {
    const isBetween = headerOf(bytes)['buffers']!.some(({ name }) => name === 'picture');
    found.set(`run-${isBetween ? 'between' : 'within'}.checkpoint`, bytes);
  };
  await styleTransfer({ ...options, checkpoint: { every: 1, save } });
  return found;
}

function headerOf(bytes: Uint8Array): Record<string, readonly { readonly name: string }[]> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length))) as ReturnType<typeof headerOf>;
}

test('the checkpoints of the corpus have the form of fresh ones', async () => {
  const fresh = await freshCheckpoints();
  if (process.env['WGPU_STYLE_WRITE_CORPUS']) {
    for (const [name, bytes] of fresh) writeFileSync(path.join(import.meta.dirname, 'corpus', name), bytes);
  }
  const kept = new Map(corpus('.checkpoint').map(({ name, bytes }) => [name, bytes]));
  expect(fresh.size).toBe(3);
  for (const [name, bytes] of fresh) expect(Object.keys(headerOf(kept.get(name)!))).toEqual(Object.keys(headerOf(bytes)));
});
