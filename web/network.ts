// The choice of the network: built in, a known one that is downloaded, or a file.

import { element } from './dom.ts';
import type { Report } from './protocol.ts';

/** Sizes for people. */
export function megabytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 2 ** 20))} MB`;
}

/** The control and what it says of loading. */
export class NetworkChoice {
  readonly #onChoice: (network: string | File) => void;
  readonly #select = element('network', HTMLSelectElement);
  readonly #fileLine = element('network-file-line', HTMLElement);

  /** `onChoice` is told the name of a network, or a file. */
  constructor(onChoice: (network: string | File) => void) {
    this.#onChoice = onChoice;
    this.#select.addEventListener('change', () => {
      if (this.#select.value === 'file') this.#fileLine.hidden = false;
      else this.take(this.#select.value);
    });
    const input = element('network-file', HTMLInputElement);
    input.addEventListener('change', () => {
      const [file] = input.files ?? [];
      if (file) this.take(file);
      input.value = '';
    });
  }

  get name(): string {
    return this.#select.value;
  }

  offers(name: string): boolean {
    return [...this.#select.options].some(({ value }) => value === name);
  }

  take(network: string | File): void {
    this.#select.value = network instanceof File ? 'file' : network;
    this.#fileLine.hidden = !(network instanceof File);
    this.show(network === 'default' ? '' : 'Loading the network …');
    this.#onChoice(network);
  }

  show(text: string): void {
    element('network-state', HTMLElement).hidden = text === '';
    element('network-text', HTMLElement).textContent = text;
    element('download', HTMLProgressElement).hidden = true;
  }

  showDownload({ progress: { received, needed } }: Extract<Report, { kind: 'download' }>): void {
    this.show(`${megabytes(received)}${needed === undefined ? '' : ` of ${megabytes(needed)}`}`);
    const bar = element('download', HTMLProgressElement);
    Object.assign(bar, { hidden: needed === undefined, max: needed ?? 1, value: received });
  }
}
