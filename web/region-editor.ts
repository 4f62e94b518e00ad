// The window in which parts of the picture are painted: by mouse, pen, finger or keyboard. What is painted holds for the
// next run.

import { element } from './dom.ts';
import { RegionMap, type Box } from './region-map.ts';
import { channelsOf, COLORS, FREE, KEPT, labelSize, sharesOf, type Regions } from './regions.ts';

/** How much what is painted hides of the picture, of 255. */
const OPACITY = 150;

/** Width of a pair of stripes over what stays as it is, in pixels of the map. */
const STRIPES = 24;

/** A key moves the brush by this part of its radius; with Shift by as much as these times. */
const STEP = 0.5;
const SHIFTED = 6;

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Where it takes pictures from, and what it tells. */
export interface RegionEditorParts {
  readonly content: () => HTMLImageElement;
  readonly styles: () => readonly HTMLImageElement[];
  /** The window was closed, and something is painted otherwise than before. */
  readonly onChange: () => void;
  /** Somebody wants to see what becomes of it. */
  readonly onStart: () => void;
}

/** The parts as they stand, and the window. */
export class RegionEditor {
  readonly #parts: RegionEditorParts;
  readonly #dialog = element('regions', HTMLDialogElement);
  readonly #canvas = element('regions-canvas', HTMLCanvasElement);
  readonly #context: CanvasRenderingContext2D = this.#canvas.getContext('2d')!;
  readonly #brush = element('brush', HTMLElement);
  readonly #size = element('brush-size', HTMLInputElement);
  readonly #undo = element('regions-undo', HTMLButtonElement);
  readonly #clear = element('regions-clear', HTMLButtonElement);
  readonly #start = element('regions-start', HTMLButtonElement);
  readonly #open = element('regions-open', HTMLButtonElement);
  #map: RegionMap | undefined;
  /** Of a PNG's settings; a map is made of them when there is a picture to paint on. */
  #loaded: Regions | undefined;
  #label: number = KEPT;
  /** Where the brush is, in pixels of the map. */
  #at = { x: 0, y: 0 };
  #pointer: number | undefined;
  #isDown = false;
  #hasChanged = false;

