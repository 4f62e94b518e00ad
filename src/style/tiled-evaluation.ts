// Loss and gradient of a picture tile by tile, exactly: what does not fit into memory at once is computed twice instead.
//   pass 1   every tile's features, forward; the statistics of their cores are added up
//   middle   the style terms of the sums, and dL/dG: all that a tile needs to know of the others
//   pass 2   every tile forward again and back; its own content, edge and variation terms; its gradient is added to the
//            picture's, where the extents overlap to what neighbours added
//   end      terms times weights, and their sum
// A tile sees its neighbours' pixels as far as the features of its core reach, and the picture's border where there is
// one: cores hold the very numbers of the whole picture's features.

import { Tape, type Part, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { Sequence, type BufferRange, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Belongings } from './belongings.ts';
import { wantedOf, type Wanted } from './demands.ts';
import { checkTerms, requestOf, type Band, type Evaluation, type EvaluationParts } from './evaluation.ts';
import { isMatched } from './recipes.ts';
import { isPlain } from './regions.ts';
import type { FeatureRequest } from './terms.ts';
import { cutPicture, type Tile, type TileGrid } from './tile-grid.ts';
import { coreBytes, coreFeatures, coreShape, resultDemand, styleDemand } from './tile-layers.ts';
import { addBack, bandsOf, cutOut, heldBuffer, sliceOf, sliceVariables, type Hold, type Rows } from './tile-slices.ts';
import type { CoreStatistics, LayerSums } from './tile-sums.ts';
import { copyAll } from './tile-sums.ts';
import { keepMoments, layerSums, tensorsOf, tiledContentTargets, tiledStyleTargets, type TiledContent } from './tiled-targets.ts';
import { TiledTerms } from './tiled-terms.ts';

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

/** A picture on the GPU: bands of rows, each a variable. */
interface Bands {
  readonly rows: readonly Rows[];
  readonly tensors: readonly Tensor[];
}

/** What the parts of a program are recorded from. */
interface Ground {
  readonly tape: Tape;
  readonly grid: TileGrid;
  readonly wanted: Wanted;
  readonly request: FeatureRequest;
  readonly content: TiledContent;
  readonly sums: readonly LayerSums[];
  readonly terms: TiledTerms;
  /** By kind: the slice of the picture; that of the content where it is computed anew; else the content's cores. */
  readonly slices: readonly Tensor[];
  readonly references: readonly Tensor[] | undefined;
  readonly slots: readonly (readonly Tensor[])[] | undefined;
}

/** Throws `limit-exceeded` for what looks at the picture as a whole. */
export function checkTileable({ options, pictures }: Pick<EvaluationParts, 'options' | 'pictures'>): void {
  const matched = new Set(wantedOf(options).parts.flatMap(({ statistic }) => (isMatched(statistic) ? [statistic] : [])));
  const reasons = [
    [options.seamless, 'a seamless picture'],
    [matched.size > 0, `the statistic ${[...matched].join(', ')}`],
    [pictures.updateMask || !isPlain(pictures), 'masks and transparent pictures'],
  ] as const;
  const found = reasons.flatMap(([holds, name]) => (holds ? [name] : []));
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
  tiling: Tiling,
  belongings: Belongings,
): Promise<Evaluation> {
  const { device, options, pictures, start, signal, storage = 'f32' } = parts;
  const { recipe } = options;
  checkTileable(parts);
  const wanted = wantedOf(options);
  const request = requestOf(parts);
  const grid = cutPicture(start, tiling.result.rows, tiling.result.columns, resultDemand(request.vgg, wanted));
  const hold: Hold = (buffer) => {
    belongings.keep({ destroy: () => destroyBuffer(buffer) });
    return buffer;
  };
  const toKeep = { keeps: tiling.keepsContent, measures: recipe.content.measure === 'relative' };
  const content = await tiledContentTargets(device, pictures.content, grid, wanted, request, toKeep, hold);
  throwIfAborted(signal, 'StyleSession.create');
  const tape = belongings.keep(new Tape(device, { storage }));
  const demand = styleDemand(request.vgg, wanted.style);
  const grids = pictures.styles.map(({ picture }, i) => {
    const { rows, columns } = tiling.styles[i]!;
    return cutPicture(picture, rows, columns, demand);
  });
  const style = await tiledStyleTargets(tape, pictures.styles, grids, wanted.parts, recipe.style.normalize, request);
  throwIfAborted(signal, 'StyleSession.create');
  checkTerms(content.maps.length + style.size + (options.weights.tvWeight * recipe.tv.weight > 0 ? 1 : 0));

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
  const sums = layerSums(tape, grid, wanted.style, wanted.parts, request.vgg);
  const ground: Ground = {
    ...{ tape, grid, wanted, request, content, sums },
    terms: new TiledTerms(tape, grid, options, content, style, sums),
    slices: await sliceVariables(tape, grid, 'slice', hold),
    references: recomputes ? await sliceVariables(tape, grid, 'content slice', hold) : undefined,
    slots: recomputes ? undefined : await targetSlots(tape, grid, content, hold),
  };
  const replay = new Replay(ground, { image, gradient, reference }, belongings);
  const { terms } = ground;
  return {
    tape,
    grid,
    terms: terms.all,
    bands: rows.map((band, i): Band => {
      return { ...band, value: image.tensors[i]!, gradient: gradient.tensors[i]!.buffer! };
    }),
    weighed: replay.program.range(terms.weighed),
    total: replay.program.buffer(terms.total),
    ready: replay.ready,
    cost: replay.cost,
    encode: (encoder) => replay.encode(encoder),
    setWeights: (weights) => terms.setWeights(weights),
  };
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

interface ForwardPart {
  readonly statistics: readonly CoreStatistics[];
  readonly part: Part;
}

/** Pass 1 of a kind: the core's statistics, added to the sums. */
function forwardPart({ tape, wanted, request, sums, slices }: Ground, tile: Tile, kind: number): ForwardPart {
  const found = coreFeatures(tape, tile, slices[kind]!, wanted.style, request);
  const statistics = sums.map((sum) => sum.ofCore(found.get(sum.layer)!));
  const then: Part['then'] = () => statistics.flatMap((core, i) => sums[i]!.add(core));
  return { statistics, part: { results: tensorsOf(statistics), then } };
}

/** Pass 2 of a kind: the tile's own terms, and the gradient of the whole loss with respect to its slice. */
function backwardPart(ground: Ground, tile: Tile, kind: number): Part {
  const { tape, wanted, request, content, sums, terms, slices, references, slots } = ground;
  const coresOn = (slice: Tensor, found: ReadonlyMap<string, Tensor>): Tensor[] =>
    content.maps.map(({ core }) => core(tape, tile, slice, found));
  // The content first: its features are gone before those of the picture come.
  const reference = references?.[kind];
  const targets = reference
    ? coresOn(reference, coreFeatures(tape, tile, reference, wanted.content, request))
    : slots![kind]!;
  const slice = slices[kind]!;
  const found = coreFeatures(tape, tile, slice, [...new Set([...wanted.content, ...wanted.style])], request);
  const direct = terms.directOn(tile, slice, coresOn(slice, found), targets);
  const cotangents = new Map<Tensor, Tensor>(direct ? [[direct, terms.directWeights!]] : []);
  sums.forEach((sum, i) => terms.pull(sum.ofCore(found.get(sum.layer)!), i, cotangents));
  return {
    cotangents,
    wrt: [slice],
    ...(direct && { results: [direct], then: () => [copyAll(direct, terms.direct!, true)] }),
  };
}

/** A tile of the iteration: its kind, and what moves pixels to and from it. */
interface Step {
  readonly kind: number;
  readonly cut: Sequence;
  readonly cutContent: Sequence | undefined;
  readonly addBack: Sequence;
}

/** The program of all kinds, and the order in which its parts are recorded. */
class Replay {
  readonly program: Program;
  readonly ready: Promise<void>;
  readonly cost: Evaluation['cost'];
  readonly #ground: Ground;
  readonly #forward: readonly ForwardPart[];
  readonly #steps: readonly Step[];
  readonly #cleared: readonly GPUBuffer[];
  /** Indices of the first backward part, of the middle one where there are style terms, and of the last. */
  readonly #backward: number;
  readonly #middle: number | undefined;
  readonly #end: number;

  constructor(
    ground: Ground,
    { image, gradient, reference }: { readonly image: Bands; readonly gradient: Bands; readonly reference: Bands | undefined },
    belongings: Belongings,
  ) {
    const { tape, grid, sums, terms, slices, references } = ground;
    this.#ground = ground;
    this.#forward = sums.length > 0 ? grid.kinds.map((tile, kind) => forwardPart(ground, tile, kind)) : [];
    const parts: Part[] = [
      ...this.#forward.map(({ part }) => part),
      ...grid.kinds.map((tile, kind) => backwardPart(ground, tile, kind)),
      ...(sums.length > 0 ? [terms.middle()] : []),
      terms.end(),
    ];
    this.#backward = this.#forward.length;
    this.#end = parts.length - 1;
    this.#middle = sums.length > 0 ? this.#end - 1 : undefined;
    this.program = belongings.keep(tape.compileParts(parts));
    const work: (Cost & { readonly dispatches?: number })[] = [];
    const bind = (label: string, dispatches: readonly Dispatch<BufferRange>[], times = 1): Sequence => {
      for (let i = 0; i < times; i++) work.push(...dispatches.map(({ cost }) => cost));
      return belongings.keep(new Sequence(tape.device, `tile/${label}`, dispatches));
    };
    this.#steps = grid.tiles.map((tile): Step => {
      const { kind } = tile;
      const slice = this.program.range(slices[kind]!);
      const dSlice = this.program.gradientRange(slices[kind]!, this.#backward + kind);
      const passes = sums.length > 0 ? 2 : 1;
      if (passes === 2) work.push(this.program.partCosts[kind]!);
      work.push(this.program.partCosts[this.#backward + kind]!);
      return {
        kind,
        cut: bind('cut out', cutOut(tile, grid.width, buffersOf(image), slice), passes),
        cutContent:
          reference &&
          bind('content', cutOut(tile, grid.width, buffersOf(reference), this.program.range(references![kind]!))),
        addBack: bind('add back', addBack(tile, grid.width, buffersOf(gradient), dSlice)),
      };
    });
    for (const at of new Set([this.#middle ?? this.#end, this.#end])) work.push(this.program.partCosts[at]!);
    this.#cleared = [...gradient.tensors, ...sums.map(({ second }) => second), terms.direct].flatMap(
      (tensor) => tensor?.buffer ?? [],
    );
    this.cost = {
      ...work.reduce<Cost & { dispatches: number }>(
        (sum, { flops, bytes, dispatches = 1 }) => {
          return { flops: sum.flops + flops, bytes: sum.bytes + bytes, dispatches: sum.dispatches + dispatches };
        },
        { flops: 0, bytes: 0, dispatches: 0 },
      ),
      arenaBytes: this.program.cost.arenaBytes,
      foldedBytes: this.program.cost.foldedBytes,
    };
    const sequences = this.#steps.flatMap(({ cut, cutContent, addBack: back }) => [cut, cutContent, back]);
    this.ready = Promise.all([this.program.ready, ...sequences.map((sequence) => sequence?.ready)]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  encode(encoder: GPUCommandEncoder): void {
    this.program.fold(encoder);
    for (const buffer of this.#cleared) encoder.clearBuffer(buffer);
    if (this.#middle !== undefined) {
      this.#steps.forEach((step, index) => this.#encodeForward(encoder, step, index));
      inPass(encoder, 'style terms', (pass) => this.program.encodePart(this.#middle!, pass));
    }
    this.#steps.forEach((step, index) => this.#encodeBackward(encoder, step, index));
    inPass(encoder, 'terms', (pass) => this.program.encodePart(this.#end, pass));
  }

  #encodeForward(encoder: GPUCommandEncoder, { kind, cut }: Step, index: number): void {
    inPass(encoder, 'tile forward', (pass) => {
      cut.encode(pass);
      this.program.encodePart(kind, pass);
    });
    keepMoments(encoder, this.program, this.#ground.sums, this.#forward[kind]!.statistics, index);
  }

  #encodeBackward(encoder: GPUCommandEncoder, { kind, cut, cutContent, addBack: back }: Step, index: number): void {
    const { terms, slots, content } = this.#ground;
    terms.bring(encoder, index);
    slots?.[kind]!.forEach((slot, i) => {
      encoder.copyBufferToBuffer(content.cores[index]![i]!, 0, slot.buffer!, 0, bytesOf(slot.shape));
    });
    inPass(encoder, 'tile back', (pass) => {
      cut.encode(pass);
      cutContent?.encode(pass);
      this.program.encodePart(this.#backward + kind, pass);
      back.encode(pass);
    });
  }
}

function buffersOf({ rows, tensors }: Bands): (Rows & { readonly buffer: GPUBuffer })[] {
  return rows.map((band, i) => ({ ...band, buffer: tensors[i]!.buffer! }));
}

function inPass(encoder: GPUCommandEncoder, label: string, record: (pass: GPUComputePassEncoder) => void): void {
  const pass = encoder.beginComputePass({ label: `wgpu-style/${label}` });
  record(pass);
  pass.end();
}
