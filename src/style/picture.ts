// The result: a picture with the story of how it was made.

import type { AdapterDescription } from '../gpu/device.ts';
import { badOption } from '../gpu/errors.ts';
import { encodePng, pixelsToBytes, type Pixels } from '../image/index.ts';
import type { Losses } from './losses.ts';

/** How a run went, for reports. */
export interface RunDetails {
  readonly adapter: AdapterDescription;
  readonly millisecondsPerIteration: number;
  /** Highest sum of GPU buffers during the run. */
  readonly peakBytes: number;
  readonly seed: number;
  readonly recipe: string;
  readonly network: string;
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

  constructor(pixels: Pixels, { losses, iterations, stopped, details }: PictureParts) {
    this.width = pixels.width;
    this.height = pixels.height;
    this.pixels = pixelsToBytes(pixels);
    this.losses = losses;
    this.iterations = iterations;
    this.stopped = stopped;
    this.details = details;
  }

  /** The bytes of a PNG file, anywhere. */
  async toPng(): Promise<Uint8Array<ArrayBuffer>> {
    return encodePng(this.width, this.height, this.pixels);
  }

  /** A PNG as a Blob. */
  async toBlob(): Promise<Blob> {
    return new Blob([await this.toPng()], { type: 'image/png' });
  }

  /** The pixels as ImageData. Throws `bad-option` where the platform has none (Node). */
  toImageData(): ImageData {
    if (typeof ImageData === 'undefined') {
      throw badOption('picture.toImageData', 'this platform has no ImageData', 'Use picture.pixels');
    }
    return new ImageData(this.pixels, this.width, this.height);
  }
}
