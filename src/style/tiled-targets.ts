// Targets of pictures that are too large to be looked at as a whole: the statistics of styles, added up over tiles, and the
// content's features, one buffer for each tile. Slices are uploaded one by one: the pictures themselves stay on the host.

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { throwIfAborted } from '../gpu/errors.ts';
import type { Work } from '../gpu/slicer.ts';
import { Submits } from '../gpu/submits.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf } from '../kernels/shape.ts';
import { Belongings } from './belongings.ts';
import type { Wanted } from './demands.ts';
import type { Guides, Region } from './guides.ts';
import type { Recipe } from './recipes.ts';
import { keyOf, remembered, type Reading } from './remembered.ts';
import { statisticsOf, targetTensors, type StylePart, type Target } from './statistics.ts';
import { addTo, weightedMeans, type WeightedSum } from './targets.ts';
import type { FeatureRequest } from './network.ts';
import { coreAt, type TileGrid } from './tile-grid.ts';
import { contentMaps, coreBytes, coreFeatures, coreShape, factsOf, type ContentMap } from './tile-layers.ts';
import { GuideSlots } from './tile-planes.ts';
import { extentOf, heldBuffer, sliceOf, sliceVariables, type Hold } from './tile-slices.ts';
import { LayerSums, type CoreStatistics } from './tile-sums.ts';

/** Pixels of every tile's core at a layer, in the order of the tiles. */
export function corePixels(grid: TileGrid, stride: number): number[] {
  return grid.tiles.map(({ rows, columns }) => coreAt(rows, stride).size * coreAt(columns, stride).size);
}

/** The sums of the layers that `parts` compare, over a picture's tiles; features count by `guides`, where there are some. */
export async function layerSums(
  tape: Tape,
  grid: TileGrid,
  parts: readonly StylePart[],
  guides: Guides | undefined,
  vgg: FeatureRequest['vgg'],
  hold: Hold,
): Promise<LayerSums[]> {
  const layers = [...new Set(parts.map(({ layer }) => layer))];
  const sums: LayerSums[] = [];
  for (const layer of layers) {
    const { channels, stride } = factsOf(vgg, layer);
    const plane = guides?.get(layer);
    const guide = plane && (await GuideSlots.create(tape, grid, plane, stride, `guide/${layer}`, hold));
    sums.push(new LayerSums(tape, layer, channels, corePixels(grid, stride), parts, guide));
  }
  return sums;
}

/** Copies the moments that a part has found of a tile into row `index` of the tables. */
export function keepMoments(
  encoder: GPUCommandEncoder,
  program: Program,
  sums: readonly LayerSums[],
  statistics: readonly CoreStatistics[],
  index: number,
): void {
  statistics.forEach(({ moments }, i) => {
    if (!moments) return;
    const { buffer, offset = 0 } = program.range(moments);
    const bytes = bytesOf(moments.shape);
    encoder.copyBufferToBuffer(buffer, offset, sums[i]!.table!.buffer!, index * bytes, bytes);
  });
}

/** Every statistic that there is. */
export function tensorsOf(statistics: readonly CoreStatistics[]): Tensor[] {
  return statistics.flatMap(({ second, moments }) => [second, moments]).filter((tensor) => tensor !== undefined);
}

/**
 * Weighted means of the styles' statistics, for each of `parts`, on `tape`; a style counts where its guide has the layer.
 * `grids` has one for each of the run's styles. What is needed to compute them is gone afterwards.
 */
export async function tiledStyleTargets(
  tape: Tape,
  styles: Region['styles'],
  grids: readonly TileGrid[],
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
  signal: AbortSignal | undefined,
): Promise<Map<StylePart, Target[]>> {
  const known = new Map<StylePart, WeightedSum>();
  for (const style of styles) {
    const { picture, guides, weight } = style;
    const own = parts.filter(({ layer }) => !guides || guides.has(layer));
    if (own.length === 0) continue;
    const grid = grids[style.index]!;
    const { rows, columns } = grid.tiles.at(-1)!;
    const planes = [...(guides ?? [])];
    const kind = [normalize, ...planes.map(([layer]) => layer), `last tile at ${rows.core.begin}, ${columns.core.begin}`].join(' ');
    const key = keyOf(kind, own, picture, request, tape.target);
    const seen = [picture.data, ...planes.map(([, { values }]) => values)];
    const found = await remembered(tape.device, request.network, key, seen, () =>
      statisticsOver(tape.device, style, grid, own, normalize, request, signal),
    );
    own.forEach((part, i) => known.set(part, addTo(known.get(part), weight, found[i]!)));
  }
  return weightedMeans(tape, known);
}

