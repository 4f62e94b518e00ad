// Programs of several parts: pieces that are replayed one by one, in any order and as often as wanted, in one arena. A part
// may begin its reverse pass at given cotangents instead of a loss, and what it needs of the network's constants is made
// once for all parts.

import type { Dispatch } from '../gpu/dispatch.ts';
import type { Storage } from '../gpu/storage.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { Lifetime } from './arena.ts';
import { buildPlan, type Plan } from './graph.ts';
import { placeOf, type Tensor } from './tensor.ts';

/** One piece of a program; see {@link Tape.compileParts}. */
export interface Part {
  /** Tensors whose values stay from this part's run to its next. */
  readonly outputs?: readonly Tensor[];
  /** Tensors whose values last to the end of the part: for `then`. */
  readonly results?: readonly Tensor[];
  /** Where the reverse pass begins: for each y the tensor that holds dL/dy by then. No y leads to another. */
  readonly cotangents?: ReadonlyMap<Tensor, Tensor>;
  /** Whose gradients are wanted; they last to the end of the part, or stay like outputs with `keepsGradients`. */
  readonly wrt?: readonly Tensor[];
  readonly keepsGradients?: boolean;
  /** Further dispatches at the end, over variables and what the part has kept. */
  readonly then?: (gradient: (x: Tensor) => Tensor) => readonly Dispatch<Tensor>[];
}

/** A part ready for placement. */
export interface PlannedPart {
  readonly dispatches: readonly Dispatch<Tensor>[];
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** Outputs: they stay. */
  readonly stays: ReadonlySet<Tensor>;
  /** All that lasts to the end of the part. */
  readonly kept: ReadonlySet<Tensor>;
}

/** All parts of a program, and what is computed from constants for all of them. */
export interface PartsPlan {
  readonly once: readonly Dispatch<Tensor>[];
  readonly parts: readonly PlannedPart[];
  readonly foldedFrom: readonly Tensor[];
  /** Values that take two bytes an element, and how; the others are f32. */
  readonly storage: ReadonlyMap<Tensor, Storage>;
}

/** Bytes of a tensor in a program's memory. */
export function storedBytes({ storage }: Pick<PartsPlan, 'storage'>, tensor: Tensor): number {
  return bytesOf(tensor.shape) / (storage.has(tensor) ? 2 : 1);
}

/** The plan of a program with one part, whose results are there until it runs again. */
export function wholePlan(plan: Plan, outputs: readonly Tensor[]): PartsPlan {
  const { once, always, gradients, foldedFrom } = plan;
  const kept = new Set([...outputs, ...gradients.values()]);
  return { once, parts: [{ dispatches: always, gradients, stays: kept, kept }], foldedFrom, storage: new Map() };
}

/** Plans each part, and makes constants that several of them derive alike (rotated weights, say) once. */
export function planParts(parts: readonly Part[]): PartsPlan {
  const once: Dispatch<Tensor>[] = [];
  const foldedFrom = new Set<Tensor>();
  const shared = new Sharing();
  const planned = parts.map((part): PlannedPart => {
    const { outputs = [], results = [], cotangents = new Map<Tensor, Tensor>(), wrt = [], keepsGradients = false, then } = part;
    const plan = buildPlan({ outputs: [...outputs, ...results], cotangents, wrt, isPull: true });
    for (const tensor of plan.foldedFrom) foldedFrom.add(tensor);
    once.push(...shared.newOf(plan.once));
    const more = then?.((x) => plan.gradients.get(x)!) ?? [];
    return {
      dispatches: [...plan.always.map((dispatch) => shared.renamed(dispatch)), ...more],
      gradients: plan.gradients,
      stays: new Set([...outputs, ...(keepsGradients ? plan.gradients.values() : [])]),
      kept: new Set([...outputs, ...results, ...plan.gradients.values()]),
    };
  });
  return { once, parts: planned, foldedFrom: [...foldedFrom], storage: new Map() };
}

/** Knows which constants were derived already, by what they were derived from and how. */
class Sharing {
  readonly #known = new Map<string, readonly Tensor[]>();
  readonly #names = new Map<Tensor, number>();
  readonly #sameAs = new Map<Tensor, Tensor>();

