// The original beside the painting, for before and after. What is shown is of the run that paints; that of a run which is
// asked for counts when it has begun.

import { element } from './dom.ts';

export class BeforePicture {
  readonly #image = element('before', HTMLImageElement);
  /** The addresses of the picture that is being painted, and of the one that is about to be. */
  #address = '';
  #next = '';

  /** A run with this picture is asked for. */
  propose(content: Blob): void {
    giveUp(this.#next);
    this.#next = URL.createObjectURL(content);
    this.#image.src = this.#next;
  }

  /** The run has begun, or it has not, and what was painted before is still there. */
  settle(hasBegun: boolean): void {
    if (this.#next === '') return;
    if (hasBegun) {
      giveUp(this.#address);
      this.#address = this.#next;
    } else {
      giveUp(this.#next);
      if (this.#address !== '') this.#image.src = this.#address;
    }
    this.#next = '';
  }
}

function giveUp(address: string): void {
  if (address !== '') URL.revokeObjectURL(address);
}
