// The two passes over tiles as work to be recorded: one program of all kinds, and the order in which its parts come.

import type { Part, Program, Tape, Tensor } from '../autograd/index.ts';
import { Sequence, type BufferRange, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import type { Work } from '../gpu/slicer.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Belongings } from './belongings.ts';
import type { Wanted } from './demands.ts';
import type { Evaluation } from './evaluation.ts';
import type { FeatureRequest } from './network.ts';
import type { Tile, TileGrid } from './tile-grid.ts';
import { coreFeatures } from './tile-layers.ts';
import type { PlaneSlots } from './tile-planes.ts';
import { addBack, cutOut, type Rows } from './tile-slices.ts';
import { copyAll, type CoreStatistics, type LayerSums } from './tile-sums.ts';
import { keepMoments, tensorsOf, type TiledContent } from './tiled-targets.ts';
import type { TiledTerms } from './tiled-terms.ts';

/** A picture on the GPU: bands of rows, each a variable. */
export interface Bands {
  readonly rows: readonly Rows[];
  readonly tensors: readonly Tensor[];
}

/** What the parts of a program are recorded from. */
export interface Ground {
  readonly tape: Tape;
  readonly grid: TileGrid;
  /** Indices of the tiles that are worked on here. */
  readonly own: readonly number[];
  readonly wanted: Wanted;
  readonly request: FeatureRequest;
  readonly content: TiledContent;
  readonly sums: readonly LayerSums[];
  readonly terms: TiledTerms;
  /** Where the picture may change, if not everywhere. */
  readonly paintable: PlaneSlots | undefined;
  /** By kind: the slice of the picture; that of the content where it is computed anew; else the content's cores. */
  readonly slices: readonly Tensor[];
  readonly references: readonly Tensor[] | undefined;
  readonly slots: readonly (readonly Tensor[])[] | undefined;
}

interface ForwardPart {
  readonly statistics: readonly CoreStatistics[];
  readonly part: Part;
}

/** Pass 1 of a kind: the core's statistics, added to the sums. */
function forwardPart({ tape, wanted, request, sums, slices }: Ground, tile: Tile, kind: number): ForwardPart {
  const found = coreFeatures(tape, tile, slices[kind]!, wanted.style, request);
  const statistics = sums.map((sum) => sum.ofCore(found.get(sum.layer)!, kind));
  const then: Part['then'] = () => statistics.flatMap((core, i) => sums[i]!.add(core));
  return { statistics, part: { results: tensorsOf(statistics), then } };
}

/** Pass 2 of a kind: the tile's own terms, and the gradient of the whole loss with respect to its slice. */
function backwardPart(ground: Ground, tile: Tile, kind: number): Part {
  const { tape, wanted, request, content, sums, terms, paintable, slices, references, slots } = ground;
  const coresOn = (slice: Tensor, found: ReadonlyMap<string, Tensor>): Tensor[] =>
    content.maps.map(({ core }) => core(tape, tile, slice, found));
  // The content first: its features are gone before those of the picture come.
  const reference = references?.[kind];
  const targets = reference
    ? coresOn(reference, coreFeatures(tape, tile, reference, wanted.content, request))
    : slots![kind]!;
  const slice = slices[kind]!;
  // Outside of the update mask no gradient comes back, so that nothing moves there.
  const seen = paintable ? tape.maskGradient(slice, paintable.on(kind)) : slice;
  const found = coreFeatures(tape, tile, seen, [...new Set([...wanted.content, ...wanted.style])], request);
  const direct = terms.directOn(tile, seen, coresOn(seen, found), targets);
  const cotangents = new Map<Tensor, Tensor>(direct ? [[direct, terms.directWeights!]] : []);
  sums.forEach((sum, i) => terms.pull(sum.ofCore(found.get(sum.layer)!, kind), i, cotangents));
  return {
    cotangents,
    wrt: [slice],
    ...(direct && { results: [direct], then: () => [copyAll(direct, terms.direct!, true)] }),
  };
}

/** A tile of the iteration: its kind, and what moves pixels to and from it. */
interface Step {
  readonly index: number;
  readonly kind: number;
  readonly cut: Sequence;
  readonly cutContent: Sequence | undefined;
  readonly addBack: Sequence;
}

/** The program of all kinds, and the order in which its parts are recorded. */
export class Replay {
  readonly program: Program;
  readonly ready: Promise<void>;
  readonly cost: Evaluation['cost'];
  readonly #ground: Ground;
  readonly #forward: readonly ForwardPart[];
  readonly #steps: readonly Step[];
  /** One evaluation, without what depends on constants alone: to the sums, … */
  readonly #before: readonly Work[];
  /** … the style's terms from them, … */
  readonly #between: readonly Work[];
  /** … the way back, and the end. */
  readonly #behind: readonly Work[];
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
    this.#steps = ground.own.map((index): Step => {
      const tile = grid.tiles[index]!;
      const { kind } = tile;
      const slice = this.program.range(slices[kind]!);
      const dSlice = this.program.gradientRange(slices[kind]!, this.#backward + kind);
      const passes = sums.length > 0 ? 2 : 1;
      if (passes === 2) work.push(this.program.partCosts[kind]!);
      work.push(this.program.partCosts[this.#backward + kind]!);
      return {
        index,
        kind,
        cut: bind('cut out', cutOut(tile, grid.width, buffersOf(image), slice), passes),
        cutContent:
          reference &&
          bind('content', cutOut(tile, grid.width, buffersOf(reference), this.program.range(references![kind]!))),
        addBack: bind('add back', addBack(tile, grid.width, buffersOf(gradient), dSlice)),
      };
    });
    for (const at of new Set([this.#middle ?? this.#end, this.#end])) work.push(this.program.partCosts[at]!);
    const cleared = [...gradient.tensors, ...sums.map(({ second }) => second), terms.direct].flatMap(
      (tensor) => tensor?.buffer ?? [],
    );
    this.#before = [
      (encoder) => cleared.forEach((buffer) => encoder.clearBuffer(buffer)),
      ...(this.#middle === undefined ? [] : this.#steps.flatMap((step) => this.#forwardWork(step))),
    ];
    this.#between = this.#middle === undefined ? [] : [this.program.part(this.#middle)];
    this.#behind = this.#steps.flatMap((step) => this.#backwardWork(step));
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
    const sequences = this.#steps.flatMap(({ cut, cutContent, addBack: back }) => [cut, cutContent, back].filter((each) => each !== undefined));
    // The program first: what is bound to memory that is not there was refused for that reason.
    this.ready = this.program.ready.then(() => Promise.all(sequences.map(({ ready }) => ready))).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  /** From the picture to the sums. */
  forward(): readonly Work[] {
    return [...this.program.folds(), ...this.#before];
  }

  /** The style's terms, and their gradients with respect to the sums. */
  middle(): readonly Work[] {
    return this.#between;
  }

  /** From these to the picture's gradient. */
  backward(): readonly Work[] {
    return this.#behind;
  }

  /** Terms times weights, and their sum. */
  end(): readonly Work[] {
    return [this.program.part(this.#end)];
  }

  #forwardWork({ index, kind, cut }: Step): Work[] {
    const { sums } = this.#ground;
    const { statistics } = this.#forward[kind]!;
    const bring = (encoder: GPUCommandEncoder): void => sums.forEach(({ guide }) => guide?.bring(encoder, index));
    return [bring, cut, this.program.part(kind), (encoder) => keepMoments(encoder, this.program, sums, statistics, index)];
  }

  #backwardWork({ index, kind, cut, cutContent, addBack: back }: Step): Work[] {
    const { terms, slots, content, sums, paintable } = this.#ground;
    const bring = (encoder: GPUCommandEncoder): void => {
      terms.bring(encoder, index);
      sums.forEach(({ guide }) => guide?.bring(encoder, index));
      paintable?.bring(encoder, index);
      slots?.[kind]!.forEach((slot, i) => {
        encoder.copyBufferToBuffer(content.cores[index]![i]!, 0, slot.buffer!, 0, bytesOf(slot.shape));
      });
    };
    return [bring, cut, ...(cutContent ? [cutContent] : []), this.program.part(this.#backward + kind), back];
  }
}

/** The buffers of bands, with their rows. */
export function buffersOf({ rows, tensors }: Bands): (Rows & { readonly buffer: GPUBuffer })[] {
  return rows.map((band, i) => ({ ...band, buffer: tensors[i]!.buffer! }));
}
