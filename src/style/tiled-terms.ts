// The terms of a loss that is measured tile by tile. Content, edges and variation are sums over pixels: each tile has its
// share of them, and its gradient by itself. The style's terms are of the sums over all tiles: they and their gradients
// with respect to the sums are had once, between the two passes.

import type { Part, Tape, Tensor } from '../autograd/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import { activeEdges, edgeName } from './edges.ts';
import { variationOf } from './evaluation.ts';
import { termWeights } from './losses.ts';
import type { ResolvedOptions } from './options.ts';
import { statisticsOf } from './statistics.ts';
import { contentFactor, styleTerms, type RegionTargets, type StyledLayers, type Term, type WeighedTerm } from './terms.ts';
import type { Tile, TileGrid } from './tile-grid.ts';
import type { TiledContent } from './tiled-targets.ts';
import { copyAll, type CoreStatistics, type LayerSums } from './tile-sums.ts';

/** dL/d(sums of a layer), where the middle part leaves it. */
export interface Pulled {
  readonly second: Tensor | undefined;
  readonly table: Tensor | undefined;
  /** The row of `table` that belongs to the tile at hand. */
  readonly row: Tensor | undefined;
}

/** A region's share of the style loss, what it is to be like, and its statistics over the tiles. */
export interface TiledRegion extends Pick<RegionTargets, 'share' | 'parts'> {
  readonly sums: readonly LayerSums[];
}

/** Records the terms and gives the parts of a program that are no tile's. */
export class TiledTerms {
  /** In the order of `weighed`: content, edges, variation, style. */
  readonly all: readonly WeighedTerm[];
  /** Variables: shares of content, edges and variation, added up; to be cleared before the first tile. */
  readonly direct: Tensor | undefined;
  readonly directWeights: Tensor | undefined;
  /** The terms times their weights, and their sum; where {@link end} leaves them. */
  readonly weighed: Tensor;
  readonly total: Tensor;
  readonly #tape: Tape;
  readonly #grid: TileGrid;
  readonly #content: TiledContent;
  readonly #options: ResolvedOptions;
  /** Of all regions, one after another. */
  readonly #sums: readonly LayerSums[];
  readonly #styled: readonly Term[];
  readonly #styleWeights: Tensor | undefined;
  /** The style terms times their weights, from the middle part to the end. */
  readonly #styleSlot: Tensor | undefined;
  /** Of the sums, in their order. */
  readonly pulled: readonly Pulled[];

