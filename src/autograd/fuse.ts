// Two peepholes over dispatches. What is computed stays the same to the bit; a dispatch, a tensor and two trips through
// memory go.
//   pointwise  moves into the kernel that makes its operand: the convolution that feeds a ReLU applies it as it stores;
//              whatever completes the gradient of a ReLU's result applies the gate
//   unpooling  moves into the kernels that read its result: the convolution that wants the gradient of a pooled
//              activation spreads the pooled gradient as it loads

import type { Dispatch } from '../gpu/dispatch.ts';
import type { Tensor } from './tensor.ts';

/** The same work with every pointwise step absorbed that can be. `kept` are tensors that somebody reads afterwards. */
export function fusePointwise(
  dispatches: readonly Dispatch<Tensor>[],
  kept: ReadonlySet<Tensor>,
): Dispatch<Tensor>[] {
  const fused: (Dispatch<Tensor> | undefined)[] = [...dispatches];
  const writers = indexBy(dispatches, ({ outputs }) => outputs);
  const readers = indexBy(dispatches, ({ inputs }) => inputs);
  dispatches.forEach((step, i) => {
    const { pointwise, outputs, updates } = step;
    if (!pointwise || updates) return;
    const { of: operand, ...kind } = pointwise;
    const result = outputs[0]!;
    const operandWriters = writers.get(operand) ?? [];
    const last = operandWriters.at(-1);
    const isPrivate =
      !kept.has(operand) && operand.kind === 'value' && (readers.get(operand) ?? []).every((r) => r === i);
    if (last === undefined || last > i || !isPrivate) return;
    const absorbed = fused[last]?.absorb?.(kind, result);
    if (!absorbed) return;
    // Terms that were written before are accumulated upon: they go to the result's place as well.
    for (const writer of operandWriters) {
      const dispatch = fused[writer]!;
      const outputsThere = dispatch.outputs.map((t) => (t === operand ? result : t));
      fused[writer] = { ...dispatch, outputs: outputsThere };
    }
    fused[last] = { ...absorbed, label: `${fused[last]!.label}+${step.label}` };
    fused[i] = undefined;
    const later = (writers.get(result) ?? []).filter((writer) => writer !== i);
    writers.set(result, [...operandWriters, ...later]);
  });
  return fused.filter((dispatch) => dispatch !== undefined);
}

/**
 * The same work with every unpooling absorbed by all that read its result, where each of them can. Before
 * {@link fusePointwise}, which moves results: an absorbing dispatch is made anew, with its result where it was.
 */
export function fuseUnpooling(
  dispatches: readonly Dispatch<Tensor>[],
  kept: ReadonlySet<Tensor>,
): Dispatch<Tensor>[] {
  const fused: (Dispatch<Tensor> | undefined)[] = [...dispatches];
  const readers = indexBy(dispatches, ({ inputs }) => inputs);
  dispatches.forEach(({ unpool, outputs, label }, i) => {
    const result = outputs[0]!;
    if (!unpool || kept.has(result)) return;
    const absorbed = (readers.get(result) ?? []).map((at) => [at, fused[at]?.absorbUnpool?.(unpool, result)] as const);
    if (!absorbed.every(([, dispatch]) => dispatch)) return;
    for (const [at, dispatch] of absorbed) fused[at] = { ...dispatch!, label: `${label}+${fused[at]!.label}` };
    fused[i] = undefined;
  });
  return fused.filter((dispatch) => dispatch !== undefined);
}

/** Which dispatches name each tensor, in order. */
export function indexBy(
  dispatches: readonly Dispatch<Tensor>[],
  tensors: (dispatch: Dispatch<Tensor>) => readonly Tensor[],
): Map<Tensor, number[]> {
  const index = new Map<Tensor, number[]>();
  dispatches.forEach((dispatch, i) => {
    for (const tensor of new Set(tensors(dispatch))) index.set(tensor, [...(index.get(tensor) ?? []), i]);
  });
  return index;
}
