// The places for pictures, one for the content and one for each style: files come by choosing, photographing, dropping and
// pasting.

import { element } from './dom.ts';
import { MOST_STYLES } from './regions.ts';

/** Which picture; styles after the first are counted from 2. */
export type SlotName = 'content' | 'style' | `style-${number}`;

/** What happens with files. */
export interface SlotEvents {
  /** A slot has a new picture, which the browser can show. */
  readonly onPicture: (name: SlotName) => void;
  /** The last style is gone. */
  readonly onRemoval: () => void;
  /** Files that were dropped beside the slots or pasted; true for one that is no picture for a slot. */
  readonly takes: (file: File) => Promise<boolean>;
  readonly onError: (message: string) => void;
}

/** The pictures that were chosen. */
export class Slots {
  readonly #files = new Map<SlotName, Blob>();
  /** The slots of styles; all but the last are filled. */
  readonly #styles: SlotName[] = ['style'];
  /** What was put into a slot last: decoding takes its time, and an earlier file may come later. */
  readonly #latest = new Map<SlotName, Blob>();
  readonly #add = element('add-style', HTMLButtonElement);
  readonly #remove = element('remove-style', HTMLButtonElement);
  readonly #events: SlotEvents;

  constructor(events: SlotEvents) {
    this.#events = events;
    this.#listenForFiles('content');
    this.#listenForFiles('style');
    this.#add.addEventListener('click', () => this.#addStyle());
    this.#remove.addEventListener('click', () => this.#removeStyle());
    this.#showButtons();
    this.#listenForDrops();
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) void this.#spread(files);
    });
  }

  get content(): Blob | undefined {
    return this.#files.get('content');
  }

  /** The styles in their order. */
  get styles(): readonly Blob[] {
    return this.#styles.flatMap((name) => this.#files.get(name) ?? []);
  }

  /** Where a picture is shown. */
  image(name: SlotName): HTMLImageElement {
    return element(`${name}-image`, HTMLImageElement);
  }

  /** Where the styles are shown. */
  get styleImages(): readonly HTMLImageElement[] {
    return this.#styles.filter((name) => this.#files.has(name)).map((name) => this.image(name));
  }

  /** Shows a picture in a slot and takes it, if it is one. */
  async put(name: SlotName, file: Blob): Promise<void> {
    this.#latest.set(name, file);
    const url = URL.createObjectURL(file);
    const isPicture = await shows(url);
    if (this.#latest.get(name) !== file) {
      URL.revokeObjectURL(url);
      return;
    }
    if (!isPicture) {
      URL.revokeObjectURL(url);
      const called = file instanceof File ? `“${file.name}”` : 'This file';
      this.#events.onError(`${called} is no picture that this browser can show. JPEG, PNG, WebP and AVIF are.`);
      return;
    }
    const image = this.image(name);
    const old = image.src;
    image.src = url;
    image.hidden = false;
    image.alt = name === 'content' ? 'The picture to be painted' : 'The style';
    element(`${name}-slot`, HTMLElement).classList.add('filled');
    if (old.startsWith('blob:')) URL.revokeObjectURL(old);
    this.#files.set(name, file);
    this.#showButtons();
    this.#events.onPicture(name);
  }

  #listenForFiles(name: SlotName): void {
    for (const id of [`${name}-file`, `${name}-camera`]) {
      const input = element(id, HTMLInputElement);
      input.addEventListener('change', () => {
        const [file] = input.files ?? [];
        if (file) void this.put(name, file);
        input.value = ''; // the same file can be chosen again
      });
    }
  }

  /** Another slot like the first style's, behind the last one. */
  #addStyle(): void {
    const count = this.#styles.length + 1;
    const name = `style-${count}` as const;
    const slot = element('style-slot', HTMLElement).cloneNode(true) as HTMLElement;
    slot.classList.remove('filled', 'over');
    for (const part of [slot, ...slot.querySelectorAll<HTMLElement>('[id], [for], [aria-label]')]) {
      if (part.id !== '') part.id = part.id.replace('style', name);
      const label = part.getAttribute('aria-label');
      if (label !== null) part.setAttribute('aria-label', `${label}, number ${count}`);
      if (part instanceof HTMLLabelElement) part.htmlFor = part.htmlFor.replace('style', name);
    }
    element(`${this.#styles.at(-1)!}-slot`, HTMLElement).after(slot);
    element(`${name}-title`, HTMLElement).textContent = `Style ${count}`;
    const image = this.image(name);
    image.removeAttribute('src');
    image.hidden = true;
    this.#styles.push(name);
    this.#listenForFiles(name);
    this.#showButtons();
    element(`${name}-file`, HTMLInputElement).focus();
  }

  #removeStyle(): void {
    const name = this.#styles.pop()!;
    URL.revokeObjectURL(this.image(name).src);
    element(`${name}-slot`, HTMLElement).remove();
    this.#latest.delete(name);
    this.#showButtons();
    (this.#remove.hidden ? this.#add : this.#remove).focus();
    if (this.#files.delete(name)) this.#events.onRemoval();
  }

  #showButtons(): void {
    this.#add.hidden = this.#styles.length === MOST_STYLES || !this.#files.has(this.#styles.at(-1)!);
    this.#remove.hidden = this.#styles.length === 1;
  }

  #listenForDrops(): void {
    const root = document.documentElement;
    const slotAt = (event: Event): Element | undefined =>
      (event.target instanceof Element && event.target.closest('.slot')) || undefined;
    const mark = (slot: Element | undefined): void => {
      for (const other of document.querySelectorAll('.slot')) other.classList.toggle('over', other === slot);
    };
    root.addEventListener('dragover', (event) => {
      event.preventDefault();
      root.classList.add('dragging');
      mark(slotAt(event));
    });
    const end = (): void => {
      root.classList.remove('dragging');
      mark(undefined);
    };
    root.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) end();
    });
    root.addEventListener('drop', (event) => {
      event.preventDefault();
      end();
      const files = [...(event.dataTransfer?.files ?? [])];
      const slot = slotAt(event);
      const [file] = files;
      if (slot && file && files.length === 1) void this.put(slot.id.replace(/-slot$/, '') as SlotName, file);
      else void this.#spread(files);
    });
  }

  /** Files without a place: into the empty slots, in order; where both are full, the picture is replaced. */
  async #spread(files: readonly File[]): Promise<void> {
    for (const file of files) {
      if (await this.#events.takes(file)) continue;
      const empty = (['content', ...this.#styles] as const).find((name) => !this.#files.has(name));
      await this.put(empty ?? 'content', file);
    }
  }
}

async function shows(url: string): Promise<boolean> {
  const probe = new Image();
  probe.src = url;
  try {
    await probe.decode();
    return true;
  } catch {
    return false;
  }
}