  /** There is at least one term. */
  constructor(
    tape: Tape,
    grid: TileGrid,
    options: ResolvedOptions,
    content: TiledContent,
    regions: readonly TiledRegion[],
  ) {
    const { recipe, weights } = options;
    this.#tape = tape;
    this.#grid = grid;
    this.#content = content;
    this.#options = options;
    this.#sums = regions.flatMap(({ sums }) => sums);
    this.#styled = regions.flatMap(({ share, parts, sums }) => {
      const layers = new Map(sums.map((sum) => [sum.layer, sum]));
      const styled: StyledLayers = {
        imagePixels: grid.width * grid.height,
        pixelsOf: (layer) => layers.get(layer)!.pixels,
        statisticsOf: (layer) => statisticsOf(tape, recipe.style.normalize, layers.get(layer)!.moments()),
      };
      return styleTerms(tape, recipe.style, parts, styled, share);
    });
    const direct = directTerms(grid, options, content);
    this.all = [...direct, ...this.#styled];
    const numbers = termWeights(this.all, weights);
    if (direct.length > 0) {
      this.direct = tape.variable([direct.length], undefined, 'shares of terms');
      this.directWeights = tape.constant([direct.length], numbers.slice(0, direct.length), 'term weights');
    }
    if (this.#styled.length > 0) {
      this.#styleSlot = tape.variable([this.#styled.length], undefined, 'style terms');
      this.#styleWeights = tape.constant([this.#styled.length], numbers.slice(direct.length), 'style weights');
    }
    this.pulled = this.#sums.map(({ layer, second, table, channels }) => ({
      second: second && tape.variable(second.shape, undefined, `${layer}/d(second moment)`),
      table: table && tape.variable(table.shape, undefined, `${layer}/d(moments)`),
      row: table && tape.variable([2, channels], undefined, `${layer}/d(moments of tile)`),
    }));
    const weighed = this.direct && tape.mul(this.direct, this.directWeights!);
    const style_ = this.#styleSlot;
    this.weighed = weighed && style_ ? tape.concat([weighed, style_]) : (weighed ?? tape.scale(style_!, 1));
    this.total = tape.sum(this.weighed);
  }

  /** A tile's shares of the terms that are its own, [n]; `cores` are the maps of the content. */
  directOn(tile: Tile, slice: Tensor, cores: readonly Tensor[], targets: readonly Tensor[]): Tensor | undefined {
    if (!this.direct) return undefined;
    const tape = this.#tape;
    const shares = cores.map((core, i) => elementsOf(core.shape) / mapElements(this.#grid, this.#content, i));
    const values = cores.map((core, i) => tape.meanSquared(core, targets[i]!));
    const { tv } = this.#options.recipe;
    if (values.length < this.direct.shape[0]!) {
      const { rows, columns } = tile;
      const begin = [rows.core.begin - rows.extent.begin, columns.core.begin - columns.extent.begin] as const;
      const whole = [this.#grid.height, this.#grid.width] as const;
      const window = { begin, size: [rows.core.size, columns.core.size] as const, whole };
      values.push(tape.totalVariation(slice, { form: tv.form, window }));
      shares.push(1);
    }
    return tape.weigh(values, tape.constant([values.length], shares, 'shares of a tile'));
  }

  /** Enters the cotangents of a tile's statistics of layer `i`. */
  pull({ second, moments }: CoreStatistics, i: number, cotangents: Map<Tensor, Tensor>): void {
    const pulled = this.pulled[i]!;
    if (second) cotangents.set(second, pulled.second!);
    if (moments) cotangents.set(moments, pulled.row!);
  }

  /** Brings what belongs to tile `index` to where its program looks for it. */
  bring(encoder: GPUCommandEncoder, index: number): void {
    for (const { table, row } of this.pulled) {
      if (!table || !row) continue;
      const bytes = bytesOf(row.shape);
      encoder.copyBufferToBuffer(table.buffer!, index * bytes, row.buffer!, 0, bytes);
    }
  }

  /** Between the passes: the style's terms, and their gradients. */
  middle(): Part {
    const tape = this.#tape;
    const weighed = tape.weigh(
      this.#styled.map(({ value }) => value),
      this.#styleWeights!,
    );
    return {
      results: [weighed],
      cotangents: new Map([[tape.sum(weighed), tape.one()]]),
      wrt: this.#sums.flatMap(({ variables }) => variables),
      then: (gradient) => [
        copyAll(weighed, this.#styleSlot!),
        ...this.#sums.flatMap(({ second, table }, i) => [
          ...(second ? [copyAll(gradient(second), this.pulled[i]!.second!)] : []),
          ...(table ? [copyAll(gradient(table), this.pulled[i]!.table!)] : []),
        ]),
      ],
    };
  }

  /** After the last tile. */
  end(): Part {
    return { outputs: [this.weighed, this.total] };
  }

  /** In the order of `all`. */
  setWeights(weights: readonly number[]): void {
    const count = this.direct?.shape[0] ?? 0;
    if (this.directWeights) this.#tape.write(this.directWeights, weights.slice(0, count));
    if (this.#styleWeights) this.#tape.write(this.#styleWeights, weights.slice(count));
  }
}

/** Elements of map `i` over the whole picture. */
function mapElements({ width, height }: TileGrid, { maps }: TiledContent, i: number): number {
  const { stride, channels } = maps[i]!;
  return Math.floor(height / stride) * Math.floor(width / stride) * channels;
}

/** Content layers, edges and variation by name, with the constants that the recipe puts before them. */
function directTerms(grid: TileGrid, options: ResolvedOptions, content: TiledContent): WeighedTerm[] {
  const { recipe, contentLayers } = options;
  const edges = new Map(activeEdges(recipe).map(({ pooling, weight }) => [edgeName(pooling), weight]));
  const terms = content.maps.map(({ name, isEdge }, i): WeighedTerm => {
    const n = mapElements(grid, content, i);
    const constant = isEdge
      ? edges.get(name)! * n
      : recipe.content.weight * contentLayers[name]! * contentFactor(recipe.content.measure, n, content.sumOfSquares[i]!);
    return { kind: 'content', layer: name, constant };
  });
  const tv = variationOf(options);
  return tv.weight > 0 ? [...terms, { kind: 'tv', constant: tv.weight }] : terms;
}
