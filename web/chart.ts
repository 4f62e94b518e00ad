// The losses of a run as curves, logarithmic, with a line where a scale begins.

import type { Losses } from 'wgpu-style';
import { element } from './dom.ts';

const CURVES = [
  { key: 'content', name: 'Picture' },
  { key: 'style', name: 'Style' },
  { key: 'tv', name: 'Smoothness' },
] as const;

/** As in the viewBox of index.html. */
const [WIDTH, HEIGHT] = [300, 100];

/** Beyond twice as many points every other one is dropped: more than a screen has pixels is of no use. */
const MOST_POINTS = 600;

interface Point {
  readonly iteration: number;
  readonly scale: number;
  readonly losses: Losses;
}

function svg(name: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Draws at most once a frame, however many losses come. */
export class LossChart {
  readonly #chart = element('chart', SVGElement);
  readonly #legend = element('legend', HTMLElement);
  #points: Point[] = [];
  #isDue = false;

  clear(): void {
    this.#points = [];
    this.#draw();
  }

  add(point: Point): void {
    // After going back the curve goes on from there.
    const at = this.#points.findIndex(({ iteration }) => iteration >= point.iteration);
    if (at >= 0) this.#points.length = at;
    this.#points.push(point);
    if (this.#points.length > 2 * MOST_POINTS) this.#points = this.#points.filter((_, i) => i % 2 === 1);
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const points = this.#points;
    const last = points.at(-1);
    const shown = CURVES.filter(({ key }) => points.some(({ losses }) => losses[key] > 0));
    const values = shown.flatMap(({ key }) => points.map(({ losses }) => losses[key])).filter((value) => value > 0);
    const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log);
    const x = (iteration: number): number => (WIDTH * (iteration - 1)) / Math.max(1, last!.iteration - 1);
    const y = (value: number): number =>
      HEIGHT - 4 - ((HEIGHT - 8) * (Math.log(value) - low!)) / Math.max(1e-6, high! - low!);
    const begins = points.filter(({ scale }, i) => i > 0 && scale !== points[i - 1]!.scale);
    this.#chart.replaceChildren(
      ...begins.map(({ iteration }) => {
        const at = x(iteration).toFixed(1);
        return svg('line', { x1: at, x2: at, y1: '0', y2: String(HEIGHT) });
      }),
      ...shown.map(({ key }) => {
        const drawn = points.filter(({ losses }) => losses[key] > 0);
        const corners = drawn.map(({ iteration, losses }) => `${x(iteration).toFixed(1)},${y(losses[key]).toFixed(1)}`);
        return svg('polyline', { class: key, points: corners.join(' ') });
      }),
    );
    this.#legend.replaceChildren(
      ...shown.map(({ key, name }) => {
        const item = document.createElement('span');
        item.className = key;
        item.textContent = `${name} ${last!.losses[key].toPrecision(2)}`;
        return item;
      }),
    );
    const summary = last
      ? `${last.losses.total.toPrecision(3)} after ${last.iteration} iterations, ${points[0]!.losses.total.toPrecision(3)} at first`
      : 'nothing yet';
    this.#chart.setAttribute('aria-label', `Losses: ${summary}`);
  }
}
