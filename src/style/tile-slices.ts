// Where tiles get their pixels from, and where gradients go: one slice of a picture at a time, in a buffer that all tiles
// share, and the picture itself in bands of rows, each no larger than a binding may be.

import type { Tape, Tensor } from '../autograd/index.ts';
import { createBuffer, watchMemory } from '../gpu/buffers.ts';
import type { BufferRange, Dispatch } from '../gpu/dispatch.ts';
import type { Pixels } from '../image/index.ts';
import { copyBox } from '../kernels/copy.ts';
import { bytesOf, type Shape } from '../kernels/shape.ts';
import type { Size } from './limits.ts';
import type { PixelSpace } from './recipes.ts';
import { toSpace, type Box } from './space.ts';
import type { Tile, TileGrid } from './tile-grid.ts';

/** [h, w, 3] of a tile's extent. */
export function extentShape({ rows, columns }: Tile): Shape {
  return [rows.extent.size, columns.extent.size, 3];
}

/** Gives buffers their owner. */
export type Hold = (buffer: GPUBuffer) => GPUBuffer;

/** A buffer that is there when this resolves. */
export async function heldBuffer(device: GPUDevice, label: string, bytes: number, hold: Hold): Promise<GPUBuffer> {
  const { result, settled } = watchMemory(device, label, () => createBuffer(device, label, bytes));
  hold(result);
  await settled;
  return result;
}

/** A variable for the slice of each kind of `grid`; only one is in use at a time, so all lie in one buffer. */
export async function sliceVariables(tape: Tape, grid: TileGrid, label: string, hold: Hold): Promise<readonly Tensor[]> {
  const shapes = grid.kinds.map(extentShape);
  const buffer = await heldBuffer(tape.device, label, Math.max(...shapes.map(bytesOf)), hold);
  return shapes.map((shape) => tape.variable(shape, buffer, label));
}

/** What a tile sees of a picture. */
export function extentOf({ rows, columns }: Tile): Box {
  return { rows: rows.extent, columns: columns.extent };
}

/** Interleaved RGB in `space` of a box; undefined of a picture without pixels, which is only counted. */
export function sliceOf(picture: Pixels, box: Box, space: PixelSpace): Float32Array<ArrayBuffer> | undefined {
  return picture.data.length === 0 ? undefined : toSpace(picture, space, box);
}

/** Rows of a picture, by the first. */
export interface Rows {
  readonly first: number;
  readonly rows: number;
}

/** The fewest bands of nearly one height whose RGBA floats fit into `most` bytes each. */
export function bandsOf({ width, height }: Size, most: number): Rows[] {
  const rowsAtMost = Math.max(1, Math.floor(most / (16 * width)));
  const count = Math.ceil(height / rowsAtMost);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor((height * i) / count);
    return { first, rows: Math.floor((height * (i + 1)) / count) - first };
  });
}

/** Where a tile's extent and a band overlap: first row in each, and how many. */
function overlap({ rows: { extent } }: Tile, { first, rows }: Rows): { inTile: number; inBand: number; count: number } {
  const begin = Math.max(extent.begin, first);
  const end = Math.min(extent.begin + extent.size, first + rows);
  return { inTile: begin - extent.begin, inBand: begin - first, count: end - begin };
}

/** slice = the tile's extent, from the bands that it reaches over. */
export function cutOut(
  tile: Tile,
  width: number,
  bands: readonly (Rows & { readonly buffer: GPUBuffer })[],
  slice: BufferRange,
): Dispatch<BufferRange>[] {
  const to = extentShape(tile);
  return bands.flatMap((band) => {
    const { inTile, inBand, count } = overlap(tile, band);
    if (count <= 0) return [];
    const box = { begin: [inTile, 0, 0], size: [count, to[1]!, 3], shift: [inBand - inTile, tile.columns.extent.begin, 0] };
    return [{ ...copyBox<BufferRange>({ from: [band.rows, width, 3], to, ...box }, { x: band.buffer, y: slice }), label: 'cut out' }];
  });
}

/** bands += the slice's gradient, at the tile's extent. */
export function addBack(
  tile: Tile,
  width: number,
  bands: readonly (Rows & { readonly buffer: GPUBuffer })[],
  slice: BufferRange,
): Dispatch<BufferRange>[] {
  const from = extentShape(tile);
  const column = tile.columns.extent.begin;
  return bands.flatMap((band) => {
    const { inTile, inBand, count } = overlap(tile, band);
    if (count <= 0) return [];
    const box = { begin: [inBand, column, 0], size: [count, from[1]!, 3], shift: [inTile - inBand, -column, 0] };
    return [{ ...copyBox<BufferRange>({ from, to: [band.rows, width, 3], ...box }, { x: slice, y: band.buffer }, true), label: 'add back' }];
  });
}
