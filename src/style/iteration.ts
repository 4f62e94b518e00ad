// One iteration of a session, put together: targets, loss on a tape, compiled program, optimiser, painters. It is a chunk of
// its own in bundles, and brings autograd, kernels and optimisers with it.

import { watchMemory } from '../gpu/buffers.ts';
import { loadChunk } from '../gpu/chunk.ts';
import { throwIfAborted } from '../gpu/errors.ts';
import { Slicer } from '../gpu/slicer.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Optimizer } from '../optim/index.ts';
import { createRule } from '../optim/rules.ts';
import type { Belongings } from './belongings.ts';
import { checkDemands, fitsLimits, wantedOf } from './demands.ts';
import { wholeEvaluation, type Evaluation } from './evaluation.ts';
import { makePainters } from './painters.ts';
import { guidanceOf } from './regions.ts';
import type { Fit, Iteration, SessionParts } from './session-parts.ts';
import { sessionPlan } from './session-plan.ts';
import { boxOf } from './space.ts';
import { Turns } from './turns.ts';

export { guidanceOf };

/**
 * Builds an iteration and waits for its pipelines. Whatever it makes goes into `belongings` at once: when a later step
 * throws, the caller gives all of it back. Throws `aborted` when the signal fires meanwhile.
 */
export async function buildIteration(parts: SessionParts, belongings: Belongings): Promise<Iteration> {
  const { device, helpers = [], vgg, options, pictures, preview, signal, start } = parts;
  const wanted = wantedOf(options);
  if (!parts.fit) checkDemands(device, vgg, pictures, wanted);
  const guidance = parts.guidance ?? (await guidanceOf(pictures, vgg.layers, wanted.style, options.maskMode));
  const fit = parts.fit ?? (await fitOf({ ...parts, guidance }));
  const { tiling, history, storage, recomputes } = fit;
  throwIfAborted(signal, 'StyleSession.create');
  const stored = { ...parts, storage, recomputes };
  const evaluation =
    tiling === 'whole'
      ? await wholeEvaluation(stored, guidance, belongings)
      : helpers.length === 0
        ? await (await import('./tiled-evaluation.ts')).tiledEvaluation(stored, guidance, tiling, belongings)
        : await (await import('./spread-evaluation.ts')).spreadEvaluation({ ...stored, helpers }, guidance, tiling, belongings);
  const { bands } = evaluation;
  const make = await optimizerOf(parts, evaluation, parts.history ?? history, belongings);
  const slicer = belongings.keep(new Slicer(device, 'slice'));
  const { width, height } = start;
  const { result, settled } = watchMemory(device, 'StyleSession.create', () => {
    const texture = device.createTexture({
      label: 'wgpu-style/picture',
      size: [width, height],
      format: 'rgba8unorm',
      usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC,
    });
    return { texture: belongings.keep(texture), optimizer: make() };
  });
  const { texture, optimizer } = result;
  // One after another: what is bound to memory that is not there was refused for that reason.
  for (const there of [evaluation.ready, optimizer.ready, settled]) await there;
  const shown = optimizer.average ?? bands.map(({ value }) => value.buffer!);
  const sources = bands.map(({ first, rows }, i) => {
    return { buffer: shown[i]!, width, height, first, rows, ...options.recipe.space };
  });
  const painters = await makePainters(device, sources, texture, preview, belongings);
  for (const { ready } of painters) await ready;
  throwIfAborted(signal, 'StyleSession.create');
  const plan = sessionPlan(evaluation, optimizer.cost, { ...fit, deviceBytes: parts.deviceBytes });
  const turns = belongings.keep(new Turns(device, { evaluation, optimizer, slicer, painters }, parts.submitMilliseconds));
  return { evaluation, optimizer, slicer, shown, texture, painters, plan, turns };
}

/** The whole picture where nothing speaks against it; all about tiles is in chunks of its own. */
async function fitOf(parts: SessionParts): Promise<Fit> {
  const { device, helpers = [], vgg, options, pictures } = parts;
  const isFree = (options.memoryLimit ?? parts.deviceBytes) === undefined && options.storage !== 'f16' && helpers.length === 0;
  const isWhole = isFree && fitsLimits(device, vgg, pictures, wantedOf(options));
  return isWhole ? { tiling: 'whole' } : (await import('./fit.ts')).fitIteration(parts, buildIteration);
}

/** Loads what the optimiser needs and gives what makes it. */
async function optimizerOf(
  { device, options, maxIterations, moments }: SessionParts,
  { bands, total }: Evaluation,
  history: number | undefined,
  belongings: Belongings,
): Promise<() => Optimizer> {
  const { recipe, averaging } = options;
  const isLess = options.optimizer.name === 'lbfgs' && history !== undefined;
  const optimizer = isLess ? { ...options.optimizer, history } : options.optimizer;
  const parameters = bands.map(({ value, gradient }) => {
    return { value: value.buffer!, gradient, floats: bytesOf(value.shape) / 4 };
  });
  // A chunk of its own: few runs have one.
  const average = averaging > 0 ? await loadChunk('StyleSession.create', import('../optim/average.ts')) : undefined;
  const carry = moments && (await import('./carry.ts'));
  return () => {
    const rule = createRule(device, parameters, optimizer, {
      range: recipe.space.scale,
      box: boxOf(recipe.space),
      clamps: recipe.clamp,
      loss: total,
      ...(maxIterations !== undefined && { maxIterations }),
    });
    const made = belongings.keep(average ? average.averaged(device, parameters, rule, averaging) : rule);
    carry?.giveMoments(device, made, bands, moments!);
    return made;
  };
}
