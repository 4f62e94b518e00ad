// From recorded ops to a list of dispatches: the reverse pass, pruning, fusion, constant folding. Pure bookkeeping: tensors
// stand for memory here, nothing touches the GPU.

import type { Dispatch } from '../gpu/dispatch.ts';
import { badOption } from '../gpu/errors.ts';
import { elementsOf, showShape, type Shape } from '../kernels/shape.ts';
import { fusePointwise, fuseUnpooling } from './fuse.ts';
import { gatherSums } from './gather.ts';
import { joinOps, orderOps, readersOf } from './join.ts';
import { placeOf, Tensor, type Flow, type Op } from './tensor.ts';

/** What a program computes: results, and the gradients of the first of them. */
export interface Plan {
  /** Dispatches that depend on constants alone: run once, and again when a constant was rewritten. */
  readonly once: readonly Dispatch<Tensor>[];
  /** Dispatches of every run. */
  readonly always: readonly Dispatch<Tensor>[];
  /** dL/dx for each x that was asked for. */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** Constants that the folded dispatches read. */
  readonly foldedFrom: readonly Tensor[];
}

/** Ops that `outputs` need, in tape order. */
function neededOps(outputs: readonly Tensor[]): Op[] {
  const found = new Set<Op>();
  const stack = [...outputs];
  while (stack.length > 0) {
    const op = stack.pop()!.op;
    if (!op || found.has(op)) continue;
    found.add(op);
    stack.push(...op.inputs);
  }
  return [...found].sort((a, b) => a.index - b.index);
}

/** Tensors through which a change of `wrt` reaches anything. */
function reachedFrom(wrt: readonly Tensor[], ops: readonly Op[]): Set<Tensor> {
  const reached = new Set<Tensor>(wrt);
  for (const op of ops) {
    if (op.inputs.some((input) => reached.has(input))) reached.add(op.output);
  }
  return reached;
}

/** Labels every dispatch of an op with the op's own name, so that captures read like the network. */
function labelled(op: Op, dispatches: readonly Dispatch<Tensor>[]): Dispatch<Tensor>[] {
  return dispatches.map((dispatch) => ({
    ...dispatch,
    label: `${op.output.label}/${dispatch.label}`,
  }));
}

/** Whether an op is about a few numbers only. */
function isSmall({ inputs, output }: Op): boolean {
  return [output, ...inputs].every(({ shape }) => elementsOf(shape) <= 64);
}

/**
 * Whether an op's forward dispatches may come after the reverse pass: neither that nor any op but small ones like it
 * read what they write.
 */
function waiting(
  ops: readonly Op[],
  forward: ReadonlyMap<Op, readonly Dispatch<Tensor>[]>,
  reverse: readonly Dispatch<Tensor>[],
): (op: Op) => boolean {
  const readers = readersOf(ops);
  const canWait = (op: Op): boolean => {
    const written = new Set(forward.get(op)!.flatMap(({ outputs }) => outputs));
    return (
      !reverse.some(({ inputs }) => inputs.some((input) => written.has(input))) &&
      (readers.get(op.output) ?? []).every((reader) => isSmall(reader) && canWait(reader))
    );
  };
  return canWait;
}

function gradient(shape: Shape, label = 'gradient'): Tensor {
  const dX = new Tensor('value', shape, label);
  dX.isGradient = true;
  return dX;
}

/** What a plan is made for. */
export interface PlanRequest {
  /** Tensors to have afterwards. */
  readonly outputs: readonly Tensor[];
  /** Where the reverse pass begins: dL/dy of each y, as a tensor. None of the keys leads to another. */
  readonly cotangents: ReadonlyMap<Tensor, Tensor>;
  readonly wrt: readonly Tensor[];
  /** True where the keys of `cotangents` need not be computed themselves, and nothing that only they want. */
  readonly isPull?: boolean;
}

/**
 * Builds forward and reverse pass. Gradients flow only along paths from `wrt` to the tensors with cotangents; a tensor that
 * is used several times gets its terms added in reverse tape order, always the same.
 */
