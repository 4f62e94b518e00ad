// What runs work with, read before any GPU work so that a wrong path is told at once: pictures and network by their
// paths, each read once however many runs use it.

import { loadPicture, type Pixels, type RawImage } from '../image/index.ts';
import type { MaskOptions } from '../style/mask-options.ts';
import type { StyleTransferOptions } from '../style/options.ts';
import type { Painting } from './commands.ts';
import { maskOf } from './masks.ts';
import { NO_CONTENT } from './settings.ts';
import type { ProgressPrinter } from './progress.ts';
import { readNetwork } from './transfer-network.ts';

const starts: readonly string[] = ['content', 'style', 'noise', 'gray'];

/** Options of `styleTransfer` but for the content. */
export type SharedInputs = Omit<StyleTransferOptions, 'content'>;

/** What reading has to tell. */
type InputsPrinter = Pick<ProgressPrinter, 'say' | 'download'>;

/** Reads pictures and networks, and remembers those that several runs share. */
export class Inputs {
  readonly #signal: AbortSignal;
  readonly #printer: InputsPrinter;
  readonly #pictures = new Map<string, Promise<Pixels | RawImage>>();
  readonly #networks = new Map<string, ReturnType<typeof readNetwork>>();

  /** The printer shows downloads, and says what had to be assumed of a network. */
  constructor(signal: AbortSignal, printer: InputsPrinter) {
    this.#signal = signal;
    this.#printer = printer;
  }

  /** A picture, kept for the next time unless `isOnce`. Throws as `loadImage` does, naming `where`. */
  picture(file: string, where: string, isOnce = false): Promise<Pixels | RawImage> {
    const found = this.#pictures.get(file) ?? this.#load(file, where);
    if (!isOnce) this.#pictures.set(file, found);
    return found;
  }

  /** With 8 bits a channel where the file has no more. */
  async #load(file: string, where: string): Promise<Pixels | RawImage> {
    const picture = await loadPicture(file, { where, signal: this.#signal });
    if (!('bytes' in picture)) return picture;
    const { width, height, bytes: data } = picture;
    return { width, height, data };
  }

  /** The content as options: none for a texture. `isOnce`: it is not kept for other runs. */
  async content(file: string, isOnce = false): Promise<Pick<StyleTransferOptions, 'content' | 'contentWeight'>> {
    if (file === NO_CONTENT) return { contentWeight: 0 };
    return { content: await this.picture(file, 'content', isOnce) };
  }

  async #mask(text: string, where: string): Promise<MaskOptions> {
    const { path, ...how } = maskOf(text);
    return { image: await this.picture(path, where), ...how };
  }

  /** Styles, start, network and plain options of a command. */
  async shared(painting: Painting): Promise<SharedInputs> {
    const { styles, init, updateMask, options, network, preprocessing } = painting;
    const style = [];
    for (const [i, { path, weight, mask, styleMask }] of styles.entries()) {
      style.push({
        image: await this.picture(path, styles.length > 1 ? `style ${i + 1}` : 'style'),
        weight,
        ...(mask !== undefined && { mask: await this.#mask(mask, '--mask') }),
        ...(styleMask !== undefined && { styleMask: await this.#mask(styleMask, '--style-mask') }),
      });
    }
    const key = JSON.stringify([network, preprocessing]);
    const reading = this.#networks.get(key) ?? readNetwork(painting, this.#signal, this.#printer);
    this.#networks.set(key, reading);
    const vgg = await reading;
    const isWord = init === undefined || starts.includes(init) || !/[./\\:]/.test(init);
    return {
      style,
      ...options,
      ...(updateMask !== undefined && { updateMask: await this.#mask(updateMask, '--update-mask') }),
      ...(vgg !== undefined && { network: vgg }),
      ...(init !== undefined && { init: isWord ? init : await this.picture(init, '--init') }),
    };
  }
}
