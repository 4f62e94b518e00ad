// Labels that are painted on, stroke by stroke, and taken back stroke by stroke. No DOM.

import { FREE, type Regions } from './regions.ts';

/** Strokes that can be taken back, at most. */
const MOST_UNDONE = 100;

/** A part of the labels: columns and rows from, and up to but without. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const NOTHING: Box = { left: 0, top: 0, right: 0, bottom: 0 };

/** What labels were before a stroke. */
interface Patch {
  readonly box: Box;
  readonly labels: Uint8Array;
}

/** A stroke that is being painted. */
interface Stroke {
  readonly label: number;
  readonly radius: number;
  readonly before: Uint8Array;
  x: number;
  y: number;
  box: Box;
}

/** Labels of `width` x `height` pixels; coordinates are in pixels, the first one's middle at (0.5, 0.5). */
export class RegionMap implements Regions {
  readonly width: number;
  readonly height: number;
  readonly labels: Uint8Array;
  readonly #undone: Patch[] = [];
  #stroke: Stroke | undefined;

  /** Begins as `regions`; those of another size are stretched. */
  constructor(width: number, height: number, regions?: Regions) {
    this.width = width;
    this.height = height;
    this.labels = new Uint8Array(width * height);
    if (!regions) return;
    for (let i = 0; i < this.labels.length; i++) {
      const x = Math.floor((((i % width) + 0.5) * regions.width) / width);
      const y = Math.floor(((Math.floor(i / width) + 0.5) * regions.height) / height);
      this.labels[i] = regions.labels[y * regions.width + x]!;
    }
  }

  get isEmpty(): boolean {
    return this.labels.every((label) => label === FREE);
  }

  get canUndo(): boolean {
    return this.#undone.length > 0;
  }

  /** Puts a round brush down. Returns what has changed, as all of these do. */
  begin(label: number, radius: number, x: number, y: number): Box {
    this.end();
    const box = { left: this.width, top: this.height, right: 0, bottom: 0 };
    this.#stroke = { label, radius, before: this.labels.slice(), x, y, box };
    return this.lineTo(x, y);
  }

  /** Draws it on; nothing happens where there is no stroke. */
  lineTo(x: number, y: number): Box {
    const stroke = this.#stroke;
    if (!stroke) return NOTHING;
    const { label, radius } = stroke;
    const box = this.#inside({
      left: Math.floor(Math.min(x, stroke.x) - radius),
      top: Math.floor(Math.min(y, stroke.y) - radius),
      right: Math.ceil(Math.max(x, stroke.x) + radius),
      bottom: Math.ceil(Math.max(y, stroke.y) + radius),
    });
    const [alongX, alongY] = [x - stroke.x, y - stroke.y];
    const squaredLength = alongX ** 2 + alongY ** 2 || 1;
    for (let row = box.top; row < box.bottom; row++) {
      for (let column = box.left; column < box.right; column++) {
        // From the nearest point of the line.
        const [fromX, fromY] = [column + 0.5 - stroke.x, row + 0.5 - stroke.y];
        const share = Math.min(1, Math.max(0, (fromX * alongX + fromY * alongY) / squaredLength));
        const squared = (fromX - share * alongX) ** 2 + (fromY - share * alongY) ** 2;
        if (squared <= radius ** 2) this.labels[row * this.width + column] = label;
      }
    }
    stroke.box = {
      left: Math.min(stroke.box.left, box.left),
      top: Math.min(stroke.box.top, box.top),
      right: Math.max(stroke.box.right, box.right),
      bottom: Math.max(stroke.box.bottom, box.bottom),
    };
    Object.assign(stroke, { x, y });
    return box;
  }

  /** Lifts the brush: what was painted since it was put down is one stroke. */
  end(): void {
    if (!this.#stroke) return;
    const { before, box } = this.#stroke;
    this.#stroke = undefined;
    if (box.left < box.right && box.top < box.bottom) this.#remember(box, before);
  }

  /** Everything is free again; can be taken back. */
  clear(): Box {
    this.end();
    this.#remember(this.#all, this.labels);
    this.labels.fill(FREE);
    return this.#all;
  }

  /** Takes the last stroke back. */
  undo(): Box {
    this.end();
    const patch = this.#undone.pop();
    if (!patch) return NOTHING;
    const { box, labels } = patch;
    const columns = box.right - box.left;
    for (let row = box.top; row < box.bottom; row++) {
      const from = (row - box.top) * columns;
      this.labels.set(labels.subarray(from, from + columns), row * this.width + box.left);
    }
    return box;
  }

  get #all(): Box {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  #inside({ left, top, right, bottom }: Box): Box {
    const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
    return {
      left: within(left, this.width),
      top: within(top, this.height),
      right: within(right, this.width),
      bottom: within(bottom, this.height),
    };
  }

  #remember(box: Box, before: Uint8Array): void {
    const columns = box.right - box.left;
    const labels = new Uint8Array(columns * (box.bottom - box.top));
    for (let row = box.top; row < box.bottom; row++) {
      const from = row * this.width + box.left;
      labels.set(before.subarray(from, from + columns), (row - box.top) * columns);
    }
    this.#undone.push({ box, labels });
    if (this.#undone.length > MOST_UNDONE) this.#undone.shift();
  }
}
