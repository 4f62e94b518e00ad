// A peephole over dispatches: a loss of many terms is a weighted vector of sums, each of which ends with a dispatch of one
// workgroup that adds up its partial sums. Where nothing else reads them, the partial sums of all terms are laid side by
// side, and one dispatch adds them up, weighs them and adds the result up.

import type { Dispatch } from '../gpu/dispatch.ts';
import { vectorsOf } from '../kernels/shape.ts';
import { MOST_SUMS, weighSums, type PartialSum } from '../kernels/weigh.ts';
import { indexBy } from './fuse.ts';
import { Tensor } from './tensor.ts';

/** Offsets of bindings are multiples of this: 256 bytes, the default of `minStorageBufferOffsetAlignment`. */
const ALIGNED_VECTORS = 16;

/** The same work with each weighted vector of sums made by one dispatch, where all its terms are such sums. */
export function gatherSums(
  dispatches: readonly Dispatch<Tensor>[],
  kept: ReadonlySet<Tensor>,
): Dispatch<Tensor>[] {
  const gathered: (Dispatch<Tensor> | undefined)[] = [...dispatches];
  const writers = indexBy(dispatches, ({ outputs }) => outputs);
  const readers = indexBy(dispatches, ({ inputs }) => inputs);
  const isPrivate = (tensor: Tensor, to: (reader: Dispatch<Tensor>) => boolean): boolean =>
    tensor.kind === 'value' && !kept.has(tensor) && (readers.get(tensor) ?? []).every((at) => to(dispatches[at]!));

  for (const weighs of new Set(dispatches.map((dispatch) => dispatch.weighs))) {
    if (!weighs || weighs.terms.length > MOST_SUMS || new Set(weighs.terms).size < weighs.terms.length) continue;
    const own = dispatches.flatMap((dispatch, i) => (dispatch.weighs === weighs ? [i] : []));
    const sums = weighs.terms.map((term) => {
      const [writer, ...more] = writers.get(term) ?? [];
      if (writer === undefined || more.length > 0 || !isPrivate(term, (reader) => reader.weighs === weighs)) return undefined;
      const { sum } = dispatches[writer]!;
      const isWhole = sum && isPrivate(sum.part, (reader) => reader === dispatches[writer]) && !sum.part.within;
      return isWhole ? { writer, ...sum } : undefined;
    });
    if (!sums.every((sum) => sum !== undefined)) continue;

    let first = 0;
    const terms: PartialSum[] = [];
    const layout = sums.map(({ part, vectors, factor }) => {
      terms.push({ first, vectors, factor });
      const offset = 16 * first;
      first += Math.ceil(vectorsOf(part.shape) / ALIGNED_VECTORS) * ALIGNED_VECTORS;
      return { part, offset };
    });
    const parts = new Tensor('value', [first, 4], 'partial sums of all terms');
    for (const { part, offset } of layout) part.within = { tensor: parts, offset };

    const y = dispatches[own[0]!]!.outputs[0]!;
    const adder = (readers.get(y) ?? []).find((at) => {
      const { sum, updates } = dispatches[at]!;
      return sum?.part === y && sum.factor === 1 && !updates;
    });
    const total = adder === undefined ? undefined : dispatches[adder]!.outputs[0]!;
    for (const { writer } of sums) gathered[writer] = undefined;
    for (const at of own) gathered[at] = undefined;
    if (adder !== undefined) gathered[adder] = undefined;
    gathered[own.at(-1)!] = weighSums(terms, { parts, weights: weighs.weights, y, total });
  }
  return gathered.filter((dispatch) => dispatch !== undefined);
}
