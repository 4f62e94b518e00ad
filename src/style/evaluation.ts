// Loss and gradient of a picture, as something that is recorded again and again: what a session iterates. There are two
// kinds: the whole picture as one program (here), and tile by tile (tiled-evaluation.ts).

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { badOption, throwIfAborted } from '../gpu/errors.ts';
import type { Pixels } from '../image/index.ts';
import type { Work } from '../gpu/slicer.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Vgg } from '../vgg/index.ts';
import type { Belongings } from './belongings.ts';
import { wantedOf, type Wanted } from './demands.ts';
import { termWeights } from './losses.ts';
import { networkOf, seamless, type FeatureRequest } from './network.ts';
import type { ResolvedOptions } from './options.ts';
import type { ScaledPictures } from './prepare.ts';
import type { Guidance } from './regions.ts';
import { toSpace } from './space.ts';
import { contentTargets, edgeTargets, styleTargets } from './targets.ts';
import type { TilePlan } from './tile-grid.ts';
import { buildTerms, type WeighedTerm } from './terms.ts';

/** Rows of the picture that lie in one buffer: all of them, unless that would be larger than a binding may be. */
export interface Band {
  /** Index of the first row. */
  readonly first: number;
  readonly rows: number;
  /** [rows, width, 3], the variable. */
  readonly value: Tensor;
  readonly gradient: GPUBuffer;
}

/** What is recorded, and where its results are. */
export interface Evaluation {
  readonly tape: Tape;
  readonly terms: readonly WeighedTerm[];
  readonly bands: readonly Band[];
  /** The terms times their weights, one behind the other; and their sum, a scalar. */
  readonly weighed: GPUBufferBinding;
  readonly total: GPUBuffer;
  readonly ready: Promise<void>;
  readonly cost: Pick<Program['cost'], 'dispatches' | 'flops' | 'bytes' | 'arenaBytes' | 'foldedBytes'>;
  /** The tiles that it goes through; absent where it looks at the whole picture at once. */
  readonly tiles?: TilePlan;
  /** True where the work has meetings: it cannot be recorded into a caller's encoder. */
  readonly isSpread?: boolean;
  /** Loss and gradient at the picture as it stands: work to be recorded, at once or piece by piece, in order. */
  next(): readonly Work[];
  /** What {@link next} gave last is not recorded to its end. */
  breakOff(): void;
  /** Replaces the weights of the terms, in their order. */
  setWeights(weights: readonly number[]): void;
}

/** What an evaluation is built from. */
export interface EvaluationParts {
  readonly device: GPUDevice;
  /** Devices that share the work on tiles. */
  readonly helpers?: readonly GPUDevice[];
  readonly vgg: Vgg;
  readonly options: ResolvedOptions;
  readonly pictures: ScaledPictures;
  readonly start: Pixels;
  readonly signal?: AbortSignal | undefined;
  /** How activations are kept; decided by `fitIteration`. Default f32. */
  readonly storage?: 'f32' | 'f16' | undefined;
  /** Whether the whole picture's first activation is computed twice rather than kept; likewise. */
  readonly recomputes?: true | undefined;
}

/** How the features of styles are had: these need not be seamless, their own borders are no neighbours. */
export function requestOf({ vgg, options, storage }: Pick<EvaluationParts, 'vgg' | 'options' | 'storage'>): FeatureRequest {
  const { recipe, pooling } = options;
  return { vgg: networkOf(vgg, recipe), network: vgg, pooling, space: recipe.space, wraps: false, storage };
}

/** The recipe's total variation, or none where the caller switched it off. */
export function variationOf({ recipe, weights }: ResolvedOptions): ResolvedOptions['recipe']['tv'] {
  return weights.tvWeight > 0 ? recipe.tv : { ...recipe.tv, weight: 0 };
}

/** Throws `bad-option` where there is nothing to minimise. */
export function checkTerms(count: number): void {
  if (count > 0) return;
  throw badOption('styleTransfer', 'every term of the loss is switched off', 'Give some layer a weight above 0');
}

/** The whole picture in one program. `belongings` gives it back. Throws `aborted` when the signal fires meanwhile. */
export async function wholeEvaluation(
  parts: EvaluationParts,
  { regions, paintable }: Guidance,
  belongings: Belongings,
): Promise<Evaluation> {
  const { device, options, pictures, start, signal, storage = 'f32' } = parts;
  const { recipe } = options;
  const wanted: Wanted = wantedOf(options);
  const rewrite = parts.recomputes && (await import('../autograd/recompute.ts')).recomputing;
  const tape = belongings.keep(new Tape(device, { storage, rewrite }));
  const styled = requestOf(parts);
  const request = options.seamless ? { ...styled, vgg: seamless(styled.vgg), wraps: true } : styled;
  const hold = (buffer: GPUBuffer): void => void belongings.keep({ destroy: () => destroyBuffer(buffer) });
  const content = await contentTargets(tape, pictures.content, wanted.content, request, hold);
  throwIfAborted(signal, 'StyleSession.create');
  const edges = await edgeTargets(tape, pictures.content, wanted.edges, request);
  const style = await styleTargets(tape, regions, wanted.parts, recipe.style, styled);
  throwIfAborted(signal, 'StyleSession.create');
  const image = tape.variable([start.height, start.width, 3], toSpace(start, recipe.space), 'image');
  const targets = { content, edges, style };
  const { width, height } = start;
  // Outside of the update mask no gradient comes back, so that nothing moves there.
  const seen = paintable ? tape.maskGradient(image, tape.constant([height, width, 1], paintable.values, 'update mask')) : image;
  const terms = buildTerms(tape, seen, { ...recipe, tv: variationOf(options) }, options.contentLayers, targets, request);
  checkTerms(terms.length);
  const weights = tape.constant([terms.length], termWeights(terms, options.weights), 'term weights');
  const weighed = tape.weigh(
    terms.map(({ value }) => value),
    weights,
  );
  const total = tape.sum(weighed);
  const program = belongings.keep(tape.compile([total, weighed], [image]));
  return {
    tape,
    terms,
    bands: [{ first: 0, rows: start.height, value: image, gradient: program.gradientBuffer(image) }],
    weighed: { buffer: program.buffer(weighed), size: bytesOf(weighed.shape) },
    total: program.buffer(total),
    ready: program.ready,
    cost: program.cost,
    next: () => program.next(),
    breakOff: () => program.breakOff(),
    setWeights: (values) => tape.write(weights, values),
  };
}
