// How a picture is cut into tiles. Pure numbers: nothing here knows a network's weights, a tape or a GPU.
//
// Words used in every file about tiles:
//   unit     pixels that the deepest pooling makes one; every extent begins at a multiple of it, so that poolings of a
//            tile have the windows of the whole picture
//   core     pixels that belong to a tile; cores of a picture do not overlap and cover it
//   extent   what a tile is computed from: its core and, on every side that is not the picture's border, at least `reach`
//            pixels more
//   reach    how far the features of a core look beyond it; what lies in an extent but not in the core is the halo
//   kind     tiles whose extents have one shape and whose cores lie alike in them: they share a program

import type { Layer } from '../vgg/index.ts';
import type { Size } from './limits.ts';

/** What a loss asks of tiles. */
export interface TileDemand {
  readonly unit: number;
  readonly reach: number;
}

/** A stretch of one axis, in pixels. */
export interface Stretch {
  readonly begin: number;
  readonly size: number;
}

/** A tile along one axis. */
export interface AxisTile {
  readonly core: Stretch;
  readonly extent: Stretch;
}

/** One tile of a picture. */
export interface Tile {
  readonly rows: AxisTile;
  readonly columns: AxisTile;
  /** Index of its kind. */
  readonly kind: number;
}

/** A picture in tiles, row by row. */
export interface TileGrid extends Size {
  readonly tiles: readonly Tile[];
  /** A tile of each kind. */
  readonly kinds: readonly Tile[];
  /** Pixels of all extents together; those of the picture are computed at least once. */
  readonly extentPixels: number;
}

/**
 * Unit and reach for features of the last of `layers`: a 3x3 convolution looks a pixel of its own resolution further, a
 * pooling doubles what one is. `relu5_1` of VGG-19 sees 70 pixels beyond its 16.
 */
export function demandOf(layers: readonly Pick<Layer, 'kind'>[]): TileDemand {
  let [unit, reach] = [1, 0];
  for (const layer of layers) {
    if (layer.kind === 'pool') unit *= 2;
    if (layer.kind !== 'conv') continue;
    const [kernel = 3] = (layer as { readonly kernel?: readonly number[] }).kernel ?? [];
    reach += unit * ((kernel - 1) / 2);
  }
  return { unit, reach };
}

