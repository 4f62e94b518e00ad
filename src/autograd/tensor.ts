// Tensors, and what a recorded operation is. No memory here and no GPU: a tensor is a shape with a name until
// `compile` places it.

import type { Dispatch } from '../gpu/dispatch.ts';
import type { Shape } from '../kernels/shape.ts';

/**
 * variable  has memory of its own and may change between runs: an image, trainable weights
 * constant  has memory of its own and rarely changes: frozen weights, targets; what depends on constants alone is
 *           computed once, not in every run
 * value     the result of an op, a gradient or scratch: lives in a program's arena
 */
export type TensorKind = 'variable' | 'constant' | 'value';

/** A handle to numbers of a shape. Values appear when a program that computes them has run. */
export class Tensor {
  readonly shape: Shape;
  readonly kind: TensorKind;
  /** For labels, debug groups and messages. */
  readonly label: string;
  /** The op that makes it; absent for variables and constants. */
  op: Op | undefined;
  /** Memory of a variable or constant; a value has none of its own. */
  buffer: GPUBuffer | undefined;
  /** Counts writes to a constant, so that programs know when to fold anew. */
  version = 0;
  /** True for gradients of tensors; not for other scratch of a reverse pass. */
  isGradient = false;
  /** Set where a value has no memory of its own but lies in another, `offset` bytes from its start. */
  within: { readonly tensor: Tensor; readonly offset: number } | undefined;

  constructor(kind: TensorKind, shape: Shape, label: string) {
    this.kind = kind;
    this.shape = shape;
    this.label = label;
  }
}

/** The tensor whose memory a tensor is in. */
export function placeOf(tensor: Tensor): Tensor {
  return tensor.within?.tensor ?? tensor;
}

/** Makes a temporary tensor for partial results. */
export type Scratch = (shape: Shape, label?: string) => Tensor;

/** What a backward rule sees: the op's result, dL/dY, and where to put dL/dX (or add to it). */
export interface Flow {
  readonly y: Tensor;
  readonly dY: Tensor;
  readonly dX: Tensor;
  /** True when dX already holds another term: the rule must add. */
  readonly accumulate: boolean;
  readonly scratch: Scratch;
}

/** The vector-Jacobian product of an op with respect to one input: dX (+)= dY · ∂y/∂x, as dispatches. */
export type BackwardRule = (flow: Flow) => readonly Dispatch<Tensor>[];

/** What an op does to its first input, where that says all: an op before it may do it as well. */
export type Step =
  | { readonly kind: 'relu' }
  /** 2x2 windows, without padding. */
  | { readonly kind: 'pool'; readonly pool: 'max' | 'average' }
  /** Σ (x − target)² times `factor`. */
  | { readonly kind: 'squared distance'; readonly factor: number; readonly target: Tensor };

/** One recorded operation: how to compute it, and beside it how a gradient flows back to each input. */
export interface OpDescription {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly shape: Shape;
  readonly forward: (y: Tensor, scratch: Scratch) => readonly Dispatch<Tensor>[];
  /** One rule per input, in order; `undefined` where the op does not differentiate (a max-pool has no weights, say). */
  readonly backward: readonly (BackwardRule | undefined)[];
  /** Turns dL/dy into what every rule gets as dY, once: through the gate of a ReLU that was joined, say. */
  readonly incoming?: (dY: Tensor, scratch: Scratch) => { readonly dY: Tensor; readonly dispatches: readonly Dispatch<Tensor>[] };
  /**
   * Result and gradient with respect to the only input in one pass, at the place of the reverse pass: where nobody wants
   * the result before.
   */
  readonly together?: BackwardRule;
  /** Set for a number or a small matrix about a large input: computed as soon as the input is there. */
  readonly isSummary?: boolean;
  readonly step?: Step;
  /**
   * This op and `next`, which alone reads its result, as one op; undefined where no kernel does both. `flows` tells
   * whether a gradient is wanted of a tensor.
   */
  readonly join?: (next: Op & { readonly step: Step }, flows: (tensor: Tensor) => boolean) => OpDescription | undefined;
}

/** An {@link OpDescription} on the tape. */
export interface Op extends OpDescription {
  readonly output: Tensor;
  /** Position on the tape: inputs always have smaller indices. */
  readonly index: number;
}
