// A run that is interrupted, saved and restored ends with the bytes of one that was not.

import { describe, expect, it } from 'vitest';
import { StyleSession, type OptimizerOptions, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { randomValues } from '../check.ts';
import { freshDevice, testDevice } from '../device.ts';

function picture(width: number, height: number, seed: number): { data: Float32Array; width: number; height: number } {
  return { data: randomValues(width * height * 3, seed).map((v) => (v + 1) / 2), width, height };
}

const base: StyleTransferOptions = { content: picture(24, 20, 1), style: picture(20, 24, 2), size: 24 };

const OPTIMIZERS: readonly OptimizerOptions[] = [
  { name: 'lbfgs', history: 4 }, // fewer than the steps: the ring has wrapped
  { name: 'adam', learningRate: 0.05 },
  { name: 'gd', learningRate: 0.1, momentum: 0.9 },
];

describe('checkpoint and restore', () => {
  for (const optimizer of OPTIMIZERS) {
    it(`go on to the same bytes (${optimizer.name}), on another device`, async () => {
      const options = { ...base, optimizer, device: await testDevice() };
      const whole = await StyleSession.create(options);
      await whole.step(5);
      whole.set({ styleWeight: 3 });
      const bytes = await whole.checkpoint();
      const losses = await whole.step(6);
      const expected = await whole.readImage();
      whole.destroy();

      const other = await freshDevice();
      const restored = await StyleSession.restore(bytes, { ...options, device: other });
      expect(await restored.step(6)).toEqual(losses);
      expect(await restored.readImage()).toEqual(expected);
      restored.destroy();
      expect(memoryUse(other).bytes).toBe(0);
      other.destroy();
    });
  }

  it('refuse other bytes, cut ones, and other sizes, and give everything back', async () => {
    const device = await testDevice();
    const before = memoryUse(device).bytes;
    const session = await StyleSession.create({ ...base, device });
    const bytes = await session.checkpoint();
    session.destroy();
    const refused = { code: 'bad-option', where: 'StyleSession.restore' };
    await expect(StyleSession.restore(new Uint8Array(40), { ...base, device })).rejects.toMatchObject(refused);
    // Once a TypeError came of these: of a buffer that is null, of a size that is an object.
    const strange = ['{"buffers":[null]}', '{"buffers":[],"optimizer":{},"weights":{},"width":{"toString":null}}'];
    for (const header of ['null', '{}', '{"buffers":7}', '{"buffers":[]}', ...strange]) {
      const forged = new TextEncoder().encode(`wgpusty1\x00\x00\x00\x00${header}`);
      forged[8] = header.length;
      await expect(StyleSession.restore(forged, { ...base, device })).rejects.toMatchObject(refused);
    }
    await expect(StyleSession.restore(bytes.subarray(0, 60), { ...base, device })).rejects.toMatchObject(refused);
    await expect(StyleSession.restore(bytes.subarray(0, -1), { ...base, device })).rejects.toThrow(/cut short/);
    await expect(StyleSession.restore(bytes, { ...base, device, size: 32 })).rejects.toThrow(/24x20.*32x27/);
    await expect(
      StyleSession.restore(bytes, { ...base, device, optimizer: { name: 'adam' } }),
    ).rejects.toMatchObject(refused);
    expect(memoryUse(device).bytes).toBe(before);
  });
});
