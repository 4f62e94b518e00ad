// The picture of a run that is over, while it still lies on the GPU. What is done to it in the end is finishing.ts.

import { loadChunk } from '../gpu/chunk.ts';
import { badOption, WgpuStyleError } from '../gpu/errors.ts';
import type { Pixels } from '../image/pixels.ts';
import type { Finishing } from './finishing.ts';
import { settingsTexts, StyledPicture, type PictureParts, type PngOptions, type RunDetails, type Stopped } from './picture.ts';
import type { Losses } from './losses.ts';

/** A picture as a run left it, on the GPU or already on the host: opaque. */
export interface Unfinished {
  readonly width: number;
  readonly height: number;
  readonly rows: (first: number, count: number) => Promise<Pixels>;
}

/** One that is on the host. Its alpha may be written into it, which may be done twice. */
export function onHost({ width, height, data }: Pixels): Unfinished {
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
  readonly details: RunDetails;
  readonly #source: Unfinished;
  readonly #finishing: Finishing;
  readonly #describe: () => PictureParts;

  /** @internal */
  constructor(source: Unfinished, finishing: Finishing, describe: () => PictureParts) {
    this.#source = source;
    this.#finishing = finishing;
    this.#describe = describe;
    ({ width: this.width, height: this.height } = source);
    ({ losses: this.losses, iterations: this.iterations, stopped: this.stopped, details: this.details } = describe());
  }

  /** The picture as `styleTransfer` gives it. Throws `non-finite`, `device-lost`. */
  async read(): Promise<StyledPicture> {
    return new StyledPicture(await this.#rows(0, this.height), this.#describe());
  }

  /**
   * The PNG file that `picture.toPng` makes, in pieces, read back from the GPU as they are made: beyond 16 megapixels, and with
   * 16 bits, some 40 MiB of memory whatever its size. Colours that are matched after the run need the whole picture on the
   * host. Throws when it is read: `bad-option` for other bits than 8 and 16, `non-finite`, `device-lost`.
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
    const rows = await this.#source.rows(first, count);
    if (rows.data.every(Number.isFinite)) return this.#finishing.finish(rows, first);
    throw new WgpuStyleError('non-finite', {
      what: 'the picture holds values that are no numbers',
      where: 'styleTransfer',
      fix: 'Lower the learning rate or the weights',
    });
  }
}
