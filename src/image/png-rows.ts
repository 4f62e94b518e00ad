// PNG files written row by row: rows are made, filtered and deflated one after another, so that a large picture takes
// little more memory than its file, and none for it where it is written as it is made. The platform deflates: pixels are the same everywhere, the bytes of the file need not be.

import { joinBytes } from './bytes.ts';
import { streamed } from './deflate.ts';
import { chunkBytes, pngSignature, type PngChunk } from './png-chunks.ts';
import { filterRow } from './png-filters.ts';
import { textChunks } from './png-text.ts';

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

/** Gives all rows with their filter bytes, piece by piece. */
function filteredRows(
  { width, height, depth, channels }: RowsHeader,
  filter: RowFilter,
  rowAt: RowsFile['rowAt'],
): () => Promise<Uint8Array<ArrayBuffer> | undefined> {
  const step = (channels * depth) / 8;
  const length = step * width;
  const types = filter === 'sub' ? [1] : [0, 1, 2, 3, 4];
  const tried = types.map(() => new Uint8Array(1 + length));
  let [row, above] = [new Uint8Array(length), new Uint8Array(length)];
  let y = 0;
  return async () => {
    if (y === height) return undefined;
    const count = Math.min(height - y, Math.max(1, Math.floor(PIECE / (1 + length))));
    const piece = new Uint8Array(count * (1 + length));
    for (let i = 0; i < count; i++, y++) {
      const filled = rowAt(y, row);
      if (filled) await filled;
      const sums = types.map((type, k) => filterRow(type, row, above, step, tried[k]!));
      piece.set(tried[sums.indexOf(Math.min(...sums))]!, i * (1 + length));
      [row, above] = [above, row];
    }
    return piece;
  };
}

/** Deflated bytes as chunks of the file. */
async function* imageData(rows: ReturnType<typeof filteredRows>): AsyncGenerator<PngChunk, void> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of streamed(new CompressionStream('deflate'), rows)) {
    parts.push(part);
    bytes += part.length;
    if (bytes < CHUNK) continue;
    yield { type: 'IDAT', data: joinBytes(parts) };
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield { type: 'IDAT', data: joinBytes(parts) };
}

/** What a PNG file is put together from. */
export interface RowsFile {
  readonly header: RowsHeader;
  readonly filter: RowFilter;
  /** Fills the samples of row y, high bytes first, at once or when the promise resolves. Called for one row after another. */
  readonly rowAt: (y: number, row: Uint8Array) => void | Promise<void>;
  /** One text chunk per entry. */
  readonly text: Readonly<Record<string, string>>;
}

/** A PNG file, a piece after another as they are made. */
export async function* rowsInPieces({ header, filter, rowAt, text }: RowsFile): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const data = new Uint8Array(13);
  const view = new DataView(data.buffer);
  view.setUint32(0, header.width);
  view.setUint32(4, header.height);
  data.set([header.depth, header.channels === 3 ? 2 : 6, 0, 0, 0], 8);
  yield pngSignature();
  yield chunkBytes({ type: 'IHDR', data });
  yield chunkBytes({ type: 'sRGB', data: Uint8Array.of(1) });
  for (const chunk of textChunks(text)) yield chunkBytes(chunk);
  for await (const chunk of imageData(filteredRows(header, filter, rowAt))) yield chunkBytes(chunk);
  yield chunkBytes({ type: 'IEND', data: new Uint8Array(0) });
}

/** The same in one piece. */
export async function encodeRows(file: RowsFile): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for await (const piece of rowsInPieces(file)) pieces.push(piece);
  return joinBytes(pieces);
}
