// PNG of a picture that is not there as a whole: it comes in bands of rows, such as they are read back from the GPU, and goes out
// in pieces of the file.
import { LARGE, pixelsToBytes, type Pixels } from './pixels.ts';
import { encodePng } from './png.ts';
import { rowsInPieces } from './png-rows.ts';
import { checkSamples, writeWideRow } from './png-wide.ts';

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
  const none: Pixels = { width, height: 0, data: new Float32Array(0) };
  let band = none;
  let first = 0;
  const write = (y: number, row: Uint8Array): void => {
    const own = band.data.subarray(4 * width * (y - first), 4 * width * (y - first + 1));
    if (bits === 16) writeWideRow(own, channels, row);
    else writeRow(own, channels, row);
  };
  const next = async (y: number): Promise<void> => {
    band = none; // not two at a time
    band = await read(y, Math.min(rows, height - y));
    first = y;
    if (bits === 16) checkSamples(band, where);
  };
  const rowAt = (y: number, row: Uint8Array): void | Promise<void> => (y < first + band.height ? write(y, row) : next(y).then(() => write(y, row)));
  yield* rowsInPieces({ header: { width, height, depth: bits, channels }, filter: bits === 16 ? 'sub' : 'adaptive', rowAt, text });
}

/** As `pixelsToBytes` rounds. */
function writeRow(floats: Float32Array, channels: 3 | 4, row: Uint8Array): void {
  for (let from = 0, to = 0; from < floats.length; from += 4) {
    for (let c = 0; c < channels; c++) row[to++] = Math.round(Math.min(1, Math.max(0, floats[from + c]!)) * 255);
  }
}
