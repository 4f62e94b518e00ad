// The inside of a PNG's image data: inflating, undoing the row filters, Adam7, and samples of 1 to 16 bits.
//
// Why not upng-js, which encodes for us: its decoder (2.1.0, read and tried 2026-11) gives wrong pixels for gray of
// 1, 2 and 4 bits unless rows fill whole bytes, for interlaced 1-bit pictures, for interlaced pictures up to 4 wide
// and for black as the transparent gray; it drops the low byte of 16 bits, checks no checksum, reads past the end of
// cut files (with a text chunk there: forever), and inflates without a limit.
import { streamed } from './deflate.ts';
import { maxPixels } from './pixels.ts';
import { corrupt, type PngHeader } from './png-chunks.ts';
import { unfilterRow } from './png-filters.ts';

/** Palette and transparency of a file, as raw chunk bytes. */
export interface PngTables {
  readonly palette?: Uint8Array;
  readonly transparency?: Uint8Array;
}

/** One rectangle of samples: the whole picture, or one of Adam7's seven; pixel (x, y) lands at x0 + x * dx, … */
interface Pass {
  readonly x0: number;
  readonly y0: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

const samplesPerPixel: Readonly<Record<PngHeader['colourType'], number>> = {
  0: 1,
  2: 3,
  3: 1,
  4: 2,
  6: 4,
};

/** Origin and step of the seven passes (PNG specification, section 8.1). */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Passes that hold pixels. An empty one takes no bytes in the file at all. */
function passesOf({ width, height, interlaced }: PngHeader): readonly Pass[] {
  const steps = interlaced ? adam7 : ([[0, 0, 1, 1]] as const);
  return steps
    .map(([x0, y0, dx, dy]) => ({
      x0,
      y0,
      dx,
      dy,
      width: Math.max(0, Math.ceil((width - x0) / dx)),
      height: Math.max(0, Math.ceil((height - y0) / dy)),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

function rowBytes(header: PngHeader, width: number): number {
  return Math.ceil((width * samplesPerPixel[header.colourType] * header.depth) / 8);
}

/** Bytes of all rows with their filter bytes: what the image data must inflate to. */
function inflatedLength(header: PngHeader): number {
  return passesOf(header).reduce(
    (sum, pass) => sum + pass.height * (1 + rowBytes(header, pass.width)),
    0,
  );
}

/** At best, deflate makes 258 bytes of two bits (zlib's technical notes, "Maximum Compression Factor"). */
const bestRatio = 1032;

/** Image data is handed to the platform in pieces of this many bytes, so that what it inflates to is not all there at once. */
const PIECE = 2 ** 16;

function piecesOf(parts: readonly Uint8Array[]): () => Uint8Array<ArrayBuffer> | undefined {
  let [part, at] = [0, 0];
  return () => {
    while (part < parts.length && at >= parts[part]!.length) [part, at] = [part + 1, 0];
    if (part >= parts.length) return undefined;
    const piece = parts[part]!.subarray(at, at + PIECE);
    at += piece.length;
    return piece as Uint8Array<ArrayBuffer>;
  };
}

/** Zlib data as it inflates, of which exactly `length` bytes are of interest: the rows. */
class Inflating {
  readonly #inflated: AsyncGenerator<Uint8Array, void>;
  readonly #length: number;
  readonly #where: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #filled = 0;

  /** Throws `bad-image` where there cannot be as much. */
  constructor(parts: readonly Uint8Array[], length: number, where: string) {
    const given = parts.reduce((sum, part) => sum + part.length, 0);
    // Before any memory is taken: deflate cannot do better, whatever the header claims.
    if (length > given * bestRatio)
      throw corrupt(where, `too little image data: got ${given} bytes, which cannot inflate to ${length}`);
    this.#inflated = streamed(new DecompressionStream('deflate'), piecesOf(parts));
    this.#length = length;
    this.#where = where;
  }

  /** Fills `row` with the bytes that come next. Throws `bad-image` when there are fewer or they are damaged. */
  async fill(row: Uint8Array): Promise<void> {
    for (let filled = 0; filled < row.length; ) {
      if (this.#at === this.#chunk.length) {
        await this.#read();
        continue;
      }
      const taken = this.#chunk.subarray(this.#at, this.#at + row.length - filled);
      row.set(taken, filled);
      filled += taken.length;
      this.#at += taken.length;
    }
  }

  /** The rest (a checksum, junk, a bomb) is of no interest, and neither is its failure. */
  cancel(): void {
    this.#inflated.return().catch(() => undefined);
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#inflated.next().catch((cause: unknown) => {
      const got = `got ${this.#filled} bytes of rows, need ${this.#length}`;
      throw corrupt(this.#where, `its image data breaks off or is damaged: ${got}`, cause);
    });
    if (done) throw corrupt(this.#where, `too little image data: got ${this.#filled} bytes of rows, need ${this.#length}`);
    this.#chunk = value;
    this.#at = 0;
    this.#filled += value.length;
  }
}

/** Sample number `i` of a row, 0 to 2^depth - 1. */
function sampleAt(row: Uint8Array, i: number, depth: PngHeader['depth']): number {
  if (depth === 8) return row[i]!;
  if (depth === 16) return row[2 * i]! * 256 + row[2 * i + 1]!;
  const bit = i * depth;
  return (row[bit >> 3]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
}

/** RGBA samples: bytes, or floats in [0, 1] of a file with 16 bits. */
type Samples = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Writes one pixel as four samples. */
type Pixel = (row: Uint8Array, x: number, data: Samples, to: number) => void;

/** How a pixel of this colour type reads. */
function pixelReader(
  header: PngHeader,
  { palette, transparency }: PngTables,
  where: string,
): Pixel {
  const { colourType, depth } = header;
  const top = 2 ** depth - 1;
  // 1, 2 and 4 bits divide 255 evenly: bytes hold them as they are.
  const full = depth === 16 ? 1 : 255;
  const scaled = depth === 16 ? (value: number): number => value / top : (value: number): number => value * (255 / top);
  if (colourType === 3) {
    if (!palette || palette.length === 0 || palette.length % 3 !== 0)
      throw corrupt(where, 'it has no usable palette');
    return (row, x, data, to) => {
      const entry = sampleAt(row, x, depth);
      if (3 * entry >= palette.length)
        throw corrupt(where, `colour ${entry} of a palette of ${palette.length / 3}`);
      for (let c = 0; c < 3; c++) data[to + c] = palette[3 * entry + c]!;
      data[to + 3] = transparency?.[entry] ?? 255;
    };
  }
  const samples = samplesPerPixel[colourType];
  const hasAlpha = colourType === 4 || colourType === 6;
  const colours = hasAlpha ? samples - 1 : samples;
  // Without alpha, one colour may be named as transparent: 16 bits per sample, whatever the depth.
  const key =
    !hasAlpha && transparency?.length === 2 * colours
      ? Array.from(
          { length: colours },
          (_, c) => transparency[2 * c]! * 256 + transparency[2 * c + 1]!,
        )
      : undefined;
  return (row, x, data, to) => {
    const from = x * samples;
    let isKey = key !== undefined;
    for (let c = 0; c < 3; c++) {
      const value = sampleAt(row, colours === 1 ? from : from + c, depth);
      data[to + c] = scaled(value);
      if (key && value !== key[colours === 1 ? 0 : c]) isKey = false;
    }
    data[to + 3] = hasAlpha ? scaled(sampleAt(row, from + colours, depth)) : isKey ? 0 : full;
  };
}

/**
 * RGBA samples [h, w, 4] from the image data, row by row: beside them no more than two rows are there at once. Stops where the
 * rows end, so that a file that claims a small picture and inflates without end cannot fill the memory. Throws `bad-image`.
 */
export async function readScanlines(
  header: PngHeader,
  parts: readonly Uint8Array[],
  tables: PngTables,
  where: string,
): Promise<Samples> {
  const inflating = new Inflating(parts, inflatedLength(header), where);
  try {
    const length = 4 * Math.min(header.width * header.height, maxPixels);
    const data = header.depth === 16 ? new Float32Array(length) : new Uint8Array(length);
    const readPixel = pixelReader(header, tables, where);
    const step = Math.max(1, (samplesPerPixel[header.colourType] * header.depth) >> 3);
    for (const pass of passesOf(header)) {
      const length = rowBytes(header, pass.width);
      // Rows behind their filter bytes.
      let [line, above] = [new Uint8Array(1 + length), new Uint8Array(1 + length)];
      for (let y = 0; y < pass.height; y++) {
        await inflating.fill(line);
        const row = line.subarray(1);
        if (!unfilterRow(line[0]!, row, above.subarray(1), step)) throw corrupt(where, `unknown row filter ${line[0]}`);
        const from = (pass.y0 + y * pass.dy) * header.width + pass.x0;
        for (let x = 0; x < pass.width; x++) readPixel(row, x, data, 4 * (from + x * pass.dx));
        [line, above] = [above, line];
      }
    }
    return data;
  } finally {
    inflating.cancel();
  }
}
