// One iteration of a session, put together: targets, loss on a tape, compiled program, optimiser, painters. It is a chunk of
// its own in bundles, and brings autograd, kernels and optimisers with it.

import { Tape, type Program, type Tensor } from '../autograd/index.ts';
import { destroyBuffer } from '../gpu/buffers.ts';
import { badOption, throwIfAborted } from '../gpu/errors.ts';
import { Slicer } from '../gpu/slicer.ts';
import type { Pixels, Preview } from '../image/index.ts';
import { bytesOf } from '../kernels/shape.ts';
import { createOptimizer, type Optimizer } from '../optim/index.ts';
import type { Vgg } from '../vgg/index.ts';
import type { Belongings } from './belongings.ts';
import { checkDemands, wantedOf } from './demands.ts';
import { termWeights } from './losses.ts';
import type { ResolvedOptions, StyleTransferOptions } from './options.ts';
import { networkOf, seamless } from './network.ts';
import { makePainters } from './painters.ts';
import type { ScaledPictures } from './prepare.ts';
import { regionsOf } from './regions.ts';
import { sessionPlan, type SessionPlan } from './session-plan.ts';
import { boxOf, toSpace } from './space.ts';
import { contentTargets, edgeTargets, styleTargets } from './targets.ts';
import { buildTerms, type Term } from './terms.ts';

/** Everything that a session is built from, decoded and sized. */
export interface SessionParts {
  readonly device: GPUDevice;
  readonly vgg: Vgg;
  readonly options: ResolvedOptions;
  readonly pictures: ScaledPictures;
  readonly start: Pixels;
  readonly preview: StyleTransferOptions['preview'];
  /** No more iterations than these will be asked for: L-BFGS then keeps no more history. */
  readonly maxIterations?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a session replays. `belongings` of {@link buildIteration} gives it back. */
export interface Iteration {
  readonly tape: Tape;
  readonly image: Tensor;
  readonly terms: readonly Term[];
  /** The numbers before the terms, and the terms times them. */
  readonly weights: Tensor;
  readonly weighed: Tensor;
  readonly program: Program;
  readonly optimizer: Optimizer;
  /** Records both in slices, where that is wanted. */
  readonly slicer: Slicer;
  /** What is painted and read: the average of the iterates where one is kept, else the image. */
  readonly shown: GPUBuffer;
  readonly texture: GPUTexture;
  readonly painters: readonly Preview[];
  readonly plan: SessionPlan;
}

/**
 * Builds an iteration and waits for its pipelines. Whatever it makes goes into `belongings` at once: when a later step
 * throws, the caller gives all of it back. Throws `aborted` when the signal fires meanwhile.
 */
export async function buildIteration(parts: SessionParts, belongings: Belongings): Promise<Iteration> {
  const { device, options, preview, signal } = parts;
  const { recipe } = options;
  const { tape, image, terms } = await buildLoss(parts, belongings);
  const weights = tape.constant([terms.length], termWeights(terms, options.weights), 'term weights');
  const weighed = tape.weigh(
    terms.map(({ value }) => value),
    weights,
  );
  const total = tape.sum(weighed);
  const program = belongings.keep(tape.compile([total, weighed], [image]));
  const optimizer = belongings.keep(makeOptimizer(parts, image, program, program.buffer(total)));
  const slicer = belongings.keep(new Slicer(device, 'slice'));
  const shown = optimizer.average ?? image.buffer!;
  const [height, width] = image.shape as [number, number, number];
  const texture = belongings.keep(
    device.createTexture({
      label: 'wgpu-style/picture',
      size: [width, height],
      format: 'rgba8unorm',
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC,
    }),
  );
  const source = { buffer: shown, width, height, ...recipe.space };
  const painters = await makePainters(device, source, texture, preview, belongings);
  await Promise.all([program.ready, optimizer.ready]);
  throwIfAborted(signal, 'StyleSession.create');
  const plan = sessionPlan(program.cost, optimizer.cost);
  return { tape, image, terms, weights, weighed, program, optimizer, slicer, shown, texture, painters, plan };
}

/** The picture as a variable on a new tape, and the terms of the loss at it. */
async function buildLoss(
  { device, vgg, options, pictures, start, signal }: SessionParts,
  belongings: Belongings,
): Promise<Pick<Iteration, 'tape' | 'image' | 'terms'>> {
  const { recipe, pooling, weights } = options;
  const wanted = wantedOf(options);
  const tv = weights.tvWeight > 0 ? recipe.tv : { ...recipe.tv, weight: 0 };
  checkDemands(device, vgg, pictures, wanted);
  const tape = belongings.keep(new Tape(device));
  const network = networkOf(vgg, recipe);
  // Styles need not tile: their own borders are no neighbours.
  const styled = { vgg: network, pooling, space: recipe.space, wraps: false };
  const request = options.seamless ? { ...styled, vgg: seamless(network), wraps: true } : styled;
  const hold = (buffer: GPUBuffer): void => void belongings.keep({ destroy: () => destroyBuffer(buffer) });
  const content = await contentTargets(tape, pictures.content, wanted.content, request, hold);
  throwIfAborted(signal, 'StyleSession.create');
  const edges = await edgeTargets(tape, pictures.content, wanted.edges, request);
  const regions = await regionsOf(pictures, vgg.layers, wanted.style, options.maskMode);
  const style = await styleTargets(tape, regions, wanted.parts, recipe.style, styled);
  throwIfAborted(signal, 'StyleSession.create');
  const image = tape.variable([start.height, start.width, 3], toSpace(start, recipe.space), 'image');
  const targets = { content, edges, style };
  const seen = await paintable(tape, image, pictures);
  const terms = buildTerms(tape, seen, { ...recipe, tv }, options.contentLayers, targets, request);
  if (terms.length > 0) return { tape, image, terms };
  throw badOption('styleTransfer', 'every term of the loss is switched off', 'Give some layer a weight above 0');
}

/** The picture as the loss sees it: outside of the update mask no gradient comes back, so that nothing moves there. */
async function paintable(tape: Tape, image: Tensor, { updateMask }: ScaledPictures): Promise<Tensor> {
  if (!updateMask) return image;
  const { planeOf } = await import('./masks.ts');
  const [h, w] = image.shape as [number, number, number];
  const mask = planeOf(updateMask, w, h).values.map((value) => (value > 0 ? 1 : 0));
  return tape.maskGradient(image, tape.constant([h, w, 1], mask, 'update mask'));
}

function makeOptimizer(
  { device, options, maxIterations }: SessionParts,
  image: Tensor,
  program: Program,
  loss: GPUBuffer,
): Optimizer {
  const { recipe, optimizer, averaging } = options;
  const parameter = {
    value: image.buffer!,
    gradient: program.gradientBuffer(image),
    floats: bytesOf(image.shape) / 4,
  };
  return createOptimizer(device, [parameter], optimizer, {
    range: recipe.space.scale,
    box: boxOf(recipe.space),
    clamps: recipe.clamp,
    loss,
    averaging,
    ...(maxIterations !== undefined && { maxIterations }),
  });
}
