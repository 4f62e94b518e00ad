// `storage: 'f16'`: half the memory for activations, and what that does to losses and pictures, with the embedded network.

import { beforeAll, describe, expect, it } from 'vitest';
import { plan, StyleSession, styleTransfer, type Picture, type StyleTransferOptions } from '../../src/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { testDevice } from '../device.ts';
import { picture, scene, tinyOptions } from './setting.ts';

type Storage = NonNullable<StyleTransferOptions['storage']>;

async function options(storage: Storage, more: Partial<StyleTransferOptions> = {}): Promise<StyleTransferOptions> {
  return {
    content: scene(64, 48),
    style: picture(48, 64, 3),
    device: await testDevice(),
    size: 64,
    scales: false,
    storage,
    ...more,
  };
}

/** Peak signal-to-noise ratio in dB, of pictures in [0, 1]. */
function psnr(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return -10 * Math.log10(sum / a.length);
}

describe('a run with half the memory', () => {
  it.each(['default', 'gatys', 'neural-style'])('has the losses of %s within 1 %, from noise', async (recipe) => {
    const found = [];
    for (const storage of ['f32', 'f16'] as const) {
      const session = await StyleSession.create(await options(storage, { recipe, init: 'noise' }));
      await session.step(1);
      found.push(await session.losses());
      session.destroy();
    }
    const [full, halves] = found;
    for (const term of ['total', 'content', 'style'] as const) {
      const share = Math.abs(halves![term] - full![term]) / full![term];
      expect(share, term).toBeLessThan(0.01);
    }
  });

  it('paints the same picture: more than 40 dB after 40 iterations of Adam', async () => {
    const pictures: Picture[] = [];
    for (const storage of ['f32', 'f16'] as const) {
      const result = await styleTransfer(await options(storage, { optimizer: { name: 'adam', learningRate: 0.02 }, iterations: 40 }));
      pictures.push(result);
    }
    const [full, halves] = pictures.map(({ data }) => Float32Array.from(data, (v) => v / 255));
    expect(halves).not.toEqual(full);
    expect(psnr(halves!, full!)).toBeGreaterThan(40);
  });
});
