// PNG of 16 bits a sample, straight from floats: 65,536 steps instead of 256, for whoever goes on editing the picture.
// upng-js writes 8 bits only.
import { WgpuStyleError } from '../gpu/errors.ts';
import { isOpaque, type Pixels } from './pixels.ts';
import { encodeRows } from './png-rows.ts';

/**
 * Encodes sRGB-encoded floats [h, w, 4] as a PNG with 16 bits a sample: RGBA, or RGB when the picture is opaque. `text`
 * adds one text chunk per entry. Throws `bad-image` for a sample that is no number.
 */
export async function encodeWidePng(
  pixels: Pixels,
  {
    text = {},
    where = 'encodeWidePng',
  }: { readonly text?: Readonly<Record<string, string>>; readonly where?: string } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height } = pixels;
  const channels = isOpaque(pixels) ? 3 : 4;
  const rowAt = wideRows(pixels, channels, where);
  // High bytes of neighbours are nearly equal, low bytes are noise under any filter.
  return encodeRows({ header: { width, height, depth: 16, channels }, filter: 'sub', rowAt, text });
}

/** Fills the samples of row y. */
export type RowWriter = (y: number, row: Uint8Array) => void;

/**
 * Writes rows of a picture as RGB or RGBA samples: clamped to [0, 1], times 65,535, rounded to nearest, high bytes first. Throws
 * `bad-image` for a sample that is no number.
 */
export function wideRows({ width, data }: Pixels, channels: 3 | 4, where: string): RowWriter {
  const wrong = data.findIndex(Number.isNaN);
  if (wrong >= 0) {
    throw new WgpuStyleError('bad-image', {
      what: `sample ${wrong} is no number`,
      where,
      fix: 'Give numbers from 0 to 1',
    });
  }
  return (y, row) => {
    for (let x = 0, to = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const sample = Math.round(Math.min(1, Math.max(0, data[4 * (y * width + x) + c]!)) * 65535);
        row[to++] = sample >> 8;
        row[to++] = sample & 255;
      }
    }
  };
}
