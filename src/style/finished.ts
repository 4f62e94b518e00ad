// The picture of a run that is over, while it still lies on the GPU. What is done to it in the end is finishing.ts.

import { loadChunk } from '../gpu/chunk.ts';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import { LARGE, type Pixels } from '../image/pixels.ts';
import type { Finishing } from './finishing.ts';
import { settingsTexts, StyledPicture, type PictureParts, type PngOptions, type RunDetails, type Stopped } from './picture.ts';
import type { Losses } from './losses.ts';

/** Where the rows of a run's picture come from, the GPU or the host: opaque, and nothing is done to them yet. */
export interface PictureSource {
  readonly width: number;
  readonly height: number;
  readonly rows: (first: number, count: number) => Promise<Pixels>;
}

/** A picture that is on the host. Its alpha may be written into it, which may be done twice. */
export function onHost({ width, height, data }: Pixels): PictureSource {
  const rows = async (first: number, count: number): Promise<Pixels> => {
    const own = data.subarray(4 * width * first, 4 * width * (first + count));
    return { width, height: count, data: own };
  };
  return { width, height, rows };
}

/**
 * A finished (or interrupted) picture that still lies on the GPU, as `styleTransferTo` hands it over: it is read back when it is
 * asked for, as a whole or a band of rows at a time, until it has been taken.
 */
export class FinishedPicture {
  readonly width: number;
  readonly height: number;
  /** Losses before the last update. */
  readonly losses: Losses;
  /** Iterations that were done, over all scales. */
  readonly iterations: number;
  readonly stopped: Stopped;
  readonly #source: PictureSource;
  readonly #finishing: Finishing;
  #describe: () => PictureParts;
  #isTaken = false;

  /** @internal */
  constructor(source: PictureSource, finishing: Finishing, describe: () => PictureParts) {
    this.#source = source;
    this.#finishing = finishing;
    this.#describe = describe;
    ({ width: this.width, height: this.height } = source);
    ({ losses: this.losses, iterations: this.iterations, stopped: this.stopped } = describe());
  }

  /** As far as the run has come: reading the picture back is part of it. */
  get details(): RunDetails {
    return this.#describe().details;
  }

  /** Whether {@link png} goes in bands, and does not need the picture as a whole. */
  goesInBands(bits: 8 | 16 = 8): boolean {
    return !this.#finishing.needsWhole && (bits === 16 || this.width * this.height > LARGE);
  }

  /** The picture as `styleTransfer` gives it. Throws `non-finite`, `device-lost`, and `bad-option` when it has been taken. */
  async read(): Promise<StyledPicture> {
    return (await this.fetch())();
  }

  /** @internal Reads it back, and gives what does the rest, when the GPU's memory need not be held any more. */
  async fetch(): Promise<() => StyledPicture> {
    const rows = await this.#read(0, this.height);
    return () => new StyledPicture(this.#finishing.finish(rows, 0), this.#describe());
  }

  /** @internal It has been taken. */
  close(): void {
    const parts = this.#describe();
    this.#describe = () => parts;
    this.#isTaken = true;
  }

  /**
   * A PNG file with the pixels of `picture.toPng`, in pieces. Beyond 16 megapixels, and with 16 bits, bands of 16 MiB of floats are
   * read back as the pieces are made, and of the picture no more is in memory than some bands; but colours that are matched after the run need the whole
   * of it. Throws when it is read: `bad-option` for other bits than 8 and 16 and when it has been taken, `non-finite`, `device-lost`.
   */
  async *png({ bits = 8, text = settingsTexts(this.details) }: PngOptions = {}): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const where = 'picture.png';
    if (bits !== 8 && bits !== 16) throw badOption(where, `bits is ${String(bits)}`, 'Give 8 or 16');
    const { pngOfBands } = await loadChunk(where, import('../image/png-bands.ts'));
    const { width, height } = this;
    const { isOpaque, needsWhole } = this.#finishing;
    const bands = needsWhole ? onHost(await this.#rows(0, height)) : { rows: this.#rows.bind(this) };
    yield* pngOfBands({ width, height, isOpaque, read: bands.rows }, { bits, text, where });
  }

  async #rows(first: number, count: number): Promise<Pixels> {
    return this.#finishing.finish(await this.#read(first, count), first);
  }

  async #read(first: number, count: number): Promise<Pixels> {
    if (this.#isTaken) throw badOption('styleTransferTo', 'its picture has been taken already', 'Read it before `take` resolves');
    const rows = await this.#source.rows(first, count);
    if (rows.data.every(Number.isFinite)) return rows;
    throw new WgpuStyleError('non-finite', {
      what: 'the picture holds values that are no numbers',
      where: 'styleTransfer',
      fix: 'Lower the learning rate or the weights',
    });
  }
}

/** What is done with the picture of a run. */
export type Take<T> = (picture: FinishedPicture) => T | Promise<T>;

/** Has a picture taken, which nobody can read afterwards. */
export async function taken<T>(picture: FinishedPicture, take: Take<T>): Promise<T> {
  try {
    return await take(picture);
  } finally {
    picture.close();
  }
}
