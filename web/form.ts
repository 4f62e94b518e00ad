// The options of a run as a form. What it does not show (of a loaded PNG) stays as it is.

import type { TermWeights } from 'wgpu-style';
import { element } from './dom.ts';
import { longestSide } from './size.ts';
import { hasVariation } from './settings.ts';
import type { PageOptions } from './protocol.ts';

/** What the form tells of. */
export interface FormEvents {
  /** A weight was changed: also for the run that is under way. */
  readonly onWeights: (weights: TermWeights) => void;
  /** Something else was changed: for the next run. */
  readonly onChange: () => void;
}

/** Weights on a scale of powers of two, or as they are. */
const SLIDERS = [
  { id: 'content-weight', key: 'contentWeight', isPower: true },
  { id: 'style-weight', key: 'styleWeight', isPower: true },
  { id: 'tv-weight', key: 'tvWeight', isPower: false },
] as const;

/** The form and the options it stands for. */
export class Form {
  #options: PageOptions;
  readonly #size = element('size', HTMLInputElement);
  readonly #iterations = element('iterations', HTMLInputElement);
  readonly #color = element('color', HTMLSelectElement);

  constructor(options: PageOptions, { onWeights, onChange }: FormEvents) {
    this.#options = options;
    for (const { id, key, isPower } of SLIDERS) {
      const slider = element(id, HTMLInputElement);
      slider.addEventListener('input', () => {
        const value = isPower ? 2 ** slider.valueAsNumber : slider.valueAsNumber;
        this.#options = { ...this.#options, [key]: Number(value.toPrecision(3)) };
        this.#showWeights();
        onWeights(this.weights);
      });
    }
    const listen = (input: HTMLInputElement | HTMLSelectElement, change: () => Partial<PageOptions>): void =>
      input.addEventListener('change', () => {
        if (!input.reportValidity()) return;
        this.#options = { ...this.#options, ...change() };
        onChange();
      });
    listen(this.#size, () => ({ size: this.#size.valueAsNumber }));
    listen(this.#iterations, () => ({ iterations: this.#iterations.valueAsNumber }));
    listen(this.#color, () => ({ color: this.#color.value === 'match' ? 'match' : 'style' }));
    this.show(options);
  }

  get options(): PageOptions {
    return this.#options;
  }

  get weights(): TermWeights {
    const { contentWeight, styleWeight, tvWeight } = this.#options;
    return { contentWeight, styleWeight, tvWeight };
  }

  show(options: PageOptions): void {
    this.#options = options;
    const { size, iterations, color = 'style' } = options;
    this.#size.value = String(longestSide(size));
    this.#iterations.value = String(iterations);
    this.#color.value = (typeof color === 'string' ? color : color.mode) === 'match' ? 'match' : 'style';
    for (const part of document.querySelectorAll<HTMLElement>('[id^="tv-weight"], [for="tv-weight"]')) {
      part.hidden = !hasVariation(options);
    }
    this.#showWeights();
  }

  #showWeights(): void {
    for (const { id, key, isPower } of SLIDERS) {
      const value = this.#options[key];
      const text = value === 0 ? 'off' : `× ${Number(value.toPrecision(2))}`;
      const slider = element(id, HTMLInputElement);
      slider.value = String(isPower ? Math.log2(value) : value);
      slider.setAttribute('aria-valuetext', text);
      element(`${id}-value`, HTMLOutputElement).value = text;
    }
  }
}