async function statisticsOver(
  device: GPUDevice,
  { picture, guides }: Region['styles'][number],
  grid: TileGrid,
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
  signal: AbortSignal | undefined,
): Promise<Reading> {
  const layers = [...new Set(parts.map(({ layer }) => layer))];
  return overTiles(device, request.storage, signal, async ({ tape, hold, keep, run }) => {
    const slices = await sliceVariables(tape, grid, 'style slice', hold);
    const sums = await layerSums(tape, grid, parts, guides, request.vgg, hold);
    const cores = grid.kinds.map((tile, kind) => {
      const found = coreFeatures(tape, tile, slices[kind]!, layers, request);
      return sums.map((sum) => sum.ofCore(found.get(sum.layer)!, kind));
    });
    const of = new Map(sums.map((sum) => [sum.layer, statisticsOf(tape, normalize, sum.moments())]));
    const wanted = parts.map(({ layer, statistic }) => targetTensors(of.get(layer)!, statistic));
    const program = keep(
      tape.compileParts([
        ...cores.map((statistics) => ({
          results: tensorsOf(statistics),
          then: () => statistics.flatMap((core, i) => sums[i]!.add(core)),
        })),
        { outputs: wanted.flat() },
      ]),
    );
    await program.ready;
    for (const [index, tile] of grid.tiles.entries()) {
      upload(tape, slices[tile.kind]!, sliceOf(picture, extentOf(tile), request.space));
      const moments: Work = (encoder) => keepMoments(encoder, program, sums, cores[tile.kind]!, index);
      const bring: Work = (encoder) => sums.forEach(({ guide }) => guide?.bring(encoder, index));
      await run([...program.folds(), bring, program.part(tile.kind), moments]);
    }
    await run([...program.folds(), program.part(grid.kinds.length)]);
    const read = [];
    for (const tensors of wanted) {
      const list = [];
      for (const tensor of tensors) list.push({ shape: tensor.shape, data: await program.read(tensor) });
      read.push(list);
    }
    return read;
  });
}

/** The content's maps: how large they are, and the cores of each tile where they were kept. */
export interface TiledContent {
  readonly maps: readonly ContentMap[];
  readonly sumOfSquares: readonly number[];
  /** By tile, then by map; of tiles that are kept. */
  readonly cores: readonly (readonly GPUBuffer[])[];
}

/** Looks at the content tile by tile. With `keeps`, `hold` takes over one buffer for each of the `own` tiles and each map. */
export async function tiledContentTargets(
  device: GPUDevice,
  content: Pixels,
  grid: TileGrid,
  own: readonly number[],
  wanted: Wanted,
  request: FeatureRequest,
  { keeps, measures }: { readonly keeps: boolean; readonly measures: boolean },
  hold: Hold,
  signal: AbortSignal | undefined,
): Promise<TiledContent> {
  const maps = contentMaps(request.vgg, wanted);
  const none = { maps, sumOfSquares: maps.map(() => NaN), cores: [] };
  if (maps.length === 0 || (!keeps && !measures)) return none;
  return overTiles(device, request.storage, signal, async ({ tape, hold: holdHere, keep, run }) => {
    const slices = await sliceVariables(tape, grid, 'content slice', holdHere);
    const recorded = grid.kinds.map((tile, kind) => {
      const found = coreFeatures(tape, tile, slices[kind]!, wanted.content, request);
      const tensors = maps.map(({ core }) => core(tape, tile, slices[kind]!, found));
      return { tensors, squares: tensors.map((tensor) => tape.meanSquared(tensor)) };
    });
    const program = keep(
      tape.compileParts(recorded.map(({ tensors, squares }) => ({ results: tensors, outputs: measures ? squares : [] }))),
    );
    await program.ready;
    const sums = maps.map(() => 0);
    const cores: GPUBuffer[][] = [];
    for (const [index, tile] of grid.tiles.entries()) {
      const isKept = keeps && own.includes(index);
      if (!isKept && !measures) continue;
      upload(tape, slices[tile.kind]!, sliceOf(content, extentOf(tile), request.space));
      const { tensors, squares } = recorded[tile.kind]!;
      const buffers: GPUBuffer[] = [];
      if (isKept) for (const map of maps) buffers.push(await heldBuffer(device, `content/${map.name}`, coreBytes(tile, map), hold));
      const keepCores: Work = (encoder) =>
        buffers.forEach((buffer, i) => {
          const from = program.range(tensors[i]!);
          encoder.copyBufferToBuffer(from.buffer, from.offset ?? 0, buffer, 0, bytesOf(tensors[i]!.shape));
        });
      await run([...program.folds(), program.part(tile.kind), keepCores]);
      cores[index] = buffers;
      if (!measures) continue;
      for (const [i, map] of maps.entries()) {
        const [h, w, c] = coreShape(tile, map);
        sums[i]! += (await program.read(squares[i]!))[0]! * h * w * c;
      }
    }
    return { maps, sumOfSquares: sums, cores };
  });
}

interface Workshop {
  readonly tape: Tape;
  readonly hold: Hold;
  readonly keep: (program: Program) => Program;
  /** Submits and waits until it is done: what comes next is uploaded then, and waits on the host, not in the queue. */
  readonly run: (work: readonly Work[]) => Promise<void>;
}

/** Lends a tape, and gives everything back that was made for the work. Throws `aborted` when the signal fires meanwhile. */
async function overTiles<T>(
  device: GPUDevice,
  storage: FeatureRequest['storage'] = 'f32',
  signal: AbortSignal | undefined,
  work: (workshop: Workshop) => Promise<T>,
): Promise<T> {
  const belongings = new Belongings();
  const submits = new Submits(device, 'tile');
  try {
    return await work({
      tape: belongings.keep(new Tape(device, { storage })),
      hold: (buffer) => {
        belongings.keep({ destroy: () => destroyBuffer(buffer) });
        return buffer;
      },
      keep: (program) => belongings.keep(program),
      run: async (pieces) => {
        await submits.submitWork(pieces, () => device.queue.onSubmittedWorkDone(), () => signal?.aborted === true);
        throwIfAborted(signal, 'StyleSession.create');
      },
    });
  } finally {
    belongings.destroy();
  }
}

function upload(tape: Tape, slice: Tensor, values: Float32Array | undefined): void {
  if (values) tape.write(slice, values);
}
