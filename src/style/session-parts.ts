// What a session is built from, and what that gives.

import type { Belongings } from './belongings.ts';
import type { Moments } from './carry.ts';
import type { EvaluationParts } from './evaluation.ts';
import type { StyleTransferOptions } from './options.ts';
import type { Guidance } from './regions.ts';
import type { SessionPlan } from './session-plan.ts';
import type { Turned, Turns } from './turns.ts';
import type { Tiling } from './tiled-evaluation.ts';

/** How a session is to be built. */
export interface Fit {
  readonly tiling: Tiling | 'whole';
  /** Pairs that L-BFGS keeps, where memory allows fewer than asked for. */
  readonly history?: number;
  /** How activations are kept. Default f32. */
  readonly storage?: 'f32' | 'f16';
  /** Computes the first activation of the whole picture twice: memory for a few per cent of the arithmetic. */
  readonly recomputes?: true;
}

/** What a session is built from, every picture at its size. */
export interface SessionParts extends EvaluationParts {
  readonly preview: StyleTransferOptions['preview'];
  /** No more iterations than these will be asked for: L-BFGS then keeps no more history. */
  readonly maxIterations?: number;
  /** What a submit is expected to take, at most; default: as gpu/slicer.ts says. Infinity: an iteration is one submit. */
  readonly submitMilliseconds?: number;
  /** What the device has had, about, when it ran out of memory: less is taken. Found in building a session (replan.ts). */
  readonly deviceBytes?: number | undefined;
  /** Pairs that L-BFGS has to keep, whatever the memory: those of a checkpoint. */
  readonly history?: number | undefined;
  /** Takes what happened on the way. Default: `console.warn`. */
  readonly onWarning?: StyleTransferOptions['onWarning'];
  /** What masks and transparency say, worked out already. */
  readonly guidance?: Guidance;
  /** Adam's, of the coarser scale, at the size of the picture. */
  readonly moments?: Moments | undefined;
  /** How to go about it, decided already. Default: by `fitIteration` (fit.ts). */
  readonly fit?: Fit | undefined;
}

/** What iteration.ts does. */
export type BuildIteration = (parts: SessionParts, belongings: Belongings) => Promise<Iteration>;

/** What a session replays. The `belongings` that it was built with give it back. */
export interface Iteration extends Turned {
  /** What is painted and read, a buffer for each band: the average of the iterates where one is kept, else the image. */
  readonly shown: readonly GPUBuffer[];
  readonly texture: GPUTexture;
  readonly plan: SessionPlan;
  /** Gets all of it to the GPU. */
  readonly turns: Turns;
}