  /** Those of `dispatches` that compute something new. */
  newOf(dispatches: readonly Dispatch<Tensor>[]): Dispatch<Tensor>[] {
    // What is written several times (the steps of a root go to and fro between two tensors) is no constant by its name.
    const writes = new Map<Tensor, number>();
    for (const { outputs } of dispatches) {
      for (const tensor of outputs) writes.set(tensor, (writes.get(tensor) ?? 0) + 1);
    }
    const isFixed = (tensor: Tensor): boolean => (writes.get(tensor) ?? 0) <= 1;
    return dispatches.flatMap((given) => {
      const dispatch = this.renamed(given);
      if (dispatch.updates || ![...given.inputs, ...given.outputs].every(isFixed)) return [dispatch];
      const key = this.#keyOf(dispatch);
      const known = this.#known.get(key);
      if (!known) {
        this.#known.set(key, dispatch.outputs);
        return [dispatch];
      }
      dispatch.outputs.forEach((tensor, i) => this.#sameAs.set(tensor, known[i]!));
      return [];
    });
  }

  /** The same dispatch, reading the first of equal constants. */
  renamed(dispatch: Dispatch<Tensor>): Dispatch<Tensor> {
    if (!dispatch.inputs.some((tensor) => this.#sameAs.has(tensor))) return dispatch;
    return { ...dispatch, inputs: dispatch.inputs.map((tensor) => this.#sameAs.get(tensor) ?? tensor) };
  }

  #keyOf({ shader, entryPoint, constants, params, inputs, outputs, workgroups }: Dispatch<Tensor>): string {
    const names = inputs.map((tensor) => {
      if (!this.#names.has(tensor)) this.#names.set(tensor, this.#names.size);
      return this.#names.get(tensor);
    });
    const shapes = outputs.map(({ shape }) => shape);
    return JSON.stringify([shader.name, entryPoint, constants, [...params.words], names, shapes, workgroups]);
  }
}

interface Span {
  first: number;
  last: number;
  /** The only part that names it; -1 for constants, and where there are several. */
  part: number;
  readonly reads: Set<number>;
  readonly writes: Set<number>;
}

const ONCE = -1;

/** Lifetimes over `once` and then every part. What must survive a part, since another needs it, lives throughout. */
export function valueLifetimes(plan: PartsPlan): {
  readonly tensors: readonly Tensor[];
  readonly lifetimes: readonly Lifetime[];
  /** Bytes of constants that were derived from constants. */
  readonly foldedBytes: number;
} {
  const { once, parts } = plan;
  const spans = new Map<Tensor, Span>();
  let at = 0;
  const visit = (dispatches: readonly Dispatch<Tensor>[], part: number): void => {
    for (const { inputs, outputs } of dispatches) {
      for (const [tensors, use] of [[inputs, 'reads'], [outputs, 'writes']] as const) {
        for (const tensor of tensors) {
          if (tensor.buffer) continue;
          const place = placeOf(tensor);
          const span = spans.get(place) ?? { first: at, last: at, part, reads: new Set(), writes: new Set() };
          spans.set(place, span);
          if (span.part !== part && span.part !== ONCE) span.part = NaN;
          span.last = at;
          span[use].add(at);
        }
      }
      at++;
    }
  };
  visit(once, ONCE);
  const ends = parts.map(({ dispatches }, part) => {
    visit(dispatches, part);
    return at - 1;
  });
  const stays = new Set(parts.flatMap((part) => [...part.stays]));
  const endOf = new Map<Tensor, number>();
  parts.forEach(({ kept }, i) => kept.forEach((tensor) => endOf.set(tensor, ends[i]!)));
  let foldedBytes = 0;
  for (const [tensor, span] of spans) {
    // A folded constant that a run reads must outlive every run; results are read after the run. Before their first
    // dispatch both may share memory with what `once` alone uses: whatever writes there is always followed by their own
    // dispatches.
    const folded = span.part === ONCE && span.last >= once.length;
    if (folded) foldedBytes += bytesOf(tensor.shape);
    if (folded || (parts.length === 1 && stays.has(tensor))) span.last = at;
    else if (stays.has(tensor) || Number.isNaN(span.part)) {
      // Parts run in any order: what another one left must not be written over by this one's first dispatches either.
      span.first = Math.min(span.first, once.length);
      span.last = at;
    } else span.last = Math.max(span.last, endOf.get(tensor) ?? span.last);
  }
  const kept = new Set(parts.flatMap((part) => [...part.kept]));
  const tensors = [...spans.keys()];
  const lifetimes = tensors.map((tensor) => ({
    bytes: storedBytes(plan, tensor),
    isResult: kept.has(tensor),
    ...spans.get(tensor)!,
  }));
  return { tensors, lifetimes, foldedBytes };
}