/** What serves several demands at once. */
export function joinDemands(demands: readonly TileDemand[]): TileDemand {
  const units = demands.map(({ unit }) => unit);
  return {
    unit: units.reduce((a, b) => (a * b) / gcd(a, b), 1),
    reach: Math.max(0, ...demands.map(({ reach }) => reach)),
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Units of an extent and of its halo on one side, where `count` of them cover an axis; undefined where that is no cut. */
function extentUnits(
  length: number,
  count: number,
  { unit, reach }: TileDemand,
): { readonly extent: number; readonly halo: number } | undefined {
  const units = Math.floor(length / unit);
  const halo = Math.ceil(reach / unit);
  // n extents of e that overlap by two halos cover e + (n - 1)·(e - 2·halo).
  const extent = Math.ceil((units + 2 * halo * (count - 1)) / count);
  return count < 2 || extent <= 2 * halo || extent >= units ? undefined : { extent, halo };
}

/**
 * One axis of `length` pixels in about `count` tiles, which are all but one of one size. The first extent begins and the
 * last one ends at the border; the cores at the borders are larger by what they need no halo for.
 */
export function cutAxis(length: number, count: number, demand: TileDemand): AxisTile[] {
  const found = extentUnits(length, count, demand);
  if (!found) {
    const all = { begin: 0, size: length };
    return [{ core: all, extent: all }];
  }
  const { unit } = demand;
  const { extent, halo } = found;
  const units = Math.floor(length / unit);
  const step = extent - 2 * halo;
  const tiles: AxisTile[] = [];
  const rest = length - units * unit;
  for (let begin = 0, core = 0; core < units; ) {
    const last = begin + extent >= units;
    if (last) begin = units - extent;
    const end = last ? units : begin + extent - halo;
    tiles.push({
      core: { begin: core * unit, size: (end - core) * unit + (last ? rest : 0) },
      extent: { begin: begin * unit, size: extent * unit + (last ? rest : 0) },
    });
    core = end;
    begin += step;
  }
  return tiles;
}

/** A picture in about `rows` times `columns` tiles. */
export function cutPicture({ width, height }: Size, rows: number, columns: number, demand: TileDemand): TileGrid {
  const kinds = new Map<string, Tile>();
  const order: string[] = [];
  let extentPixels = 0;
  const tiles = cutAxis(height, rows, demand).flatMap((down) =>
    cutAxis(width, columns, demand).map((across): Tile => {
      const key = JSON.stringify([down, across].map(({ core, extent }) => [extent.size, core.begin - extent.begin, core.size]));
      if (!kinds.has(key)) order.push(key);
      const tile = { rows: down, columns: across, kind: order.indexOf(key) };
      if (!kinds.has(key)) kinds.set(key, tile);
      extentPixels += down.extent.size * across.extent.size;
      return tile;
    }),
  );
  return { width, height, tiles, kinds: [...kinds.values()], extentPixels };
}

/** The tiles that a large picture is worked on in. */
export interface TilePlan {
  readonly count: number;
  /** Tiles down and across. */
  readonly rows: number;
  readonly columns: number;
  /** Sides of the largest tile in pixels, with what it sees of its neighbours. */
  readonly width: number;
  readonly height: number;
  /** Pixels that all tiles together compute in a pass beyond those of the picture, since they are several tiles' business. */
  readonly haloPixels: number;
}

/** What a plan tells of the tiles. */
export function tilePlan({ tiles, kinds, width, height, extentPixels }: TileGrid): TilePlan {
  const rows = new Set(tiles.map((tile) => tile.rows.core.begin)).size;
  return {
    count: tiles.length,
    rows,
    columns: tiles.length / rows,
    width: Math.max(...kinds.map(({ columns }) => columns.extent.size)),
    height: Math.max(...kinds.map((tile) => tile.rows.extent.size)),
    haloPixels: extentPixels - width * height,
  };
}

/** The core of a tile along one axis at a layer where `stride` pixels are one, counted from the extent's begin. */
export function coreAt({ core, extent }: AxisTile, stride: number): Stretch {
  const begin = (core.begin - extent.begin) / stride;
  return { begin, size: Math.floor((core.begin + core.size - extent.begin) / stride) - begin };
}

/** Each cut that is tried makes tiles smaller by a tenth or so. */
const SMALLER = 0.92;

/** Sides below this save no memory: what is kept for each tile outweighs its activations. */
const LEAST = 96;

/** The next larger count that makes tiles smaller, if possible by {@link SMALLER}; undefined where none does. */
function nextCount(length: number, count: number, demand: TileDemand): number | undefined {
  const sizeOf = (n: number): number => {
    const found = extentUnits(length, n, demand);
    // Where the core is less than half of its extent's side, most of the work is for the neighbours.
    const isWorthIt = found && found.extent >= Math.max(4 * found.halo, LEAST / demand.unit);
    return isWorthIt ? found.extent : Math.floor(length / demand.unit);
  };
  const size = sizeOf(count);
  let smallest: number | undefined;
  for (let next = count + 1; next <= Math.floor(length / demand.unit); next++) {
    if (sizeOf(next) <= SMALLER * size) return next;
    if (sizeOf(next) < sizeOf(smallest ?? count)) smallest = next;
  }
  return smallest;
}

/** Numbers of rows and columns to cut a picture into, from one tile to the smallest that are worth it. */
export function cuts({ width, height }: Size, demand: TileDemand): { readonly rows: number; readonly columns: number }[] {
  const list = [{ rows: 1, columns: 1 }];
  const sideOf = (length: number, count: number): number => demand.unit * (extentUnits(length, count, demand)?.extent ?? Infinity);
  for (;;) {
    const { rows, columns } = list.at(-1)!;
    const [more, further] = [nextCount(height, rows, demand), nextCount(width, columns, demand)];
    if (more === undefined && further === undefined) return list;
    // The longer side of the extent is cut next, where it can be.
    const [down, across] = [Math.min(height, sideOf(height, rows)), Math.min(width, sideOf(width, columns))];
    const isDown = further === undefined || (more !== undefined && down >= across);
    list.push(isDown ? { rows: more!, columns } : { rows, columns: further });
  }
}
