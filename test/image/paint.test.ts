// What paints an image, by itself: parts of an image, and targets of another size. Formats are in test/style/output.test.ts.

import { expect, it } from 'vitest';
import { destroyBuffer } from '../../src/gpu/buffers.ts';
import { Painter, type PaintSource } from '../../src/image/paint.ts';
import { randomValues } from '../check.ts';
import { testDevice } from '../device.ts';
import { fencedBuffer } from '../fence.ts';
import { texels } from '../style/texels.ts';

const [H, W] = [7, 6];
const SCALE = 2;
const MEAN = [0.25, -0.5, 0.125] as const;
const image = randomValues(H * W * 3, 1);

/** Rows `first` … of the image in a buffer of their own. */
function part(device: GPUDevice, first: number, rows: number): PaintSource {
  const buffer = fencedBuffer(device, [rows, W, 3], image.subarray(3 * W * first, 3 * W * (first + rows)));
  return { buffer, width: W, height: H, first, rows, scale: SCALE, mean: MEAN };
}

/** Paints the parts, and compares with the nearest pixels of the image; rows that are in none are to be empty. */
async function check(width: number, height: number, parts: readonly (readonly [first: number, rows: number])[]): Promise<void> {
  const device = await testDevice();
  const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
  const texture = device.createTexture({ size: [width, height], format: 'rgba8unorm', usage });
  const sources = parts.map(([first, rows]) => part(device, first, rows));
  const painter = await Painter.create(device, sources, { texture });
  const encoder = device.createCommandEncoder();
  painter.encode(encoder);
  device.queue.submit([encoder.finish()]);
  const shown = await texels(device, texture);
  let worst = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const row = Math.floor(((y + 0.5) / height) * H);
      const column = Math.floor(((x + 0.5) / width) * W);
      const isPainted = parts.some(([first, rows]) => row >= first && row < first + rows);
      for (let c = 0; c < 4; c++) {
        const value = c === 3 ? 1 : (image[(row * W + column) * 3 + c]! + MEAN[c]!) / SCALE;
        const wanted = isPainted ? 255 * Math.min(1, Math.max(0, value)) : 0;
        worst = Math.max(worst, Math.abs(shown[(y * width + x) * 4 + c]! - wanted));
      }
    }
  }
  expect(worst).toBeLessThan(0.51); // rounding to nearest is the adapter's
  painter.destroy();
  texture.destroy();
  for (const { buffer } of sources) destroyBuffer(buffer);
}

it.each([[W, H], [2 * W, 3 * H], [5, 3], [1, 1], [17, 40]])('an image is painted to %i x %i', async (width, height) => {
  await check(width, height, [[0, H]]);
});

it.each([
  ['one after the other', [[0, 3], [3, 4]]],
  ['the last first', [[5, 2], [2, 3], [0, 2]]],
  ['with others left alone', [[1, 2], [5, 1]]],
] as const)('rows in parts, %s', async (_, parts) => {
  await check(W, H, parts);
  await check(2 * W, 3 * H, parts);
});
