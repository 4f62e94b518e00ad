// Loss and gradient of a picture tile by tile, exactly: what does not fit into memory at once is computed twice instead.
//   pass 1   every tile's features, forward; the statistics of their cores are added up
//   middle   the style terms of the sums, and dL/dG: all that a tile needs to know of the others
//   pass 2   every tile forward again and back; its own content, edge and variation terms; its gradient is added to the
//            picture's, where the extents overlap to what neighbours added
//   end      terms times weights, and their sum
// A tile sees its neighbours' pixels as far as the features of its core reach, and the picture's border where there is
// one: cores hold the very numbers of the whole picture's features.

import { Tape, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import type { Pixels } from '../image/index.ts';
import type { Belongings } from './belongings.ts';
import { wantedOf } from './demands.ts';
import { checkTerms, requestOf, type Band, type Evaluation, type EvaluationParts } from './evaluation.ts';
import { isMatched } from './recipes.ts';
import type { Guidance } from './regions.ts';
import { cutPicture, tilePlan, type TileGrid } from './tile-grid.ts';
import { coreBytes, coreShape, resultDemand, styleDemand } from './tile-layers.ts';
import { PlaneSlots } from './tile-planes.ts';
import { Replay, type Bands, type Ground } from './tile-replay.ts';
import { bandsOf, extentOf, heldBuffer, sliceOf, sliceVariables, type Hold } from './tile-slices.ts';
import { layerSums, tiledContentTargets, tiledStyleTargets, type TiledContent } from './tiled-targets.ts';
import { TiledTerms, type TiledRegion } from './tiled-terms.ts';

/** How the pictures of a session are cut. */
export interface Tiling {
  /** Rows and columns of tiles, about: of the result, and of each style. */
  readonly result: Cut;
  readonly styles: readonly Cut[];
  /** True keeps the content's features on the GPU; false keeps the content and computes them in every iteration. */
  readonly keepsContent: boolean;
  /** Bytes of one band of the picture, at most; default: what a binding may have. */
  readonly bandBytes?: number;
}

/** Rows and columns of tiles. */
export interface Cut {
  readonly rows: number;
  readonly columns: number;
}

/** What looks at the picture as a whole. */
export function untileable({ options }: Pick<EvaluationParts, 'options'>): readonly string[] {
  const matched = new Set(wantedOf(options).parts.flatMap(({ statistic }) => (isMatched(statistic) ? [statistic] : [])));
  const reasons = [
    [options.seamless, 'a seamless picture'],
    [matched.size > 0, `the statistic ${[...matched].join(', ')}`],
  ] as const;
  return reasons.flatMap(([holds, name]) => (holds ? [name] : []));
}

/** Throws `limit-exceeded` for what looks at the picture as a whole. */
export function checkTileable(parts: Pick<EvaluationParts, 'options'>): void {
  const found = untileable(parts);
  if (found.length === 0) return;
  throw new WgpuStyleError('limit-exceeded', {
    what: `the picture does not fit into memory as a whole, and ${found.join(', ')} cannot go in tiles`,
    where: 'memoryLimit',
    fix: 'Take a smaller size, a higher memoryLimit, or leave that out',
  });
}

/** Builds the evaluation; `belongings` gives it back. Throws `aborted` when the signal fires meanwhile. */
export async function tiledEvaluation(
  parts: EvaluationParts,
  guidance: Guidance,
  tiling: Tiling,
  belongings: Belongings,
): Promise<Evaluation> {
  checkTileable(parts);
  const crew = await tileCrew(parts, guidance, tiling, belongings);
  const { replay } = crew;
  return {
    ...evaluationOf(crew),
    next: () => [...replay.forward(), ...replay.middle(), ...replay.backward(), ...replay.end()],
  };
}

/** What works on tiles on one device. */
export interface Crew {
  readonly ground: Ground;
  readonly replay: Replay;
  readonly image: Bands;
  readonly gradient: Bands;
}

/** The evaluation of a crew, but for the order of its work. */
export function evaluationOf({ ground: { tape, grid, terms }, replay, image, gradient }: Crew): Omit<Evaluation, 'next'> {
  return {
    tape,
    tiles: tilePlan(grid),
    terms: terms.all,
    bands: image.rows.map((band, i): Band => {
      return { ...band, value: image.tensors[i]!, gradient: gradient.tensors[i]!.buffer! };
    }),
    weighed: replay.program.range(terms.weighed),
    total: replay.program.buffer(terms.total),
    ready: replay.ready,
    cost: replay.cost,
    breakOff: () => replay.program.breakOff(),
    setWeights: (weights) => terms.setWeights(weights),
  };
}

/** The tiles of the result. */
export function gridOf(parts: EvaluationParts, { result: { rows, columns } }: Tiling): TileGrid {
  return cutPicture(parts.start, rows, columns, resultDemand(requestOf(parts).vgg, wantedOf(parts.options)));
}

/** Everything about tiles on the device of `parts`; `own` are the indices of those that are worked on there, by default all. */
export async function tileCrew(
  parts: EvaluationParts,
  { regions, paintable }: Guidance,
  tiling: Tiling,
  belongings: Belongings,
  given?: readonly number[],
): Promise<Crew> {
  const { device, options, pictures, start, signal, storage = 'f32' } = parts;
  const { recipe } = options;
  const wanted = wantedOf(options);
  const request = requestOf(parts);
  const grid = gridOf(parts, tiling);
  const own = given ?? grid.tiles.map((_, index) => index);
  const hold: Hold = (buffer) => {
    belongings.keep({ destroy: () => destroyBuffer(buffer) });
    return buffer;
  };
  const toKeep = { keeps: tiling.keepsContent, measures: recipe.content.measure === 'relative' };
  const content = await tiledContentTargets(device, pictures.content, grid, own, wanted, request, toKeep, hold, signal);
  const tape = belongings.keep(new Tape(device, { storage }));
  const demand = styleDemand(request.vgg, wanted.style);
  const grids = pictures.styles.map(({ picture }, i) => {
    const { rows, columns } = tiling.styles[i]!;
    return cutPicture(picture, rows, columns, demand);
  });
  const styled: TiledRegion[] = [];
  for (const { share, guides, styles } of regions) {
    const compared = wanted.parts.filter(({ layer }) => !guides || guides.has(layer));
    const targets = await tiledStyleTargets(tape, styles, grids, compared, recipe.style.normalize, request, signal);
    const sums = await layerSums(tape, grid, [...targets.keys()], guides, request.vgg, hold);
    styled.push({ share, parts: targets, sums });
  }
  throwIfAborted(signal, 'StyleSession.create');
  const sums = styled.flatMap((region) => region.sums);
  checkTerms(content.maps.length + sums.length + (options.weights.tvWeight * recipe.tv.weight > 0 ? 1 : 0));

  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const rows = bandsOf(start, tiling.bandBytes ?? Math.min(maxStorageBufferBindingSize, maxBufferSize));
  const bandsWith = (label: string, picture?: Pixels): Bands => {
    const tensors = rows.map((band) => {
      const box = { rows: { begin: band.first, size: band.rows }, columns: { begin: 0, size: start.width } };
      const values = picture && sliceOf(picture, box, recipe.space);
      return tape.variable([band.rows, start.width, 3], values, label);
    });
    return { rows, tensors };
  };
  const recomputes = content.maps.length > 0 && !tiling.keepsContent;
  const image = bandsWith('image', start);
  const gradient = bandsWith('d(image)');
  const reference = recomputes ? bandsWith('content', pictures.content) : undefined;
  const ground: Ground = {
    ...{ tape, grid, own, wanted, request, content, sums },
    terms: new TiledTerms(tape, grid, options, content, styled),
    paintable: paintable && (await PlaneSlots.create(tape, grid, paintable, extentOf, 'update mask', hold)),
    slices: await sliceVariables(tape, grid, 'slice', hold),
    references: recomputes ? await sliceVariables(tape, grid, 'content slice', hold) : undefined,
    slots: recomputes ? undefined : await targetSlots(tape, grid, content, hold),
  };
  const replay = new Replay(ground, { image, gradient, reference }, belongings);
  return { ground, replay, image, gradient };
}

/** For every kind the cores of the content's maps, of the tile at hand: in buffers that all kinds share. */
async function targetSlots(tape: Tape, grid: TileGrid, { maps }: TiledContent, hold: Hold): Promise<Tensor[][]> {
  const buffers: GPUBuffer[] = [];
  for (const map of maps) {
    const most = Math.max(...grid.kinds.map((tile) => coreBytes(tile, map)));
    buffers.push(await heldBuffer(tape.device, `content/${map.name}`, most, hold));
  }
  return grid.kinds.map((tile) => maps.map((map, i) => tape.variable(coreShape(tile, map), buffers[i]!, map.name)));
}
