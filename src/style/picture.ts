// The result: a picture with the story of how it was made.

import type { AdapterDescription } from '../gpu/device.ts';
import { badOption } from '../gpu/errors.ts';
import { pixelsToBytes, type Pixels } from '../image/pixels.ts';
import type { Losses } from './losses.ts';
import type { Settings } from './settings.ts';

/** How a run went, for reports. */
export interface RunDetails {
  readonly adapter: AdapterDescription;
  readonly millisecondsPerIteration: number;
  /** Highest sum of GPU buffers during the run. */
  readonly peakBytes: number;
  readonly seed: number;
  readonly recipe: string;
  readonly network: string;
  /** The options of the run as plain data, every default filled in. */
  readonly options: Settings;
}

/** How {@link StyledPicture.toPng} writes. */
export interface PngOptions {
  /** Bits a sample: 8 (default), or 16, taken from the float picture and not from the 8-bit one. */
  readonly bits?: 8 | 16;
  /** Texts by keyword; default: the run's options as JSON under `wgpu-style`. */
  readonly text?: Readonly<Record<string, string>>;
}

/** Why a run ended. */
export type Stopped = 'done' | 'converged' | 'aborted';

/** What {@link StyledPicture} is made from. */
export interface PictureParts {
  readonly losses: Losses;
  readonly iterations: number;
  readonly stopped: Stopped;
  readonly details: RunDetails;
}

/** The settings of a run as texts of a PNG. */
export function settingsTexts({ options, network }: RunDetails): Readonly<Record<string, string>> {
  // A network's path or address is nobody's business; its plain name is.
  const isName = network !== 'custom' && /^[\w-]+$/.test(network);
  const settings = { ...options, ...(isName && { network }) };
  return { Software: 'wgpu-style', 'wgpu-style': JSON.stringify(settings) };
}

/** A finished (or interrupted) picture: RGBA, 8 bits a channel, sRGB. */
export class StyledPicture {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row from the top, sRGB-encoded, straight alpha. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  /** Losses before the last update. */
  readonly losses: Losses;
  /** Iterations that were done, over all scales. */
  readonly iterations: number;
  readonly stopped: Stopped;
  readonly details: RunDetails;
  /** As the run made it, before it was rounded to 8 bits. */
  readonly #floats: Pixels;

  constructor(pixels: Pixels, { losses, iterations, stopped, details }: PictureParts) {
    this.width = pixels.width;
    this.height = pixels.height;
    this.#floats = pixels;
    this.pixels = pixelsToBytes(pixels);
    this.losses = losses;
    this.iterations = iterations;
    this.stopped = stopped;
    this.details = details;
  }

  /**
   * The bytes of a PNG file, anywhere, with the options that made the picture inside (text chunk `wgpu-style`, JSON).
   * Throws `bad-option` for other bits than 8 and 16.
   */
  async toPng({ bits = 8, text = settingsTexts(this.details) }: PngOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const where = 'picture.toPng';
    if (bits !== 8 && bits !== 16) throw badOption(where, `bits is ${String(bits)}`, 'Give 8 or 16');
    // Chunks of their own, as all that reads and writes files.
    if (bits === 16) return (await import('../image/png-wide.ts')).encodeWidePng(this.#floats, { text, where });
    return (await import('../image/png.ts')).encodePng(this.width, this.height, this.pixels, { text, where });
  }

  /** A PNG as a Blob. */
  async toBlob(options: PngOptions = {}): Promise<Blob> {
    return new Blob([await this.toPng(options)], { type: 'image/png' });
  }

  /** The pixels as ImageData. Throws `bad-option` where the platform has none (Node). */
  toImageData(): ImageData {
    if (typeof ImageData === 'undefined') {
      throw badOption('picture.toImageData', 'this platform has no ImageData', 'Use picture.pixels');
    }
    return new ImageData(this.pixels, this.width, this.height);
  }
}
