// A whole run that is interrupted and resumed ends with the bytes of one that was not, wherever it stood: within the
// first scale, on a boundary, within the last; and whatever does not belong to it is refused by name.

import { beforeAll, describe, expect, it } from 'vitest';
import {
  recipes,
  styleTransfer,
  type OptimizerOptions,
  type StyledPicture,
  type StyleTransferOptions,
  type Vgg,
} from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { toPixels, type Decoded } from '../../src/image/pixels.ts';
import { resolveOptions } from '../../src/style/options.ts';
import { originOf } from '../../src/style/run-state.ts';
import { freshDevice, testDevice } from '../device.ts';
import { bytesHeld, scene, tinyNetwork, tinyOptions, withHeader } from './setting.ts';

/** 16, then 24 pixels: 6 and 5 iterations. */
const climbing = (more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> =>
  tinyOptions({ scales: [16, 24], iterations: 11, ...more });

/** Runs until `iterations` are reported, then aborts; gives the checkpoint that the abort left. */
async function interrupted(
  options: StyleTransferOptions,
  iterations: number,
): Promise<{ bytes: Uint8Array; picture: StyledPicture }> {
  const controller = new AbortController();
  let bytes: Uint8Array | undefined;
  const picture = await styleTransfer({
    ...options,
    signal: controller.signal,
    onProgress: ({ iteration }) => void (iteration === iterations && controller.abort()),
    checkpoint: { save: (saved) => void (bytes = saved) },
  });
  expect(picture.stopped).toBe('aborted');
  return { bytes: bytes!, picture };
}

it('a checkpoint within a scale that says the loss is at rest ends the scale, and the run', async () => {
  const { bytes } = await interrupted(await climbing({ tolerance: 1e-9 }), 4);
  let steps = NaN;
  const resume = withHeader(bytes, (header) => {
    steps = header['steps'] as number;
    return { ...header, plateau: { lowest: [1], rests: true, isOver: true } };
  });
  expect(steps).toBeLessThan(6);
  const made = await styleTransfer(await climbing({ tolerance: 1e-9, resume }));
  expect(made).toMatchObject({ stopped: 'converged', iterations: steps + 5 });
});

const OPTIMIZERS: readonly OptimizerOptions[] = [
  { name: 'lbfgs', history: 3 }, // fewer than the steps of a scale: the ring wraps
  { name: 'adam', learningRate: 0.02 },
  { name: 'gd', learningRate: 1e-5, momentum: 0.9 },
];

/** Adam goes on with its moments on the second scale, and the average of the iterates is what is handed over. */
const CARRIED: Partial<StyleTransferOptions> = {
  recipe: { ...recipes['lecture']!, carry: 'moments' },
  optimizer: { name: 'adam', learningRate: 0.02 },
  averaging: 0.9,
};

const RUNS: readonly (readonly [string, Partial<StyleTransferOptions>])[] = [
  ...OPTIMIZERS.map((optimizer) => [optimizer.name, { optimizer }] as const),
  ['adam, carried on', CARRIED],
];

describe.each(RUNS)('a resumed run (%s)', (_, more) => {
  // 4: within the first scale. 6: the GPU has gone ahead to its end. 9: within the last.
  it.each([1, 4, 6, 9])('interrupted after iteration %i ends with the same bytes, on another device', async (at) => {
    const options = await climbing({ ...more, seed: 3, init: 'noise' });
    const whole = await styleTransfer(options);
    const { bytes, picture } = await interrupted(options, at);
    expect(picture.iterations).toBeGreaterThanOrEqual(at);
    expect(picture.iterations).toBeLessThan(11);
    const device = await freshDevice();
    const iterations: number[] = [];
    const resumed = await styleTransfer({
      ...options,
      device,
      resume: bytes,
      onProgress: ({ iteration }) => void iterations.push(iteration),
    });
    expect(memoryUse(device).bytes).toBe(0);
    device.destroy();
    expect(resumed.pixels).toEqual(whole.pixels);
    expect(await resumed.toPng({ bits: 16 })).toEqual(await whole.toPng({ bits: 16 }));
    expect(resumed.losses).toEqual(whole.losses);
    expect([resumed.stopped, resumed.iterations]).toEqual(['done', 11]);
    expect(iterations).toEqual(Array.from({ length: 11 - picture.iterations }, (_, i) => picture.iterations + i + 1));
  });
});

describe('checkpoints on the way', () => {
  it('come every so many iterations, do not change the picture, and each of them goes on to it', async () => {
    const options = await climbing();
    const whole = await styleTransfer(options);
    const saved: { bytes: Uint8Array; iteration: number }[] = [];
    const watched = await styleTransfer({
      ...options,
      checkpoint: {
        every: 2,
        save: async (bytes, { iteration, iterations }) => {
          expect(iterations).toBe(11);
          await Promise.resolve();
          saved.push({ bytes, iteration });
        },
      },
    });
    expect(watched.pixels).toEqual(whole.pixels);
    expect(saved.map(({ iteration }) => iteration)).toEqual([2, 4, 6, 8, 10]);
    for (const { bytes } of saved) {
      const resumed = await styleTransfer({ ...options, resume: bytes });
      expect(resumed.pixels).toEqual(whole.pixels);
      expect(resumed.losses).toEqual(whole.losses);
    }
  });

  it('carry the options: content, style, network and device are enough to go on', async () => {
    const options = await climbing({ styleWeight: 3, tvWeight: 0.5 });
    const whole = await styleTransfer(options);
    const { bytes } = await interrupted(options, 8);
    const { content, style, network, device } = options;
    const resumed = await styleTransfer({ content, style, network: network!, device: device!, resume: bytes });
    expect(resumed.pixels).toEqual(whole.pixels);
    expect(resumed.details.options).toEqual(whole.details.options);
  });

  it('can be interrupted again and again', async () => {
    const options = await climbing();
    const whole = await styleTransfer(options);
    let { bytes } = await interrupted(options, 2);
    for (const at of [5, 8]) ({ bytes } = await interrupted({ ...options, resume: bytes }, at));
    expect((await styleTransfer({ ...options, resume: bytes })).pixels).toEqual(whole.pixels);
  });

  it('is made also when the signal fires while the next scale is set up', async () => {
    const options = await climbing();
    const controller = new AbortController();
    const saved: Uint8Array[] = [];
    const save = (bytes: Uint8Array): void => {
      saved.push(bytes);
      setTimeout(() => controller.abort());
    };
    const stopped = await styleTransfer({ ...options, signal: controller.signal, checkpoint: { every: 6, save } });
    expect([stopped.stopped, stopped.iterations, saved.length]).toEqual(['aborted', 6, 2]);
    const whole = await styleTransfer(options);
    for (const resume of saved) expect((await styleTransfer({ ...options, resume })).pixels).toEqual(whole.pixels);
  });

  it('a failing save fails the run, and nothing stays behind', async () => {
    const before = await bytesHeld();
    const save = (): Promise<void> => Promise.reject(new Error('the disk is full'));
    await expect(styleTransfer(await climbing({ checkpoint: { every: 3, save } }))).rejects.toThrow('the disk is full');
    expect(await bytesHeld()).toBe(before);
  });
});

describe('what is refused', () => {
  let options: StyleTransferOptions;
  let bytes: Uint8Array;
  beforeAll(async () => {
    options = await climbing();
    ({ bytes } = await interrupted(options, 8));
  });
  const refusal = (more: Partial<StyleTransferOptions>): Promise<unknown> =>
    styleTransfer({ ...options, resume: bytes, ...more }).catch((error: unknown) => error);

  it.each<readonly [string, Partial<StyleTransferOptions>, RegExp]>([
    ['another size', { size: 32 }, /size is not as in the checkpoint: got 32, need 24/],
    ['another weight', { styleWeight: 2 }, /styleWeight is not as in the checkpoint: got 2, need 1/],
    ['other scales', { scales: [24] }, /scales is not as in the checkpoint: got \[24\], need \[16,24\]/],
    ['more iterations', { iterations: 12 }, /iterations is not as in the checkpoint: got 12, need 11/],
    ['another optimiser', { optimizer: { name: 'gd' } }, /optimizer is not as in the checkpoint/],
    ['another content', { content: scene(24, 20, 1) }, /content is not as in the checkpoint: got 24x20 /],
    ['another style', { style: scene(20, 26) }, /style is not as in the checkpoint: got 20x26 /],
    [
      'two styles',
      { style: [{ image: scene(20, 26) }, { image: scene(20, 26) }] },
      /number of styles .*: got 2, need 1/,
    ],
    ['another network', { network: tinyNetwork(undefined, 2) }, /network is not as in the checkpoint/],
  ])('%s', async (_, more, message) => {
    expect(await refusal(more)).toMatchObject({
      code: 'bad-option',
      where: 'resume',
      message: expect.stringMatching(message),
    });
  });

  it('bytes that are no checkpoint of a run, cut ones, forged ones', async () => {
    const refused = { code: 'bad-option', where: 'resume' };
    expect(await refusal({ resume: new Uint8Array(40) })).toMatchObject(refused);
    expect(await refusal({ resume: 'out.checkpoint' as unknown as Uint8Array })).toMatchObject(refused);
    expect(await refusal({ resume: bytes.subarray(0, 200) })).toMatchObject(refused);
    expect(await refusal({ resume: bytes.subarray(0, -1) })).toMatchObject(refused);
    const text = new TextDecoder('latin1').decode(bytes);
    for (const [from, to] of [
      ['"scale":1', '"scale":7'],
      ['"before":6', '"before":5'],
      ['"steps":', '"sleps":'],
    ] as const) {
      expect(text).toContain(from);
      const forged = Uint8Array.from(text.replace(from, to), (letter) => letter.charCodeAt(0));
      expect(await refusal({ resume: forged })).toMatchObject(refused);
    }
    await testDevice(); // still in one piece
  });

  it('a checkpoint option without save, or every nothing', async () => {
    const wrong = { code: 'bad-option', where: 'checkpoint' };
    expect(await refusal({ checkpoint: {} as never })).toMatchObject(wrong);
    expect(await refusal({ checkpoint: { every: 0, save: () => undefined } })).toMatchObject(wrong);
  });
});

it('a picture is the same to a checkpoint as bytes and as the floats they stand for', async () => {
  const options = await tinyOptions();
  const resolved = resolveOptions(options);
  const bytes = Uint8Array.from({ length: 4 * 7 * 5 }, (_, i) => (97 * i) % 256);
  const origin = (picture: Decoded): unknown =>
    originOf(resolved, { content: picture, styles: [{ picture, weight: 1 }], init: undefined }, options.network as Vgg);
  const picture = { width: 7, height: 5, bytes };
  expect(origin(picture)).toEqual(origin(toPixels(picture)));
  expect(origin(picture)).not.toEqual(origin({ ...picture, bytes: bytes.map((v, i) => (i === 139 ? v ^ 1 : v)) }));
});
