// PNG files written row by row: rows are made, filtered and deflated one after another, so that a large picture takes
// little more memory than its file. The platform deflates: pixels are the same everywhere, the bytes of the file need not be.

import { joinBytes } from './bytes.ts';
import { writeChunks, type PngChunk } from './png-chunks.ts';
import { filterRow } from './png-filters.ts';
import { withTexts } from './png-text.ts';

/** What a file has beside its rows. */
export interface RowsHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly channels: 3 | 4;
}

/**
 * How a row is filtered: `sub` takes the pixel to the left from each; `adaptive` the filter whose bytes, as signed numbers,
 * have the smallest sum (PNG specification, section 12.7).
 */
export type RowFilter = 'sub' | 'adaptive';

/** Rows are handed to the platform in pieces of about this many bytes. */
const PIECE = 2 ** 16;

/** Bytes of image data in one chunk of the file, about. */
const CHUNK = 2 ** 20;

/** All rows with their filter bytes, in pieces. */
function filteredRows(
  { width, height, depth, channels }: RowsHeader,
  filter: RowFilter,
  rowAt: (y: number, row: Uint8Array) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const step = (channels * depth) / 8;
  const length = step * width;
  const types = filter === 'sub' ? [1] : [0, 1, 2, 3, 4];
  const tried = types.map(() => new Uint8Array(1 + length));
  let [row, above] = [new Uint8Array(length), new Uint8Array(length)];
  let y = 0;
  return new ReadableStream({
    pull(controller) {
      const count = Math.min(height - y, Math.max(1, Math.floor(PIECE / (1 + length))));
      const piece = new Uint8Array(count * (1 + length));
      for (let i = 0; i < count; i++, y++) {
        rowAt(y, row);
        const sums = types.map((type, k) => filterRow(type, row, above, step, tried[k]!));
        piece.set(tried[sums.indexOf(Math.min(...sums))]!, i * (1 + length));
        [row, above] = [above, row];
      }
      controller.enqueue(piece);
      if (y === height) controller.close();
    },
  });
}

/** Deflated bytes as chunks of the file. */
async function imageData(rows: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<PngChunk[]> {
  const reader = rows.pipeThrough(new CompressionStream('deflate')).getReader();
  const chunks: PngChunk[] = [];
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (bytes > 0) chunks.push({ type: 'IDAT', data: joinBytes(parts) });
    parts = [];
    bytes = 0;
  };
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      parts.push(value);
      bytes += value.length;
    }
    if (done || bytes >= CHUNK) flush();
    if (done) return chunks;
  }
}

/** A PNG file. `rowAt` fills the samples of row y, high bytes first; `text` adds one text chunk per entry. */
export async function encodeRows(
  header: RowsHeader,
  filter: RowFilter,
  rowAt: (y: number, row: Uint8Array) => void,
  text: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setUint32(0, header.width);
  view.setUint32(4, header.height);
  data.set([header.depth, header.channels === 3 ? 2 : 6, 0, 0, 0], 8);
  const chunks = [
    { type: 'IHDR', data },
    { type: 'sRGB', data: Uint8Array.of(1) },
    ...(await imageData(filteredRows(header, filter, rowAt))),
    { type: 'IEND', data: new Uint8Array(0) },
  ];
  return writeChunks(withTexts(chunks, text));
}
