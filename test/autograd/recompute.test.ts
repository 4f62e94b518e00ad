// What is computed twice instead of being kept is the same to the bit, and takes less memory.

import { describe, expect, it } from 'vitest';
import { plan, recipes, StyleSession, styleTransfer, type StyleTransferOptions } from '../../src/index.ts';
import { Tape } from '../../src/autograd/index.ts';
import { recomputing } from '../../src/autograd/recompute.ts';
import { memoryUse, resetPeak } from '../../src/gpu/buffers.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { scene, tinyNetwork, tinyOptions } from '../style/setting.ts';

describe('a value that is computed again for the reverse pass', () => {
  it.each(['f32', 'f16'] as const)('gives the same loss and gradients to the bit, in a smaller arena (%s)', async (storage) => {
    const device = await testDevice();
    const results = [];
    for (const rewrite of [undefined, recomputing]) {
      const tape = new Tape(device, { storage, rewrite });
      const x = tape.variable([64, 56, 3], randomValues(64 * 56 * 3, 1));
      let y = x;
      const terms = [];
      for (const [i, [cin, cout]] of ([[3, 16], [16, 16], [16, 32], [32, 32], [32, 64]] as const).entries()) {
        const k = tape.constant([3, 3, cin, cout], randomValues(9 * cin * cout, i + 2).map((v) => v / Math.sqrt(cin)));
        y = tape.relu(tape.conv2d(y, k));
        if (i % 2 === 0) terms.push(tape.mean(tape.square(tape.gram(y, 1e-3))));
        else y = tape.maxPool(y);
      }
      const loss = tape.sum(tape.weigh(terms, tape.constant([3], [1, 2, 3])));
      const program = tape.compile(loss, [x]);
      await program.run();
      await program.run(); // nothing of the first is in the way of the second
      results.push({ loss: await program.read(loss), gradient: await program.gradient(x), ...program.cost });
      program.destroy();
      tape.destroy();
    }
    const [kept, again] = results;
    expect(again!.gradient).toEqual(kept!.gradient);
    expect(again!.loss).toEqual(kept!.loss);
    expect(again!.arenaBytes).toBeLessThan(0.95 * kept!.arenaBytes);
    expect(again!.dispatches).toBe(kept!.dispatches + 1);
    expect(again!.flops).toBeLessThan(1.05 * kept!.flops);
  });

  it('is none where it costs much, or is asked for anyway', async () => {
    const device = await testDevice();
    for (const [cin, isAsked] of [[24, false], [3, true]] as const) {
      const dispatches = [undefined, recomputing].map((rewrite) => {
        const tape = new Tape(device, { rewrite });
        const x = tape.variable([16, 16, cin]);
        const first = tape.relu(tape.conv2d(x, tape.constant([3, 3, cin, 16], randomValues(144 * cin, 2))));
        let y = first;
        for (let i = 0; i < 4; i++) y = tape.relu(tape.conv2d(y, tape.constant([3, 3, 16, 16], randomValues(2304, i))));
        const loss = tape.sum(tape.add(tape.mean(tape.square(tape.gram(first))), tape.mean(tape.square(y))));
        const program = tape.compile(isAsked ? [loss, first] : loss, [x]);
        for (const each of [program, tape]) each.destroy();
        return program.cost.dispatches;
      });
      expect(dispatches[1]).toBe(dispatches[0]);
    }
  });
});

describe('a session that just does not fit', () => {
  const wide = async (more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> =>
    tinyOptions({
      network: tinyNetwork([[16, 16], [32, 32], [64]]),
      content: scene(64, 60),
      size: 64,
      contentLayers: { relu3_1: 1 },
      styleLayers: { relu1_1: 1, relu2_1: 1, relu3_1: 1 },
      iterations: 4,
      recipe: { ...recipes['lecture']!, scales: false },
      ...more,
    });

  it.each(['f32', 'f16'] as const)('computes its first activation twice: the picture of one that fits, to the byte (%s)', async (storage) => {
    const options = await wide({ storage });
    const { device } = options;
    const whole = await plan(options);
    const memoryLimit = whole.peakBytes - 1;
    const smaller = await plan({ ...options, memoryLimit });
    expect(whole.scales[0]).not.toHaveProperty('recomputes');
    expect(smaller.scales[0]).toMatchObject({ recomputes: true });
    expect(smaller.scales[0]!.tiles).toBeUndefined();
    expect(smaller.scales[0]!.bytes.arena).toBeLessThan(0.9 * whole.scales[0]!.bytes.arena);
    const sessions = [await StyleSession.create(options), await StyleSession.create({ ...options, memoryLimit })];
    const [kept, again] = await Promise.all(sessions.map(async (session) => [await session.evaluate(), await session.gradient()] as const));
    expect(again).toEqual(kept);
    for (const session of sessions) session.destroy();
    const picture = await styleTransfer(options);
    resetPeak(device!);
    const before = memoryUse(device!).bytes;
    const made = await styleTransfer({ ...options, memoryLimit });
    const spared = smaller.peakBytes - (made.details.peakBytes - before); // a style that is remembered needs a few bytes less
    expect(spared).toBeGreaterThanOrEqual(0);
    expect(spared).toBeLessThan(100);
    expect(made.pixels).toEqual(picture.pixels);
  });
});
