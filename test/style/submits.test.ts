// A run whose iterations are several submits: the bytes of one submit each, whole and in tiles; stopped and lost in the
// middle. What is expected of the adapter is set by hand here, so that nothing depends on how fast it is.

import { describe, expect, it } from 'vitest';
import type { StyleSession, StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import type { Tiling } from '../../src/style/tiled-evaluation.ts';
import { freshDevice } from '../device.ts';
import { sessionOf, tinyOptions } from './setting.ts';

/** Every dispatch is a submit of its own. */
const ONE_BY_ONE = { submitMilliseconds: 1e-9 };
const AT_ONCE = { submitMilliseconds: Infinity };

const TILED: Tiling = { result: { rows: 2, columns: 3 }, styles: [{ rows: 2, columns: 1 }], keepsContent: true, bandBytes: 16 * 24 * 9 };

const ways: readonly [string, Tiling | 'whole'][] = [
  ['whole', 'whole'],
  ['in tiles', TILED],
  ['in tiles, the content computed anew', { ...TILED, keepsContent: false }],
];

/** Everything that can be seen of a session after three iterations, weights changed in between. */
async function seen(session: StyleSession): Promise<unknown> {
  const losses = [];
  for await (const progress of session.run({ iterations: 2 })) losses.push(progress.losses);
  session.set({ styleWeight: 3 });
  losses.push(await session.step(1), await session.evaluate());
  return { losses, image: await session.readImage(), gradient: await session.gradient(), state: await session.checkpoint() };
}

/** Calls `act` before submit number `at` (from 1) of the device from now on; gives the count so far. */
function atSubmit(device: GPUDevice, at: number, act: () => void = () => undefined): () => number {
  let count = 0;
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  Object.assign(queue, {
    submit: (buffers: readonly GPUCommandBuffer[]) => {
      if (++count === at) act();
      submit(buffers);
    },
  });
  return () => count;
}

async function withFresh(
  tiling: Tiling | 'whole',
  work: (session: StyleSession) => Promise<void>,
  more: Partial<StyleTransferOptions> = {},
  parts = ONE_BY_ONE,
): Promise<void> {
  const device = await freshDevice();
  const session = await sessionOf(await tinyOptions({ device, ...more }), tiling, parts);
  try {
    await work(session);
  } finally {
    session.destroy();
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
  }
}

describe.each(ways)('iterations of many submits, %s', (_, tiling) => {
  it('have the bytes of those of one', async () => {
    const options = await tinyOptions();
    const results = [];
    for (const parts of [AT_ONCE, ONE_BY_ONE]) {
      const session = await sessionOf(options, tiling, parts);
      results.push(await seen(session));
      session.destroy();
    }
    expect(results[1]).toEqual(results[0]);
  });

  it('are as many submits as dispatches, or one', async () => {
    await withFresh(tiling, async (session) => {
      expect(session.plan.tiles?.count).toBe(tiling === 'whole' ? undefined : 6);
      await session.step(1); // folds constants, once
      const count = atSubmit(session.device, 0);
      await session.step(1);
      expect(count()).toBe(session.plan.dispatches);
    });
    await withFresh(
      tiling,
      async (session) => {
        const count = atSubmit(session.device, 0);
        await session.step(3);
        expect(count()).toBe(3);
      },
      {},
      AT_ONCE,
    );
  });

  it('are dropped between two submits by an aborted signal, and the next run begins anew', async () => {
    await withFresh(tiling, async (session) => {
      const expected = await sessionOf(await tinyOptions(), tiling, AT_ONCE);
      const controller = new AbortController();
      const count = atSubmit(session.device, 3, () => controller.abort());
      let iterations = 0;
      for await (const progress of session.run({ iterations: 5, signal: controller.signal })) iterations = progress.iteration;
      expect(iterations).toBe(0);
      expect(count()).toBeLessThanOrEqual(5);
      expect(await session.readImage()).toEqual(await expected.readImage());
      expect(await session.checkpoint()).toEqual(await expected.checkpoint());
      expect(await seen(session)).toEqual(await seen(expected));
      expected.destroy();
    });
  });

  it('whose update has begun are ended by an aborted signal', async () => {
    await withFresh(tiling, async (session) => {
      await session.step(1);
      const controller = new AbortController();
      // With the first dispatch of Adam's last pair, when the one before has begun the update.
      atSubmit(session.device, session.plan.dispatches - 1, () => controller.abort());
      let iterations = 0;
      for await (const progress of session.run({ iterations: 5, signal: controller.signal })) iterations = progress.iteration;
      expect(iterations).toBe(1);
      const expected = await sessionOf(await tinyOptions(), tiling, AT_ONCE);
      await expected.step(2);
      expect(await session.checkpoint()).toEqual(await expected.checkpoint());
      expected.destroy();
    });
  });

  it('reject once with device-lost when the device goes in between', async () => {
    await withFresh(tiling, async (session) => {
      atSubmit(session.device, 4, () => session.device.destroy());
      await expect(session.step(2)).rejects.toMatchObject({ code: 'device-lost' });
    });
  });

  it('are recorded in slices into an encoder of the caller', async () => {
    const results = [];
    for (const budgetMilliseconds of [Infinity, 0.05, 1e-9]) {
      const session = await sessionOf(await tinyOptions(), tiling, AT_ONCE);
      for (let i = 0; i < 3; i++) {
        for (let isWhole = false; !isWhole; ) {
          const encoder = session.device.createCommandEncoder();
          isWhole = session.encode(encoder, { budgetMilliseconds });
          session.device.queue.submit([encoder.finish()]);
        }
      }
      results.push(await session.checkpoint());
      session.destroy();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});

it('calls that are not awaited see whole iterations', async () => {
  const images = [];
  const expected = await sessionOf(await tinyOptions(), 'whole', AT_ONCE);
  for (let i = 0; i < 4; i++) {
    images.push(await expected.readImage());
    await expected.step(1);
  }
  images.push(await expected.readImage());
  const busy = await sessionOf(await tinyOptions(), 'whole', ONE_BY_ONE);
  const calls = [busy.step(2), busy.evaluate(), busy.step(2)];
  for (let i = 0; i < 5; i++) {
    expect(images).toContainEqual(await busy.readImage());
    await busy.device.queue.onSubmittedWorkDone();
  }
  await Promise.all(calls);
  expect(await busy.checkpoint()).toEqual(await expected.checkpoint());
  for (const session of [busy, expected]) session.destroy();

  const session = await sessionOf(await tinyOptions(), 'whole', ONE_BY_ONE);
  const step = session.step(1);
  await Promise.resolve();
  const encoder = session.device.createCommandEncoder();
  expect(() => session.encode(encoder)).toThrow(expect.objectContaining({ code: 'bad-option', where: 'session.encode' }));
  const read = session.readImage();
  await step;
  expect(await read).toEqual(await session.readImage());
  session.destroy();
});

it('a session that ends between two submits says so', async () => {
  const session = await sessionOf(await tinyOptions(), 'whole', ONE_BY_ONE);
  const calls = [session.step(1), session.evaluate()].map((call) => expect(call).rejects.toMatchObject({ code: 'bad-option' }));
  await Promise.resolve();
  session.destroy();
  await Promise.all(calls);
});
