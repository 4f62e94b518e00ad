// PNG of 16 bits a sample, straight from floats: 65,536 steps instead of 256, for whoever goes on editing the picture.
// upng-js writes 8 bits only; here the platform deflates, so that pixels are the same everywhere, the bytes of the file
// need not be.
import { WgpuStyleError } from '../gpu/errors.ts';
import { isOpaque, type Pixels } from './pixels.ts';
import { writeChunks } from './png-chunks.ts';
import { withTexts } from './png-text.ts';

/** Samples clamped to [0, 1], times 65,535, rounded to nearest, high byte first; each row behind filter byte 0. */
function wideRows({ width, height, data }: Pixels, channels: 3 | 4): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(height * (1 + 2 * channels * width));
  let to = 0;
  for (let i = 0; i < width * height; i++) {
    if (i % width === 0) to++;
    for (let c = 0; c < channels; c++) {
      const sample = Math.round(Math.min(1, Math.max(0, data[4 * i + c]!)) * 65535);
      rows[to++] = sample >> 8;
      rows[to++] = sample & 255;
    }
  }
  return rows;
}

/**
 * Filters rows in place with Sub (each byte minus that of the pixel to its left): high bytes of neighbours are nearly
 * equal, low bytes are noise under any filter.
 */
function filterSub(rows: Uint8Array, height: number, step: number): void {
  const stride = rows.length / height;
  for (let at = 0; at < rows.length; at += stride) {
    rows[at] = 1;
    for (let x = stride - 1; x > step; x--) rows[at + x]! -= rows[at + x - step]!;
  }
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

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
  const { width, height, data } = pixels;
  const wrong = data.findIndex(Number.isNaN);
  if (wrong >= 0) {
    throw new WgpuStyleError('bad-image', {
      what: `sample ${wrong} is no number`,
      where,
      fix: 'Give numbers from 0 to 1',
    });
  }
  const channels = isOpaque(pixels) ? 3 : 4;
  const rows = wideRows(pixels, channels);
  filterSub(rows, height, 2 * channels);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([16, channels === 3 ? 2 : 6, 0, 0, 0], 8);
  const chunks = [
    { type: 'IHDR', data: header },
    { type: 'sRGB', data: Uint8Array.of(1) },
    { type: 'IDAT', data: await deflate(rows) },
    { type: 'IEND', data: new Uint8Array(0) },
  ];
  return writeChunks(withTexts(chunks, text));
}
