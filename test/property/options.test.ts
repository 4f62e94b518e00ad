// Random options: what is allowed can be planned, what is not is refused as `bad-option` by its name, before anything is
// decoded or allocated. WGPU_STYLE_GRAPHS=50000 tries more of them.

import { beforeAll, describe, expect, it } from 'vitest';
import { plan, recipes, type StyleTransferOptions } from '../../src/index.ts';
import { loadNames } from '../../src/node/device.ts';
import { picture, tinyNetwork } from '../style/setting.ts';
import { Dice, forEachSeed } from './dice.ts';

const FILE = 'test/property/options.test.ts';
const COUNT = Math.ceil(Number(process.env['WGPU_STYLE_GRAPHS'] ?? 1000) / 10);

const network = tinyNetwork([[4, 4], [4]]);
const [content, style] = [picture(24, 20, 1), picture(20, 26, 2)];

interface Choice {
  readonly right: (dice: Dice) => unknown;
  readonly wrong: readonly unknown[];
}

const noNumbers = ['1', null, true, [], {}, NaN];
/** Above 0: a loss of nothing is refused too. */
const above: Choice = { right: (dice) => dice.pick([1, 1e-6, 3, 1e6]), wrong: [-1, Infinity, '1', true, [], {}, NaN] };
const factor: Choice = { right: (dice) => dice.pick([0, 1, 1e-6, 3, 1e6]), wrong: [-1, Infinity, '1', true, [], {}, NaN] };
const layers: Choice = {
  right: (dice) => ({ [dice.pick(['relu1_1', 'relu1_2', 'relu2_1'])]: dice.pick([1, 0.5, 1e3]) }),
  wrong: [[], ['relu1_1'], 'relu1_1', 3, { relu1_1: -1 }, { relu1_1: '1' }, { relu1_1: NaN }, { relu1_1: null }, { relu9_9: 1 }],
};

const CHOICES: Readonly<Partial<Record<keyof StyleTransferOptions, Choice>>> = {
  recipe: {
    right: () => recipes['lecture'],
    wrong: ['', 'vgg', '__proto__', 'constructor', 5, [], {}, { ...recipes['gatys'], style: null }, { ...recipes['gatys'], pooling: 'mean' }],
  },
  size: {
    right: (dice) => dice.pick([16, 21, 24, { width: 20, height: 17 }, { width: 16, height: 30 }]),
    wrong: [0, -5, 1.5, 1e9, '24', true, {}, { width: 24 }, { width: 24, height: 0 }, { width: '24', height: 24 }, [24, 24], NaN],
  },
  contentWeight: above,
  styleWeight: factor,
  tvWeight: factor,
  contentLayers: layers,
  styleLayers: layers,
  init: { right: (dice) => dice.pick(['content', 'style', 'noise', 'gray', picture(9, 7, 3)]), wrong: ['', 'white', 'Content'] },
  optimizer: {
    right: (dice) =>
      dice.pick([
        { name: 'lbfgs', history: 3 },
        { name: 'lbfgs', lineSearch: 'strong-wolfe' },
        { name: 'adam', learningRate: 0.1, beta1: 0.5, beta2: 0.9, decay: { rate: 0.9, steps: 10 } },
        { name: 'gd', momentum: 0.9, nesterov: true, clamp: true },
      ]),
    wrong: [
      ...['adam', 1, [], {}, { name: 'sgd' }, { name: '__proto__' }, { name: 'adam', history: 3 }],
      ...[{ name: 'adam', learningRate: -1 }, { name: 'adam', beta1: 1 }, { name: 'lbfgs', history: 0 }],
      ...[{ name: 'gd', nesterov: true }, { name: 'adam', learningRate: NaN }, { name: 'lbfgs', clamp: 1 }],
    ],
  },
  averaging: { right: (dice) => dice.pick([false, 0, 0.5, 0.99]), wrong: [1, -0.1, true, '0.9', NaN, [], {}] },
  iterations: { right: (dice) => dice.whole(0, 400), wrong: [-1, 1.5, 1e7, Infinity, ...noNumbers.filter((v) => v !== null)] },
  seed: { right: (dice) => dice.pick([0, 1, 2 ** 32 - 1]), wrong: [-1, 0.5, 2 ** 32, '1', true, [], {}, NaN] },
  pooling: { right: (dice) => dice.pick(['max', 'average']), wrong: ['mean', '', 2, true, [], {}] },
  color: {
    right: (dice) =>
      dice.pick(['style', 'luminance', 'match', 'histogram', { mode: 'luminance', space: 'oklab' }, { mode: 'match', method: 'monge' }]),
    wrong: ['colour', '', 3, true, [], {}, { mode: 'none' }, { mode: 'luminance', space: 'rgb' }, { mode: 'style', space: 'lab' }, { mode: 'match', when: 'never' }],
  },
  scales: {
    right: (dice) => dice.pick(['auto', false]),
    wrong: ['off', true, [], [0], [24, 16], [16, 16], [1.5], ['16'], 24, {}, NaN],
  },
  tolerance: {
    right: (dice) => dice.pick([0, 1e-4, { relative: 1e-3, iterations: 5 }]),
    wrong: [1, -1, NaN, '0', true, [], {}, { relative: 0.1, iterations: 0 }, { iterations: 3 }],
  },
};

const names = Object.keys(CHOICES) as (keyof typeof CHOICES)[];

function rightOptions(dice: Dice): StyleTransferOptions {
  const chosen = names.filter(() => dice.chance(0.35)).map((name) => [name, CHOICES[name]!.right(dice)]);
  // Layers of the recipes are those of a VGG; this network is smaller.
  const own = { contentLayers: { relu2_1: 1 }, styleLayers: { relu1_1: 1 }, size: 24 };
  return { content, style, network, ...own, ...Object.fromEntries(chosen) } as StyleTransferOptions;
}

beforeAll(loadNames);

describe('random options', () => {
  it('that are allowed can be planned', async () => {
    await forEachSeed(COUNT, FILE, async (dice) => {
      const planned = await plan(rightOptions(dice));
      expect(planned.peakBytes).toBeGreaterThan(0);
    });
  });

  const wrongs = names.flatMap((name) => CHOICES[name]!.wrong.map((value) => [name, value] as const));
  it(`with one of ${wrongs.length} wrong values are refused by its name`, async () => {
    for (const [i, [name, value]] of wrongs.entries()) {
      const options = { ...rightOptions(new Dice(i)), [name]: value } as StyleTransferOptions;
      const shown = `${name}: ${typeof value === 'number' ? value : JSON.stringify(value)}`;
      const error: unknown = await plan(options).then(() => undefined, (reason: unknown) => reason);
      expect(error, shown).toMatchObject({ code: 'bad-option' });
      expect((error as Error).message, shown).toContain(name);
    }
  });

  it('that do not exist are refused by their names', async () => {
    for (const name of ['itertions', 'Size', 'memoryLimits', '__proto__x', 'constructor']) {
      await expect(plan({ content, style, [name]: 1 })).rejects.toMatchObject({ code: 'bad-option', message: expect.stringContaining(name) });
    }
  });
});
