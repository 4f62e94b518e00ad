// The original beside the painting, for before and after: of the run that was asked for last, or if the worker refuses
// that, of the one before it.

import { element } from './dom.ts';

export class BeforePicture {
  readonly #image = element('before', HTMLImageElement);
  /** The addresses of the picture that is being painted, and of those whose runs were asked for. */
  #address = '';
  readonly #proposed: string[] = [];

  /** A run with this picture is asked for. */
  propose(content: Blob): void {
    const address = URL.createObjectURL(content);
    this.#proposed.push(address);
    this.#image.src = address;
  }

  /** The run that was asked for first has begun, or it has not, and what was painted before is still there. */
  settle(hasBegun: boolean): void {
    const address = this.#proposed.shift()!;
    URL.revokeObjectURL(hasBegun ? this.#address : address);
    if (hasBegun) this.#address = address;
    else if (this.#proposed.length === 0 && this.#address !== '') this.#image.src = this.#address;
  }
}
