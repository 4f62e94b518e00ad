// A value that is computed again for the reverse pass instead of being kept until then: the largest that next to no
// arithmetic makes from what is there anyway, as a network's first activation from its image. The same dispatch, on the same
// inputs: in f32 results are the same to the bit. With storage f16 the value and its copy are tensors of their own, and what touches
// each decides whether that is stored as half floats (store.ts): where only one of them is, they differ by that rounding.

import type { Dispatch } from '../gpu/dispatch.ts';
import { bytesOf } from '../kernels/shape.ts';
import type { indexBy } from './fuse.ts';
import type { PartsPlan, PlannedPart } from './parts.ts';
import type { Tensor } from './tensor.ts';

/** The share of a part's arithmetic that may be done twice. */
const SHARE = 0.05;

/** A value that may be made anew before dispatch `at`, by the dispatches `makers`. */
interface Candidate {
  readonly tensor: Tensor;
  readonly at: number;
  readonly makers: readonly number[];
}

/**
 * The same plan, in which one value of each part is not kept from the dispatches that use it first to those that use it last.
 * `index` is handed in: this is a chunk of its own, and shares nothing with the tape's that would have to be split off from that.
 */
export function recomputing(plan: PartsPlan, index: typeof indexBy): PartsPlan {
  return { ...plan, parts: plan.parts.map((part) => ({ ...part, dispatches: withLateCopy(part, index) })) };
}

function withLateCopy(part: PlannedPart, index: typeof indexBy): readonly Dispatch<Tensor>[] {
  const { dispatches } = part;
  const [best] = candidatesIn(part, index).sort((a, b) => bytesOf(b.tensor.shape) - bytesOf(a.tensor.shape));
  if (!best) return dispatches;
  const copies = new Map<Tensor, Tensor>();
  for (const output of best.makers.flatMap((maker) => dispatches[maker]!.outputs)) {
    copies.set(output, { ...output, label: `${output.label} again` });
  }
  const late = (tensor: Tensor): Tensor => copies.get(tensor) ?? tensor;
  const again = best.makers.map((maker): Dispatch<Tensor> => {
    const { label, inputs, outputs, ...rest } = dispatches[maker]!;
    return { ...rest, label: `${label} again`, inputs: inputs.map(late), outputs: outputs.map(late) };
  });
  const after = dispatches.slice(best.at).map((dispatch) => ({ ...dispatch, inputs: dispatch.inputs.map(late) }));
  return [...dispatches.slice(0, best.at), ...again, ...after];
}

function candidatesIn({ dispatches, kept }: PlannedPart, index: typeof indexBy): Candidate[] {
  const writers = index(dispatches, ({ outputs }) => outputs);
  const readers = index(dispatches, ({ inputs }) => inputs);
  const isLone = (tensor: Tensor): boolean => !kept.has(tensor) && !tensor.within && writers.get(tensor)!.length === 1;
  /** What makes a tensor from variables and constants; undefined where something of it cannot be done twice. */
  const makersOf = (tensor: Tensor): readonly number[] | undefined => {
    const [maker] = writers.get(tensor) ?? [];
    if (maker === undefined) return [];
    const { inputs, outputs, updates } = dispatches[maker]!;
    if (updates || !outputs.every(isLone)) return undefined;
    const before = inputs.map(makersOf);
    return before.includes(undefined) ? undefined : [...new Set([...before.flatMap((list) => list!), maker])];
  };
  const flopsOf = (list: readonly number[]): number => list.reduce((sum, i) => sum + dispatches[i]!.cost.flops, 0);
  const most = SHARE * flopsOf(dispatches.map((_, i) => i));
  const candidates: Candidate[] = [];
  for (const [tensor, reads] of readers) {
    if (tensor.kind !== 'value' || !writers.has(tensor) || !isLone(tensor)) continue;
    const uses = [writers.get(tensor)![0]!, ...reads];
    // Unused for most of the part.
    const at = reads.find((read, i) => read - uses[i]! > dispatches.length / 2);
    const makers = at === undefined ? undefined : makersOf(tensor);
    if (makers && flopsOf(makers) <= most) candidates.push({ tensor, at: at!, makers });
  }
  return candidates;
}