export function buildPlan({ outputs, cotangents, wrt, isPull = false }: PlanRequest): Plan {
  const ends = [...outputs, ...cotangents.keys()];
  const needed = neededOps(ends);
  const reached = reachedFrom(wrt, needed);
  const ops = orderOps(joinOps(needed, new Set([...ends, ...wrt]), (tensor) => reached.has(tensor)));
  const scratch = (shape: Shape, label = 'scratch'): Tensor => new Tensor('value', shape, label);
  const forward = new Map(ops.map((op) => [op, labelled(op, op.forward(op.output, scratch))]));
  const reverse: Dispatch<Tensor>[] = [];
  const canWait = waiting(ops, forward, reverse);

  const gradients = new Map<Tensor, Tensor>();
  /** Where a term of the gradient of `input` goes. */
  const flowTo = (input: Tensor): Pick<Flow, 'dX' | 'accumulate'> => {
    const existing = gradients.get(input);
    const dX = existing ?? gradient(input.shape, `d(${input.label})`);
    gradients.set(input, dX);
    return { dX, accumulate: existing !== undefined };
  };
  if (wrt.length > 0) {
    for (const [y, dY] of cotangents) gradients.set(y, dY);
    for (const op of [...ops].reverse()) {
      const arrived = gradients.get(op.output);
      const flowing = op.inputs.flatMap((input, i) => (reached.has(input) && op.backward[i] ? [i] : []));
      if (!arrived || flowing.length === 0) continue;
      if (op.together && canWait(op)) {
        forward.set(op, []);
        reverse.push(...labelled(op, op.together({ y: op.output, dY: arrived, ...flowTo(op.inputs[0]!), scratch })));
        continue;
      }
      const { dY, dispatches } = op.incoming?.(arrived, gradient) ?? { dY: arrived, dispatches: [] };
      reverse.push(...labelled(op, dispatches));
      for (const i of flowing) {
        const flow = { y: op.output, dY, ...flowTo(op.inputs[i]!), scratch };
        reverse.push(...labelled(op, op.backward[i]!(flow)));
      }
    }
    for (const x of wrt) {
      if (gradients.has(x)) continue;
      throw badOption(
        'tape.compile',
        `the loss does not depend on ${x.label} ${showShape(x.shape)}`,
        'Ask only for gradients of tensors that the loss uses',
      );
    }
  }
  const late = new Set(ops.filter((op) => isSmall(op) && canWait(op)));
  const forwardOf = (isLate: boolean): Dispatch<Tensor>[] =>
    ops.flatMap((op) => (late.has(op) === isLate ? forward.get(op)! : []));
  const dispatches = [...forwardOf(false), ...reverse, ...forwardOf(true)];
  const asked = new Map(wrt.map((x) => [x, gradients.get(x)!]));
  const kept = new Set([...outputs, ...asked.values()]);
  const wanted = isPull ? dropUnread(dispatches, kept) : dispatches;
  return { ...fold(gatherSums(fusePointwise(fuseUnpooling(wanted, kept), kept), kept)), gradients: asked };
}

/** The dispatches that `kept` or others of them need. */
function dropUnread(dispatches: readonly Dispatch<Tensor>[], kept: ReadonlySet<Tensor>): Dispatch<Tensor>[] {
  const read = new Set(kept);
  const wanted = dispatches.toReversed().filter(({ inputs, outputs }) => {
    const isRead = outputs.some((tensor) => read.has(tensor));
    if (isRead) for (const tensor of inputs) read.add(tensor);
    return isRead;
  });
  return wanted.reverse();
}

/** Splits off the dispatches whose every input is constant, directly or through other such dispatches. */
function fold(dispatches: readonly Dispatch<Tensor>[]): Omit<Plan, 'gradients'> {
  const written = new Set(dispatches.flatMap(({ outputs }) => outputs.map(placeOf)));
  const varying = new Set<Tensor>();
  // A value that nothing here writes is another part's result.
  const varies = (t: Tensor): boolean =>
    t.kind === 'variable' || varying.has(placeOf(t)) || (t.kind === 'value' && !written.has(placeOf(t)));
  // A tensor that any varying dispatch writes varies as a whole, also where a constant one wrote it first:
  // repeat until nothing new turns up (a second round only ever happens with accumulation).
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    for (const { inputs, outputs } of dispatches) {
      if (inputs.some(varies) || outputs.some(varies)) outputs.forEach((t) => varying.add(placeOf(t)));
    }
  }
  const once = dispatches.filter(({ outputs }) => !outputs.some(varies));
  const always = dispatches.filter(({ outputs }) => outputs.some(varies));
  const foldedFrom = new Set(once.flatMap(({ inputs }) => inputs.filter((t) => t.kind === 'constant')));
  return { once, always, foldedFrom: [...foldedFrom] };
}
