// What one iteration of a session costs, known before it runs.

import type { OptimizerCost } from '../optim/index.ts';
import type { Evaluation } from './evaluation.ts';

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
}

/** The plan of a session from the costs of its two halves. */
export function sessionPlan(program: Evaluation['cost'], optimizer: OptimizerCost): SessionPlan {
  const { dispatches, flops, bytes, arenaBytes, foldedBytes } = program;
  return {
    dispatches: dispatches + optimizer.dispatches,
    flops: flops + optimizer.flops,
    bytesMoved: bytes + optimizer.bytes,
    bytes: { arena: arenaBytes - foldedBytes, folded: foldedBytes, optimizer: optimizer.stateBytes },
  };
}
