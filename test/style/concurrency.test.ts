// Many sessions on one device, their work interleaved and aborted at random by a seeded scheduler: each ends with the
// bytes that it has alone. WGPU_STYLE_SEED=n runs the schedule of that seed.

import { describe, expect, it } from 'vitest';
import { StyleSession, styleTransfer, type OptimizerOptions, type StyleTransferOptions } from '../../src/index.ts';
import { forEachSeed, type Dice } from '../property/dice.ts';
import { bytesHeld, picture, tinyNetwork, tinyOptions } from './setting.ts';

const FILE = 'test/style/concurrency.test.ts';
const SCHEDULES = 2;
const SESSIONS = 5;

const OPTIMIZERS: readonly OptimizerOptions[] = [
  { name: 'lbfgs', history: 3 },
  { name: 'lbfgs', history: 4, lineSearch: 'strong-wolfe' },
  { name: 'adam', learningRate: 0.02 },
  { name: 'gd', learningRate: 1e-5, momentum: 0.9 },
];

/** What one session does, action by action. */
interface Script {
  readonly options: Partial<StyleTransferOptions>;
  readonly actions: readonly Action[];
}

type Action = (session: StyleSession) => Promise<unknown>;

function randomAction(dice: Dice): Action {
  const n = dice.whole(1, 3);
  const weight = dice.pick([0.5, 2, 3]);
  return dice.pick<Action>([
    (session) => session.step(n),
    (session) => session.step(n),
    (session) => session.evaluate(),
    (session) => session.gradient(),
    (session) => session.checkpoint(),
    async (session) => session.set({ styleWeight: weight }),
    // A run that is left after a few of its iterations: what has begun is finished, nothing more.
    async (session) => {
      const controller = new AbortController();
      for await (const { iteration } of session.run({ iterations: 20, signal: controller.signal })) {
        if (iteration >= n) controller.abort();
      }
    },
    async (session) => {
      const { device } = session;
      const encoder = device.createCommandEncoder();
      session.encode(encoder);
      device.queue.submit([encoder.finish()]);
    },
  ]);
}

function randomScript(dice: Dice): Script {
  const size = dice.pick([16, 21, 24]);
  const options = {
    content: picture(size, size, dice.whole(1, 9)),
    network: tinyNetwork(undefined, dice.whole(1, 3)),
    optimizer: dice.pick(OPTIMIZERS),
    size,
  };
  return { options, actions: Array.from({ length: dice.whole(2, 6) }, () => randomAction(dice)) };
}

/** What can be seen of a session at its end. */
async function ending(session: StyleSession): Promise<unknown> {
  return { image: await session.readImage(), losses: await session.evaluate(), state: await session.checkpoint() };
}

async function alone({ options, actions }: Script): Promise<unknown> {
  const session = await StyleSession.create(await tinyOptions(options));
  try {
    for (const act of actions) await act(session);
    return await ending(session);
  } finally {
    session.destroy();
  }
}

/** All at once: whose turn it is, and how many actions are under way, is for the dice. */
async function together(scripts: readonly Script[], dice: Dice): Promise<readonly unknown[]> {
  const sessions = await Promise.all(scripts.map(async ({ options }) => StyleSession.create(await tinyOptions(options))));
  const doing = scripts.map(() => Promise.resolve<unknown>(undefined));
  const left = scripts.map(({ actions }) => [...actions]);
  while (left.some((actions) => actions.length > 0)) {
    const i = dice.whole(0, scripts.length - 1);
    const act = left[i]!.shift();
    if (act) doing[i] = doing[i]!.then(() => act(sessions[i]!));
    if (dice.chance(0.3)) await new Promise(setImmediate);
    // Sessions that come and go beside the others.
    if (dice.chance(0.1)) (await StyleSession.create(await tinyOptions(dice.pick(scripts).options))).destroy();
  }
  await Promise.all(doing);
  const endings = await Promise.all(sessions.map(ending));
  sessions.forEach((session) => session.destroy());
  return endings;
}

describe('sessions that share a device', () => {
  it('end with the bytes that they have alone, however their work is interleaved', async () => {
    const before = await bytesHeld();
    await forEachSeed(SCHEDULES, FILE, async (dice) => {
      const scripts = Array.from({ length: SESSIONS }, () => randomScript(dice));
      const got = await together(scripts, dice);
      for (const [i, script] of scripts.entries()) expect(got[i]).toEqual(await alone(script));
      expect(await bytesHeld()).toBe(before);
    });
  });

  it('end with them also where others are aborted, destroyed and refused in between', async () => {
    const before = await bytesHeld();
    await forEachSeed(SCHEDULES, FILE, async (dice) => {
      const options = await tinyOptions({ scales: [16, 24], iterations: 10, seed: 5, init: 'noise' });
      const whole = await styleTransfer(options);
      const runs = [1, 2, 3].map(() => styleTransfer(options));
      const others = Array.from({ length: 6 }, async () => {
        const controller = new AbortController();
        const at = dice.whole(0, 8);
        const onProgress = ({ iteration }: { readonly iteration: number }): void => void (iteration >= at && controller.abort());
        if (at === 0) controller.abort();
        const wrong = dice.chance(0.3) ? { contentLayers: { relu9_9: 1 } } : {};
        // Aborted before the first picture, or refused: both reject, and both are expected.
        await styleTransfer({ ...options, ...wrong, signal: controller.signal, onProgress }).catch(() => undefined);
      });
      const session = await StyleSession.create(options);
      const step = session.step(5);
      session.destroy();
      await expect(step).rejects.toMatchObject({ code: 'bad-option' });
      for (const picture of await Promise.all(runs)) expect(picture.pixels).toEqual(whole.pixels);
      await Promise.all(others);
      expect(await bytesHeld()).toBe(before);
    });
  });
});
