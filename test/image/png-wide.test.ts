// PNG with 16 bits: every sample within half a step of the float it came from, read by our decoder and by sharp's.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodePng } from '../../src/image/png.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { encodeWidePng } from '../../src/image/png-wide.ts';
import { styleTransfer } from '../../src/index.ts';
import { tinyOptions } from '../style/setting.ts';
import { randomValues } from '../check.ts';

function floats(width: number, height: number, alpha: number): Float32Array<ArrayBuffer> {
  return randomValues(4 * width * height, width * 100 + height).map((v, i) =>
    i % 4 === 3 ? alpha : (v + 1) / 2,
  );
}

describe('encodeWidePng', () => {
  test.each([
    [1, 1, 1],
    [7, 5, 1],
    [1, 33, 0.5],
    [64, 3, 0.25],
    [129, 65, 1],
  ])('%ix%i, alpha %d', async (width, height, alpha) => {
    const data = floats(width, height, alpha);
    const file = await encodeWidePng({ width, height, data });
    expect(file[24]).toBe(16);
    expect(file[25]).toBe(alpha === 1 ? 2 : 6);
    const decoded = await decodePng(file);
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    const worst = decoded.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(0.5 / 65535 + 1e-7);
    const raw = await sharp(file).toColourspace('rgb16').ensureAlpha(1).raw({ depth: 'ushort' }).toBuffer();
    const samples = new Uint16Array(new Uint8Array(raw).buffer);
    const wanted = Array.from(data, (value, i) =>
      i % 4 === 3 && alpha === 1 ? -1 : Math.round(value * 65535),
    );
    expect(Array.from(samples, (value, i) => (wanted[i] === -1 ? -1 : value))).toEqual(wanted);
  });

  test('what lies outside is clamped, what is no number is refused, texts are kept', async () => {
    const data = Float32Array.of(-0.5, 2, 0.5, 1);
    const text = { 'wgpu-style': '{"größe":1}' };
    const file = await encodeWidePng({ width: 1, height: 1, data }, { text });
    expect([...(await decodePng(file)).data]).toEqual([0, 1, Math.fround(32768 / 65535), 1]);
    expect(readPngText(file)).toEqual(text);
    const none = Float32Array.of(0, NaN, 0, 1);
    await expect(encodeWidePng({ width: 1, height: 1, data: none })).rejects.toMatchObject({
      code: 'bad-image',
    });
  });
});

test('a result in 16 bits is what the run made, not its 8 bits again; the options are inside both', async () => {
  const made = await styleTransfer(await tinyOptions());
  const [wide, narrow] = [await made.toPng({ bits: 16 }), await made.toPng()];
  const fine = (await decodePng(wide)).data;
  const bytes = Uint8Array.from(fine, (value) => Math.round(value * 255));
  expect(bytes).toEqual(Uint8Array.from(made.pixels));
  const between = fine.filter((value) => Math.abs(value * 255 - Math.round(value * 255)) > 0.01);
  expect(between.length).toBeGreaterThan(fine.length / 3);
  for (const file of [wide, narrow]) {
    expect(JSON.parse(readPngText(file)['wgpu-style']!)).toEqual(made.details.options);
  }
  expect(made.details.options).toMatchObject({
    recipe: 'lecture',
    size: 24,
    styleWeight: 1,
    iterations: 6,
    scales: false,
  });
  await expect(made.toPng({ bits: 12 as 16 })).rejects.toMatchObject({
    code: 'bad-option',
    where: 'picture.toPng',
  });
});
