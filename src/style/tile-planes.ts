// What tiles see of planes, guides of layers and the update mask: a window for each tile, kept on the GPU with one float a
// pixel, and brought to where the programs of its kind look for it.

import type { Tape, Tensor } from '../autograd/index.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Plane } from './masks.ts';
import type { Box } from './space.ts';
import { coreAt, type Tile, type TileGrid } from './tile-grid.ts';
import { heldBuffer, type Hold } from './tile-slices.ts';

/** A tile's core in a layer where `stride` pixels are one, counted from the layer's begin. */
export function coreBox({ rows, columns }: Tile, stride: number): Box {
  return {
    rows: { begin: rows.core.begin / stride, size: coreAt(rows, stride).size },
    columns: { begin: columns.core.begin / stride, size: coreAt(columns, stride).size },
  };
}

/** The values of a plane in a box. */
function windowOf({ width, values }: Plane, { rows, columns }: Box): Float32Array<ArrayBuffer> {
  const window = new Float32Array(rows.size * columns.size);
  for (let y = 0; y < rows.size; y++) {
    const from = (rows.begin + y) * width + columns.begin;
    window.set(values.subarray(from, from + columns.size), y * columns.size);
  }
  return window;
}

/** The windows of a plane. */
export class PlaneSlots {
  readonly #tape: Tape;
  readonly #shapes: readonly (readonly [number, number])[];
  /** By kind, all in one buffer: the window of the tile at hand, without padding. */
  readonly #slots: readonly Tensor[];
  readonly #windows: readonly GPUBuffer[];
  readonly #kinds: readonly number[];

  private constructor(tape: Tape, grid: TileGrid, shapes: readonly (readonly [number, number])[], slots: readonly Tensor[], windows: readonly GPUBuffer[]) {
    this.#tape = tape;
    this.#shapes = shapes;
    this.#slots = slots;
    this.#windows = windows;
    this.#kinds = grid.tiles.map(({ kind }) => kind);
  }

  /** `boxOf` says what a tile sees; tiles of a kind see as much. `hold` takes over all buffers. */
  static async create(tape: Tape, grid: TileGrid, plane: Plane, boxOf: (tile: Tile) => Box, label: string, hold: Hold): Promise<PlaneSlots> {
    const { device } = tape;
    const shapes = grid.kinds.map(boxOf).map(({ rows, columns }) => [rows.size, columns.size] as const);
    const bytes = shapes.map(([h, w]) => bytesOf([h * w]));
    const shared = await heldBuffer(device, label, Math.max(...bytes), hold);
    const slots = shapes.map(([h, w]) => tape.variable([h * w], shared, label));
    const windows: GPUBuffer[] = [];
    for (const tile of grid.tiles) {
      const window = await heldBuffer(device, label, bytes[tile.kind]!, hold);
      device.queue.writeBuffer(window, 0, windowOf(plane, boxOf(tile)));
      windows.push(window);
    }
    return new PlaneSlots(tape, grid, shapes, slots, windows);
  }

  /** Records the window as [h, w, 1] for programs of `kind`: in each part anew, so that it lives no longer than needed. */
  on(kind: number): Tensor {
    return this.#tape.reshape(this.#slots[kind]!, [...this.#shapes[kind]!, 1]);
  }

  /** Brings the window of tile `index`. */
  bring(encoder: GPUCommandEncoder, index: number): void {
    const slot = this.#slots[this.#kinds[index]!]!;
    encoder.copyBufferToBuffer(this.#windows[index]!, 0, slot.buffer!, 0, bytesOf(slot.shape));
  }
}

/** How much each feature of a core counts. */
export interface CoreGuide {
  /** Of mean square 1 over the whole layer, [h, w, 1]. */
  readonly plane: Tensor;
  /** The same with a mean square of 1 over the core; all 0 where nothing counts. */
  readonly own: Tensor;
}

/** The windows of a layer's guide T, and what of ΣT² lies in each core. */
export class GuideSlots {
  /** The cores' shares of ΣT²; they add up to 1. */
  readonly shares: Float32Array<ArrayBuffer>;
  readonly #tape: Tape;
  readonly #planes: PlaneSlots;
  readonly #scale: Tensor;
  readonly #scales: GPUBuffer;

  private constructor(tape: Tape, planes: PlaneSlots, shares: Float32Array<ArrayBuffer>, scales: GPUBuffer, scale: Tensor) {
    this.#tape = tape;
    this.#planes = planes;
    this.shares = shares;
    this.#scales = scales;
    this.#scale = scale;
  }

  /** `guide` is of a layer where `stride` pixels of the picture are one. */
  static async create(tape: Tape, grid: TileGrid, guide: Plane, stride: number, label: string, hold: Hold): Promise<GuideSlots> {
    const boxOf = (tile: Tile): Box => coreBox(tile, stride);
    const planes = await PlaneSlots.create(tape, grid, guide, boxOf, label, hold);
    const windows = grid.tiles.map((tile) => {
      const values = windowOf(guide, boxOf(tile));
      return { pixels: values.length, energy: values.reduce((sum, value) => sum + value * value, 0) };
    });
    const all = windows.reduce((sum, { energy }) => sum + energy, 0);
    const scales = await heldBuffer(tape.device, `${label}/scales`, 4 * windows.length, hold);
    const values = Float32Array.from(windows, ({ pixels, energy }) => (energy > 0 ? Math.sqrt(pixels / energy) : 0));
    tape.device.queue.writeBuffer(scales, 0, values);
    const shares = Float32Array.from(windows, ({ energy }) => (all > 0 ? energy / all : 0));
    return new GuideSlots(tape, planes, shares, scales, tape.variable([1], undefined, `${label}/scale`));
  }

  /** Records the guide for programs of `kind`. */
  on(kind: number): CoreGuide {
    const plane = this.#planes.on(kind);
    return { plane, own: this.#tape.mul(plane, this.#scale) };
  }

  /** Brings what belongs to tile `index`. */
  bring(encoder: GPUCommandEncoder, index: number): void {
    this.#planes.bring(encoder, index);
    encoder.copyBufferToBuffer(this.#scales, 4 * index, this.#scale.buffer!, 0, 4);
  }
}
