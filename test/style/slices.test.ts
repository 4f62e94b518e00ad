// An iteration in slices: the bytes of the whole, whatever the budget and whatever is called in between.

import { describe, expect, it } from 'vitest';
import { StyleSession, type OptimizerOptions, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { defaultDevice, freshDevice } from '../device.ts';
import { tinyNetwork, tinyOptions, withSession } from './setting.ts';
import { texels } from './texels.ts';

/** Records and submits slices until an iteration is whole; gives their number. */
async function iterate(session: StyleSession, budgetMilliseconds: number, waits = true): Promise<number> {
  for (let slices = 1; ; slices++) {
    const encoder = session.device.createCommandEncoder();
    const isWhole = session.encode(encoder, { budgetMilliseconds });
    session.device.queue.submit([encoder.finish()]);
    if (waits) await session.device.queue.onSubmittedWorkDone();
    if (isWhole) return slices;
  }
}

/** Everything that can be seen of a session: image, texture, losses, and the bytes to go on from. */
async function stateOf(session: StyleSession): Promise<unknown> {
  const image = await session.readImage();
  const shown = await texels(session.device, session.texture);
  return { image, shown, losses: await session.evaluate(), checkpoint: await session.checkpoint() };
}

const kinds: readonly [string, Partial<StyleTransferOptions>][] = [
  // Few pairs: seven iterations go round the ring, and there is little to bind.
  ['lbfgs', { optimizer: { name: 'lbfgs', history: 4 } as OptimizerOptions }] as const,
  ...(['adam', 'gd'] as const).map((name) => [name, { optimizer: { name } }] as const),
  ['lbfgs with a line search', { optimizer: { name: 'lbfgs', lineSearch: 'strong-wolfe', history: 4 } as OptimizerOptions }],
  ['an average', { averaging: 0.9 }],
].map(([name, more]) => [name as string, more as Partial<StyleTransferOptions>]);

describe('an iteration in slices', () => {
  it.each(kinds)('gives the bytes of the whole: %s', async (_, more) => {
    const whole = await withSession(more, async (session) => {
      await session.step(7);
      return stateOf(session);
    });
    for (const budget of [1e-6, 0.3, 3, Infinity]) {
      await withSession(more, async (session) => {
        for (let i = 0; i < 7; i++) await iterate(session, budget, i % 2 === 0);
        expect(await stateOf(session)).toEqual(whole);
      });
    }
  });

  it('records one dispatch at least, and all where the budget allows', async () => {
    await withSession({}, async (session) => {
      await iterate(session, Infinity); // folds constants, once
      expect(await iterate(session, 1e-9)).toBe(session.plan.dispatches);
      expect(await iterate(session, 1e9)).toBe(1);
      expect(await iterate(session, Infinity)).toBe(1);
    });
  });

  it('a call without a budget records the rest', async () => {
    const twice = await withSession({}, async (session) => {
      await session.step(2);
      return session.readImage();
    });
    await withSession({}, async (session) => {
      for (let i = 0; i < 2; i++) {
        const encoder = session.device.createCommandEncoder();
        expect(session.encode(encoder, { budgetMilliseconds: 1e-9 })).toBe(false);
        expect(session.encode(encoder)).toBe(true);
        session.device.queue.submit([encoder.finish()]);
      }
      expect(await session.readImage()).toEqual(twice);
    });
  });

  it.each(['evaluate', 'gradient', 'step', 'run', 'checkpoint', 'writeImage'] as const)(
    '%s in the middle sees whole iterations',
    async (call) => {
      const use = async (session: StyleSession, inTheMiddle: () => Promise<unknown>): Promise<unknown> => {
        await session.step(2);
        await inTheMiddle();
        const calls = {
          evaluate: () => session.evaluate(),
          gradient: () => session.gradient(),
          step: () => session.step(2),
          run: async () => {
            const seen = [];
            for await (const { losses } of session.run({ iterations: 2 })) seen.push(losses);
            return seen;
          },
          checkpoint: () => session.checkpoint(),
          writeImage: () => session.writeImage(new Float32Array(1440).fill(0.5)),
        };
        const said = await calls[call]();
        await session.step(2);
        return { said, state: await stateOf(session) };
      };
      const whole = await withSession({}, (session) => use(session, () => iterate(session, Infinity)));
      for (const slices of [1, 9]) {
        const cut = await withSession({}, (session) =>
          use(session, async () => {
            for (let i = 0; i < slices; i++) {
              const encoder = session.device.createCommandEncoder();
              expect(session.encode(encoder, { budgetMilliseconds: 1e-9 })).toBe(false);
              session.device.queue.submit([encoder.finish()]);
            }
          }),
        );
        expect(cut).toEqual(whole);
      }
    },
  );

  it('new weights wait for the next iteration', async () => {
    const at = (session: StyleSession): Promise<Float32Array> => session.readImage();
    const expected = await withSession({}, async (session) => {
      await session.step(1);
      session.set({ styleWeight: 5 });
      await session.step(1);
      return at(session);
    });
    await withSession({}, async (session) => {
      const encoder = session.device.createCommandEncoder();
      expect(session.encode(encoder, { budgetMilliseconds: 1e-9 })).toBe(false);
      session.device.queue.submit([encoder.finish()]);
      session.set({ styleWeight: 5 });
      await iterate(session, 1e-9);
      await iterate(session, 1e-9);
      expect(await at(session)).toEqual(expected);
    });
  });

  it('allocates nothing after the first, and gives all back', async () => {
    const device = await freshDevice();
    const made: string[] = [];
    for (const method of ['createBuffer', 'createTexture', 'createBindGroup', 'createQuerySet', 'createComputePipeline'] as const) {
      const create = device[method].bind(device) as (descriptor: never) => unknown;
      Object.assign(device, {
        [method]: (descriptor: never) => {
          made.push(method);
          return create(descriptor);
        },
      });
    }
    const session = await StyleSession.create(await tinyOptions({ device, network: tinyNetwork() }));
    const before = memoryUse(device).bytes;
    await import('../../src/gpu/timestamps.ts'); // is there at once then, not some time later
    await iterate(session, 0.01);
    expect(memoryUse(device).bytes - before).toBeLessThanOrEqual(2048);
    made.length = 0;
    for (let i = 0; i < 3; i++) await iterate(session, 0.05);
    expect(made).toEqual([]);
    session.destroy();
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  });

  it('works on a device without timestamps', async () => {
    const device = await defaultDevice();
    expect(device.features.has('timestamp-query')).toBe(false);
    const more = { device };
    const whole = await withSession(more, async (session) => {
      await session.step(4);
      return stateOf(session);
    });
    await withSession(more, async (session) => {
      const counts = [];
      for (let i = 0; i < 4; i++) counts.push(await iterate(session, 2, i > 0));
      expect(counts.every((count) => count >= 1)).toBe(true);
      expect(await stateOf(session)).toEqual(whole);
    });
    device.destroy();
  });

  it.each([0, -1, NaN, '5' as unknown as number])('refuses a budget of %o', async (budgetMilliseconds) => {
    await withSession({}, async (session) => {
      const encoder = session.device.createCommandEncoder();
      expect(() => session.encode(encoder, { budgetMilliseconds })).toThrow(
        expect.objectContaining({ code: 'bad-option', where: 'session.encode' }),
      );
      expect(session.encode(encoder)).toBe(true);
      session.device.queue.submit([encoder.finish()]);
    });
  });
});
