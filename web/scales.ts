// The sizes of a run, each with the picture that ended it, to go back to.

import type { Scale } from 'wgpu-style';
import { element } from './dom.ts';

/** A row of buttons, one per scale; those that have no picture yet cannot be pressed. */
export class ScaleStrip {
  readonly #list = element('scales', HTMLOListElement);
  readonly #onUndo: (scale: number) => void;

  constructor(onUndo: (scale: number) => void) {
    this.#onUndo = onUndo;
  }

  /** The scales of a new run. */
  begin(scales: readonly Scale[]): void {
    this.#list.hidden = scales.length < 2;
    this.#list.replaceChildren(
      ...scales.map(({ width, height }, scale) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.disabled = true;
        button.append(document.createElement('canvas'), `${width} × ${height}`);
        button.setAttribute('aria-label', `Back to ${width} × ${height} pixels`);
        button.addEventListener('click', () => this.#onUndo(scale));
        const item = document.createElement('li');
        item.append(button);
        return item;
      }),
    );
  }

  /** The picture that ended a scale; what finer ones had is no longer true. */
  keep(scale: number, picture: ImageBitmap): void {
    this.#buttons().forEach((button, i) => (button.disabled = i > scale));
    const canvas = this.#list.children[scale]?.querySelector('canvas');
    if (!canvas) return;
    const height = 96; // twice as many as are shown, for fine screens
    Object.assign(canvas, { height, width: Math.round((height * picture.width) / picture.height) });
    const context = canvas.getContext('2d')!;
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
  }

  /** Marks the scale that the painting is at. */
  mark(scale: number): void {
    this.#buttons().forEach((button, i) => {
      if (i === scale) button.setAttribute('aria-current', 'step');
      else button.removeAttribute('aria-current');
    });
  }

  #buttons(): readonly HTMLButtonElement[] {
    return [...this.#list.querySelectorAll('button')];
  }
}