  constructor(parts: RegionEditorParts) {
    this.#parts = parts;
    this.#open.addEventListener('click', () => void this.open());
    this.#size.addEventListener('input', () => this.#showBrush());
    this.#undo.addEventListener('click', () => this.#takeBack());
    this.#clear.addEventListener('click', () => {
      if (this.#map) this.#changed(this.#map.clear());
    });
    element('regions-done', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#start.addEventListener('click', () => {
      this.#hasChanged = false; // the run that begins says what there is to say
      this.#dialog.close();
      this.#parts.onStart();
    });
    this.#dialog.addEventListener('close', () => this.#close());
    this.#dialog.addEventListener('keydown', (event) => {
      if (event.key !== 'z' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#takeBack();
    });
    this.#canvas.addEventListener('keydown', (event) => this.#press(event));
    this.#canvas.addEventListener('blur', () => this.#lift());
    this.#listenForPointers();
  }

  /** What is painted; undefined where nothing is. */
  get regions(): Regions | undefined {
    const regions = this.#map ?? this.#loaded;
    if (!regions || regions.labels.every((label) => label === FREE)) return undefined;
    const { width, height, labels } = regions;
    return { width, height, labels };
  }

  /** Those of loaded settings, in place of what was painted. */
  show(regions: Regions | undefined): void {
    this.#dialog.close();
    this.#map = undefined;
    this.#loaded = regions;
    this.#showSummary();
  }

  /** There is a content, another one maybe: what was painted, or loaded, is of the one before; what was loaded before all, of this one. */
  take(): void {
    this.#dialog.close();
    const isFirst = this.#open.disabled;
    this.#open.disabled = false;
    if (!isFirst) this.#loaded = undefined;
    this.#map = undefined;
    this.#showSummary();
  }

  /** There are other styles, or fewer. */
  takeStyle(): void {
    this.#dialog.close();
    this.#showSummary();
  }

  /** Says beside the button what is painted. */
  #showSummary(): void {
    element('regions-summary', HTMLElement).textContent = this.regions ? this.#summary(this.regions) : '';
  }

  /** Opens the window, unless it is open or another picture comes before this one can be shown. */
  async open(): Promise<void> {
    const content = this.#parts.content();
    const isThere = await content.decode().then(() => true, () => false);
    if (!isThere || this.#dialog.open) return;
    const { width, height } = labelSize({ width: content.naturalWidth, height: content.naturalHeight });
    if (this.#map?.width !== width || this.#map.height !== height) this.#map = new RegionMap(width, height, this.#loaded);
    this.#loaded = undefined;
    this.#hasChanged = false;
    element('easel-picture', HTMLImageElement).src = content.src;
    element('easel', HTMLElement).style.setProperty('--ratio', String(width / height));
    Object.assign(this.#canvas, { width, height });
    this.#showTools();
    this.#start.hidden = this.#parts.styles().length === 0;
    this.#at = { x: width / 2, y: height / 2 };
    this.#dialog.showModal();
    this.#draw({ left: 0, top: 0, right: width, bottom: height });
    this.#showBrush();
    this.#showState();
  }

  #close(): void {
    this.#pointer = undefined; // one that is still down is lifted elsewhere
    this.#lift();
    this.#showSummary();
    if (this.#hasChanged) this.#parts.onChange();
  }

  /** A radio button for each style, for what stays, and for the eraser. */
  #showTools(): void {
    const styles = this.#parts.styles();
    if (this.#label > styles.length && this.#label !== KEPT) this.#label = KEPT;
    const names = styles.map((_, i) => [i + 1, this.#nameOf(i + 1)] as const);
    const tools = [[KEPT, this.#nameOf(KEPT)] as const, ...names, [FREE, 'Eraser'] as const];
    element('tools', HTMLElement).replaceChildren(
      ...tools.map(([label, name]) => {
        const radio = document.createElement('input');
        Object.assign(radio, { type: 'radio', name: 'tool', value: String(label), checked: label === this.#label });
        radio.addEventListener('change', () => {
          this.#lift();
          this.#label = label;
          this.#showBrush();
        });
        const swatch = document.createElement('span');
        swatch.className = `swatch ${label === FREE ? 'eraser' : label === KEPT ? 'kept' : ''}`;
        swatch.style.setProperty('--color', COLORS[label]!);
        const chip = document.createElement('label');
        chip.append(radio, swatch, name);
        return chip;
      }),
    );
  }

  #nameOf(label: number): string {
    if (label === KEPT) return 'Stays as it is';
    return this.#parts.styles().length < 2 ? 'Style' : `Style ${label}`;
  }

  get #radius(): number {
    return (this.#size.valueAsNumber / 200) * Math.max(this.#canvas.width, this.#canvas.height);
  }

  #listenForPointers(): void {
    const place = (event: PointerEvent): { x: number; y: number } => {
      const { left, top, width, height } = this.#canvas.getBoundingClientRect();
      const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
      return { x: x * this.#canvas.width, y: y * this.#canvas.height };
    };
    this.#canvas.addEventListener('pointerdown', (event) => {
      // A second finger, or another button, is no second brush.
      if (this.#pointer !== undefined || event.button !== 0) return;
      this.#pointer = event.pointerId;
      this.#canvas.setPointerCapture(event.pointerId);
      this.#at = place(event);
      this.#putDown();
    });
    this.#canvas.addEventListener('pointermove', (event) => {
      if (this.#pointer !== undefined && event.pointerId !== this.#pointer) return;
      const events = event.getCoalescedEvents();
      for (const each of events.length > 0 ? events : [event]) this.#move(place(each));
    });
    for (const kind of ['pointerup', 'pointercancel'] as const) {
      this.#canvas.addEventListener(kind, (event) => {
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = undefined;
        this.#lift();
      });
    }
  }

  #press(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = Math.max(1, STEP * this.#radius) * (event.shiftKey ? SHIFTED : 1);
      const { width, height } = this.#canvas;
      this.#move({
        x: Math.min(width, Math.max(0, this.#at.x + arrow[0] * step)),
        y: Math.min(height, Math.max(0, this.#at.y + arrow[1] * step)),
      });
    } else if (event.key === ' ' || event.key === 'Enter') {
      // A key that is held down says so again and again, and means it once.
      if (!event.repeat) {
        if (this.#isDown) this.#lift();
        else this.#putDown();
      }
    } else return;
    event.preventDefault();
  }

  #putDown(): void {
    if (!this.#map) return;
    this.#isDown = true;
    this.#changed(this.#map.begin(this.#label, this.#radius, this.#at.x, this.#at.y));
    this.#showBrush();
  }

  #move(to: { x: number; y: number }): void {
    this.#at = to;
    if (this.#isDown && this.#map) this.#draw(this.#map.lineTo(to.x, to.y));
    this.#showBrush();
  }

  #lift(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#map?.end();
    this.#showBrush();
    this.#showState();
  }

  #takeBack(): void {
    this.#isDown = false;
    if (this.#map) this.#changed(this.#map.undo());
  }

  #changed(box: Box): void {
    this.#hasChanged = true;
    this.#draw(box);
    if (!this.#isDown) this.#showState();
  }

  #draw({ left, top, right, bottom }: Box): void {
    const [width, height] = [right - left, bottom - top];
    if (!this.#map || width <= 0 || height <= 0) return;
    const image = new ImageData(width, height);
    const colors = COLORS.map((color) => [...channelsOf(color), OPACITY]);
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [left + (i % width), top + Math.floor(i / width)];
      const label = this.#map.labels[y * this.#map.width + x]!;
      // Stripes are seen on clouds and in shadows alike.
      const isDark = label === KEPT && (x + y) % STRIPES < STRIPES / 2;
      if (label !== FREE) image.data.set(isDark ? [0, 0, 0, OPACITY] : colors[label]!, 4 * i);
    }
    this.#context.putImageData(image, left, top);
  }

  #showBrush(): void {
    const { width, height } = this.#canvas;
    const { style, classList } = this.#brush;
    style.left = `${(100 * this.#at.x) / width}%`;
    style.top = `${(100 * this.#at.y) / height}%`;
    style.width = `${(200 * this.#radius) / width}%`;
    style.setProperty('--color', COLORS[this.#label]!);
    classList.toggle('down', this.#isDown);
    this.#size.setAttribute('aria-valuetext', `${this.#size.value} percent of the picture`);
  }

  #showState(): void {
    if (!this.#map) return;
    this.#undo.disabled = !this.#map.canUndo;
    this.#clear.disabled = this.#map.isEmpty;
    element('regions-status', HTMLElement).textContent = this.#map.isEmpty ? 'Nothing is painted yet.' : this.#summary(this.#map);
  }

  /** `20 % stays as it is, 35 % style 2`. */
  #summary(regions: Regions): string {
    const { kept, styles } = sharesOf(regions, this.#parts.styles().length);
    const named = [[kept, this.#nameOf(KEPT)] as const, ...styles.map((share, i) => [share, this.#nameOf(i + 1)] as const)];
    const painted = named.filter(([share]) => share > 0);
    // Also less than half a percent is something.
    return painted.map(([share, name]) => `${Math.max(1, Math.round(100 * share))} % ${name.toLowerCase()}`).join(', ');
  }
}
