// Targets of pictures that are too large to be looked at as a whole: the statistics of styles, added up over tiles, and the
// content's features, one buffer for each tile. Slices are uploaded one by one: the pictures themselves stay on the host.

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf } from '../kernels/shape.ts';
import { Belongings } from './belongings.ts';
import type { Wanted } from './demands.ts';
import type { ScaledPictures } from './prepare.ts';
import type { Recipe } from './recipes.ts';
import { keyOf, remembered, type Reading } from './remembered.ts';
import { keepTarget, statisticsOf, targetTensors, type StylePart, type Target } from './statistics.ts';
import type { FeatureRequest } from './terms.ts';
import { coreAt, type TileGrid } from './tile-grid.ts';
import { contentMaps, coreBytes, coreFeatures, coreShape, factsOf, type ContentMap } from './tile-layers.ts';
import { extentOf, heldBuffer, sliceOf, sliceVariables, type Hold } from './tile-slices.ts';
import { LayerSums, type CoreStatistics } from './tile-sums.ts';

/** Pixels of every tile's core at a layer, in the order of the tiles. */
export function corePixels(grid: TileGrid, stride: number): number[] {
  return grid.tiles.map(({ rows, columns }) => coreAt(rows, stride).size * coreAt(columns, stride).size);
}

/** The sums of every style layer over a picture's tiles. */
export function layerSums(tape: Tape, grid: TileGrid, layers: readonly string[], parts: readonly StylePart[], vgg: FeatureRequest['vgg']): LayerSums[] {
  return layers.map((layer) => {
    const { channels, stride } = factsOf(vgg, layer);
    return new LayerSums(tape, layer, channels, corePixels(grid, stride), parts);
  });
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
 * Weighted means of the styles' statistics, for each of `parts`, on `tape`; `grids` has one for each style. What is needed
 * to compute them is gone afterwards.
 */
export async function tiledStyleTargets(
  tape: Tape,
  styles: ScaledPictures['styles'],
  grids: readonly TileGrid[],
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
): Promise<Map<StylePart, Target[]>> {
  if (parts.length === 0) return new Map();
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  const means: { shape: readonly number[]; values: Float32Array }[][] = [];
  for (const [i, { picture, weight }] of styles.entries()) {
    const grid = grids[i]!;
    const { rows, columns } = grid.tiles.at(-1)!;
    const key = keyOf(`${normalize}, last tile at ${rows.core.begin}, ${columns.core.begin}`, parts, picture, request, tape.target);
    const found = await remembered(tape.device, request.network, key, [picture.data], () =>
      statisticsOver(tape.device, picture, grid, parts, normalize, request),
    );
    found.forEach((tensors, part) =>
      tensors.forEach(({ shape, data }, k) => {
        const mean = ((means[part] ??= [])[k] ??= { shape, values: new Float32Array(data.length) });
        data.forEach((value, at) => (mean.values[at]! += (value * weight) / total));
      }),
    );
  }
  return new Map(
    parts.map((part, i) => {
      const label = `style/${part.layer}/${part.statistic}`;
      return [part, means[i]!.map(({ shape, values }) => keepTarget(tape, shape, values, label))];
    }),
  );
}

async function statisticsOver(
  device: GPUDevice,
  picture: Pixels,
  grid: TileGrid,
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
): Promise<Reading> {
  const layers = [...new Set(parts.map(({ layer }) => layer))];
  return overTiles(device, request.storage, async ({ tape, hold, keep }) => {
    const slices = await sliceVariables(tape, grid, 'style slice', hold);
    const sums = layerSums(tape, grid, layers, parts, request.vgg);
    const cores = grid.kinds.map((tile, kind) => {
      const found = coreFeatures(tape, tile, slices[kind]!, layers, request);
      return sums.map((sum) => sum.ofCore(found.get(sum.layer)!));
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
      const encoder = begin(device, program);
      runPart(encoder, program, tile.kind);
      keepMoments(encoder, program, sums, cores[tile.kind]!, index);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone(); // slices wait on the host, not in the queue
    }
    const encoder = begin(device, program);
    runPart(encoder, program, grid.kinds.length);
    device.queue.submit([encoder.finish()]);
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
  /** By tile, then by map; empty when nothing is kept. */
  readonly cores: readonly (readonly GPUBuffer[])[];
}

/** Looks at the content tile by tile. With `keeps`, `hold` takes over one buffer for each tile and map. */
export async function tiledContentTargets(
  device: GPUDevice,
  content: Pixels,
  grid: TileGrid,
  wanted: Wanted,
  request: FeatureRequest,
  { keeps, measures }: { readonly keeps: boolean; readonly measures: boolean },
  hold: Hold,
): Promise<TiledContent> {
  const maps = contentMaps(request.vgg, wanted);
  const none = { maps, sumOfSquares: maps.map(() => NaN), cores: [] };
  if (maps.length === 0 || (!keeps && !measures)) return none;
  return overTiles(device, request.storage, async ({ tape, hold: holdHere, keep }) => {
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
    for (const tile of grid.tiles) {
      upload(tape, slices[tile.kind]!, sliceOf(content, extentOf(tile), request.space));
      const { tensors, squares } = recorded[tile.kind]!;
      const buffers: GPUBuffer[] = [];
      if (keeps) for (const map of maps) buffers.push(await heldBuffer(device, `content/${map.name}`, coreBytes(tile, map), hold));
      const encoder = begin(device, program);
      runPart(encoder, program, tile.kind);
      buffers.forEach((buffer, i) => {
        const from = program.range(tensors[i]!);
        encoder.copyBufferToBuffer(from.buffer, from.offset ?? 0, buffer, 0, bytesOf(tensors[i]!.shape));
      });
      device.queue.submit([encoder.finish()]);
      cores.push(buffers);
      await device.queue.onSubmittedWorkDone();
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
}

/** Lends a tape, and gives everything back that was made for the work. */
async function overTiles<T>(device: GPUDevice, storage: FeatureRequest['storage'] = 'f32', work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const belongings = new Belongings();
  try {
    return await work({
      tape: belongings.keep(new Tape(device, { storage })),
      hold: (buffer) => {
        belongings.keep({ destroy: () => destroyBuffer(buffer) });
        return buffer;
      },
      keep: (program) => belongings.keep(program),
    });
  } finally {
    belongings.destroy();
  }
}

function upload(tape: Tape, slice: Tensor, values: Float32Array | undefined): void {
  if (values) tape.write(slice, values);
}

function begin(device: GPUDevice, program: Program): GPUCommandEncoder {
  const encoder = device.createCommandEncoder({ label: 'wgpu-style/tile' });
  program.fold(encoder);
  return encoder;
}

function runPart(encoder: GPUCommandEncoder, program: Program, part: number): void {
  const pass = encoder.beginComputePass({ label: 'wgpu-style/tile' });
  program.encodePart(part, pass);
  pass.end();
}
