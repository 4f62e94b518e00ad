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
  /** Set where activations take half the memory: see `storage`. */
  readonly storage?: 'f16';
}

/** The plan of a session from its two halves. */
export function sessionPlan(
  { cost, tiles }: Evaluation,
  optimizer: OptimizerCost,
  { history, storage }: { readonly history?: number; readonly storage?: 'f32' | 'f16' } = {},
): SessionPlan {
  const { dispatches, flops, bytes, arenaBytes, foldedBytes } = cost;
  return {
    dispatches: dispatches + optimizer.dispatches,
    flops: flops + optimizer.flops,
    bytesMoved: bytes + optimizer.bytes,
    bytes: { arena: arenaBytes - foldedBytes, folded: foldedBytes, optimizer: optimizer.stateBytes },
    ...(tiles && { tiles }),
    ...(history !== undefined && { history }),
    ...(storage === 'f16' && { storage }),
  };
}

/** What the user should know about how a session is built; undefined where it is as was asked for. */
export function planWarning({ history, bytes }: SessionPlan): string | undefined {
  if (history === undefined) return undefined;
  const size = `${(bytes.optimizer / 2 ** 20).toFixed(0)} MiB`;
  return `memoryLimit: L-BFGS keeps ${history} pairs of pictures (${size}), fewer than asked for; adam needs far less memory`;
}

/** Tells whoever wants warnings; the console, where nobody does. */
export function warn({ onWarning }: { readonly onWarning?: (message: string) => void }, message: string): void {
  if (onWarning) onWarning(message);
  else console.warn(message); // eslint-disable-line no-console
}
