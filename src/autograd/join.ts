// Two peepholes over recorded ops, before they become dispatches. What is computed stays the same.
//   join   an op and the only reader of its result become one where a kernel does both: convolution, ReLU and pooling;
//          the Gram matrix and its distance to a target
//   order  numbers about a tensor, and what is made of such numbers alone, are computed right behind it: the reverse pass
//          then adds their gradient last, and no gradient waits in memory for the layers in between

import type { Op, Step, Tensor } from './tensor.ts';

function isStep(op: Op): op is Op & { readonly step: Step } {
  return op.step !== undefined;
}

/** The ops that take each tensor; one that takes it twice is named twice. */
export function readersOf(ops: readonly Op[]): ReadonlyMap<Tensor, readonly Op[]> {
  const readers = new Map<Tensor, Op[]>();
  for (const op of ops) {
    for (const input of op.inputs) readers.set(input, [...(readers.get(input) ?? []), op]);
  }
  return readers;
}

/** `ops` in tape order with whatever can be joined joined. `kept` are tensors that must exist. */
export function joinOps(ops: readonly Op[], kept: ReadonlySet<Tensor>, flows: (tensor: Tensor) => boolean): Op[] {
  const readers = readersOf(ops);
  const joined = new Set<Op>();
  const result: Op[] = [];
  for (const op of ops) {
    if (joined.has(op)) continue;
    let whole = op;
    for (;;) {
      const [next, ...more] = readers.get(whole.output) ?? [];
      if (!next || more.length > 0 || kept.has(whole.output) || next.inputs[0] !== whole.output || !isStep(next)) break;
      const both = whole.join?.(next, flows);
      if (!both) break;
      joined.add(next);
      whole = { ...both, output: next.output, index: next.index };
    }
    result.push(whole);
  }
  return result.sort((a, b) => a.index - b.index);
}

/** Ops in the order of their dispatches: the tape's, but summaries and what they lead to behind what they are about. */
export function orderOps(ops: readonly Op[]): Op[] {
  const place = new Map<Tensor, number>();
  const early = new Set<Tensor>();
  for (const { output, inputs, index, isSummary } of ops) {
    const isEarly = isSummary || inputs.every((input) => input.kind === 'constant' || early.has(input));
    if (isEarly) early.add(output);
    place.set(output, isEarly ? Math.max(-1, ...inputs.map((input) => place.get(input) ?? -1)) : index);
  }
  return [...ops].sort((a, b) => place.get(a.output)! - place.get(b.output)! || a.index - b.index);
}
