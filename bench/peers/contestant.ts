// What takes part in a race: one step, or one forward pass, of one library on one problem. Ours and the peers meet the
// same face, so that all are timed by the same code.

import type { Terms } from '../harness/rows.ts';
import type { Subject } from '../harness/sampling.ts';
import type { StepProblem } from '../problem/problem.ts';

/** A library that solves the step problem. */
export interface StepContestant {
  /** Terms of the loss at the picture as it stands, before the next update. */
  terms(): Promise<Terms>;
  /** n iterations, one after another; resolves when the GPU is done. Nothing is read back. */
  iterate(n: number): Promise<void>;
  destroy(): void;
  readonly facts?: Readonly<Record<string, number | string>>;
}

/** A library that computes relu5_1 of the start picture. */
export interface ForwardContestant {
  /** n passes; resolves when the GPU is done. */
  run(n: number): Promise<void>;
  /** The activations, [h, w, c] row-major. */
  features(): Promise<ArrayLike<number>>;
  destroy(): void;
}

/** A library. */
export interface Peer {
  readonly name: string;
  /** Version, for the report. */
  readonly version: string;
  /** What its adapter calls itself, where it tells; must be ours. */
  readonly adapter?: string;
  readonly step?: (problem: StepProblem) => Promise<StepContestant>;
  readonly forward?: (problem: StepProblem) => Promise<ForwardContestant>;
}

/** What a peer is loaded with: only the host knows where things lie. */
export interface PeerSurroundings {
  /** Folder of onnxruntime-web's WebAssembly files, as an address that ends in a slash; undefined in Node. */
  readonly wasmPaths: string | undefined;
}

/** Wall time of `run`. */
export function wallSubject(run: (count: number) => Promise<void>): Subject {
  return {
    isStamped: false,
    time: async (count) => {
      const started = performance.now();
      await run(count);
      return performance.now() - started;
    },
  };
}
