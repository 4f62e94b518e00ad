// What one iteration of a session costs, known before it runs.

import type { OptimizerCost } from '../optim/index.ts';
import type { Evaluation } from './evaluation.ts';
import type { TilePlan } from './tile-grid.ts';

export type { TilePlan } from './tile-grid.ts';

/** Work and memory of a session, known before it runs. */
export interface SessionPlan {
  /** Dispatches of one iteration: loss, gradient, update. */
  readonly dispatches: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /**
   * GPU memory by purpose: activations, gates, gradients and partial sums; constants that are computed from the network's
   * weights once (for the reverse pass); the optimiser's state.
   */
  readonly bytes: { readonly arena: number; readonly folded: number; readonly optimizer: number };
  /** Absent where the whole picture is worked on at once. */
  readonly tiles?: TilePlan;
  /** Pairs that L-BFGS keeps, where `memoryLimit` allows fewer than asked for. */
  readonly history?: number;
  /**
   * Set where the device ran out of memory and the session, or that of a coarser scale, was planned again: bytes that are not
   * exceeded since then.
   */
  readonly deviceBytes?: number;
  /** Set where the first activation is computed twice, so that the whole picture fits. */
  readonly recomputes?: true;
  /** Set where activations take half the memory: see `storage`. */
  readonly storage?: 'f16';
}

/** What was chosen for a session with the memory there is. */
interface Chosen {
  readonly history?: number;
  readonly storage?: 'f32' | 'f16';
  readonly recomputes?: true;
  readonly deviceBytes?: number | undefined;
}

/** The plan of a session from its two halves, and what was chosen for it. */
export function sessionPlan(
  { cost, tiles }: Evaluation,
  optimizer: OptimizerCost,
  { history, storage, recomputes, deviceBytes }: Chosen = {},
): SessionPlan {
  const { dispatches, flops, bytes, arenaBytes, foldedBytes } = cost;
  return {
    dispatches: dispatches + optimizer.dispatches,
    flops: flops + optimizer.flops,
    bytesMoved: bytes + optimizer.bytes,
    bytes: { arena: arenaBytes - foldedBytes, folded: foldedBytes, optimizer: optimizer.stateBytes },
    ...(tiles && { tiles }),
    ...(history !== undefined && { history }),
    ...(deviceBytes !== undefined && { deviceBytes }),
    ...(storage === 'f16' && { storage }),
    ...(recomputes && { recomputes }),
  };
}
