// The two places for pictures: files come by choosing, photographing, dropping and pasting.

import { element } from './dom.ts';

/** Which picture. */
export type SlotName = 'content' | 'style';

/** What happens with files. */
export interface SlotEvents {
  /** A slot has a new picture, which the browser can show. */
  readonly onPicture: (name: SlotName) => void;
  /** Files that were dropped beside the slots or pasted; true for one that is no picture for a slot. */
  readonly takes: (file: File) => Promise<boolean>;
  readonly onError: (message: string) => void;
}

/** The pictures that were chosen. */
export class Slots {
  readonly #files: Partial<Record<SlotName, Blob>> = {};
  readonly #events: SlotEvents;

  constructor(events: SlotEvents) {
    this.#events = events;
    for (const name of ['content', 'style'] as const) {
      for (const id of [`${name}-file`, `${name}-camera`]) {
        const input = element(id, HTMLInputElement);
        input.addEventListener('change', () => {
          const [file] = input.files ?? [];
          if (file) void this.put(name, file);
          input.value = ''; // the same file can be chosen again
        });
      }
    }
    this.#listenForDrops();
    document.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) void this.#spread(files);
    });
  }

  get(name: SlotName): Blob | undefined {
    return this.#files[name];
  }

  /** Shows a picture in a slot and takes it, if it is one. */
  async put(name: SlotName, file: Blob): Promise<void> {
    const image = element(`${name}-image`, HTMLImageElement);
    const old = image.src;
    const url = URL.createObjectURL(file);
    const isPicture = await shows(url);
    if (!isPicture) {
      URL.revokeObjectURL(url);
      const called = file instanceof File ? `“${file.name}”` : 'This file';
      this.#events.onError(`${called} is no picture that this browser can show. JPEG, PNG, WebP and AVIF are.`);
      return;
    }
    image.src = url;
    image.hidden = false;
    image.alt = name === 'content' ? 'The picture to be painted' : 'The style';
    element(`${name}-slot`, HTMLElement).classList.add('filled');
    if (old.startsWith('blob:')) URL.revokeObjectURL(old);
    this.#files[name] = file;
    this.#events.onPicture(name);
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
      if (slot && file && files.length === 1) void this.put(slot.id === 'style-slot' ? 'style' : 'content', file);
      else void this.#spread(files);
    });
  }

  /** Files without a place: into the empty slots, in order; where both are full, the picture is replaced. */
  async #spread(files: readonly File[]): Promise<void> {
    for (const file of files) {
      if (await this.#events.takes(file)) continue;
      await this.put(this.#files.content && !this.#files.style ? 'style' : 'content', file);
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
