// PNG of a picture that is not there as a whole: it comes in bands of rows, such as they are read back from the GPU, and goes out
// in pieces of the file.
import { LARGE, pixelsToBytes, type Pixels } from './pixels.ts';
import { copyRow, encodePng } from './png.ts';
import { rowsInPieces } from './png-rows.ts';
import { wideRows, type RowWriter } from './png-wide.ts';

/** A picture whose rows are had when they are asked for. */
export interface Bands {
  readonly width: number;
  readonly height: number;
  /** Every alpha is 1: the file has none. */
  readonly isOpaque: boolean;
  /** `count` rows from row `first` on: RGBA floats, sRGB-encoded. */
  readonly read: (first: number, count: number) => Promise<Pixels>;
}

/** Floats of a band, about: 16 MiB. */
const BAND = 2 ** 22;

/**
 * The file that {@link encodePng} (8 bits) or {@link encodeWidePng} would make of the whole picture, a piece after another. With
 * 8 bits a picture of up to 16 megapixels is read as a whole, since its bytes are the same on every machine. Throws what reading
 * does, and `bad-image` for a sample that is no number (16 bits).
 */
export async function* pngOfBands(
  { width, height, isOpaque, read }: Bands,
  { bits, text, where }: { readonly bits: 8 | 16; readonly text: Readonly<Record<string, string>>; readonly where: string },
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  if (bits === 8 && width * height <= LARGE) {
    yield await encodePng(width, height, pixelsToBytes(await read(0, height)), { text, where });
    return;
  }
  const channels = isOpaque ? 3 : 4;
  const rows = Math.min(height, Math.max(1, Math.floor(BAND / (4 * width))));
  let [first, end] = [0, 0];
  let write: RowWriter | undefined;
  const next = async (y: number): Promise<void> => {
    write = undefined; // not two bands at a time
    const band = await read(y, Math.min(rows, height - y));
    [first, end] = [y, y + band.height];
    write = bits === 16 ? wideRows(band, channels, where) : byteRows(band, channels);
  };
  const rowAt = (y: number, row: Uint8Array): void | Promise<void> =>
    y < end ? write!(y - first, row) : next(y).then(() => write!(y - first, row));
  yield* rowsInPieces({ header: { width, height, depth: bits, channels }, filter: bits === 16 ? 'sub' : 'adaptive', rowAt, text });
}

function byteRows(band: Pixels, channels: 3 | 4): RowWriter {
  const bytes = pixelsToBytes(band);
  return (y, row) => copyRow(bytes, band.width, y, channels, row);
}
