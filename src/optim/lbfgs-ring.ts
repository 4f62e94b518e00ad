// The slots of L-BFGS's ring, bound: for every slot the kernels of lbfgs_take.wgsl, lbfgs_search.wgsl and lbfgs.wgsl that its pair takes part in. Updates
// combine other slots each time, so each kernel of a slot is a sequence by itself; the host picks and orders them.

import { Params, Sequence, type Dispatch } from '../gpu/dispatch.ts';
import sumsCode from '../wgsl/lbfgs_sums.wgsl';
import code from '../wgsl/lbfgs.wgsl';
import searchCode from '../wgsl/lbfgs_search.wgsl';
import takeCode from '../wgsl/lbfgs_take.wgsl';
import { appendBox, type Clamp, type Parameter, type State } from './optimizer.ts';

const shader = { name: 'lbfgs', code: [code, sumsCode] };
const searchShader = { name: 'lbfgs_search', code: searchCode };
const takeShader = { name: 'lbfgs_take', code: [takeCode, sumsCode] };

/** In the order of the shader's kinds. */
const KINDS = ['begin', 'firstStep', 'pair', 'curvature', 'firstLoop', 'turn', 'secondLoop', 'finish', 'search'] as const;

/** The dispatches of one slot of the ring, each bound by itself because every update combines others. */
export interface Slot {
  readonly pair: Sequence;
  readonly firstLoop: Sequence;
  readonly turn: Sequence;
  readonly secondLoop: Sequence;
  readonly finish: Sequence;
}

/** Scalars that all pairs share, at the beginning of the state; the shader names them. */
const SHARED = 20;

/** Floats of the buffer of scalars and partial sums. */
export function scalarFloats(pairs: number, groups: number): number {
  return places(pairs, groups).length;
}

/** Where the scalars of the pairs and the partial sums lie, in floats; see lbfgs.wgsl. */
function places(pairs: number, groups: number): {
  readonly rho: (slot: number) => number;
  readonly alpha: (slot: number) => number;
  /** Partials of s·q, y·q of a slot; of y·s (in the first update ‖g‖₁) and y·y of the newest. */
  readonly sq: (slot: number) => number;
  readonly yq: (slot: number) => number;
  readonly ys: number;
  readonly yy: number;
  /** Partial counts of numbers that are not finite. */
  readonly odd: number;
  readonly length: number;
} {
  const partials = SHARED + 2 * pairs;
  return {
    rho: (slot) => SHARED + slot,
    alpha: (slot) => SHARED + pairs + slot,
    sq: (slot) => partials + slot * groups,
    yq: (slot) => partials + (pairs + slot) * groups,
    ys: partials + 2 * pairs * groups,
    yy: partials + (2 * pairs + 1) * groups,
    odd: partials + (2 * pairs + 2) * groups,
    length: partials + (2 * pairs + 3) * groups,
  };
}

/** What the bindings depend on, apart from the state's buffers. */
export interface Layout {
  readonly parameter: Parameter;
  readonly vectors: number;
  readonly pairs: number;
  readonly groups: number;
  readonly clamp: Clamp | undefined;
  readonly loss: GPUBuffer | undefined;
  /** Whether a line search decides that a step ends where it did. */
  readonly searches: boolean;
}

/** Binds the two dispatches of the first update, and all of every slot. */
export function bindRing(device: GPUDevice, state: State, layout: Layout): { first: Sequence; slots: Slot[] } {
  const { parameter, vectors, pairs, groups, clamp } = layout;
  const { value, gradient } = parameter;
  const loss = layout.loss ?? gradient;
  const at = places(pairs, groups);
  const scalars = state.get('scalars');
  const direction = state.get('direction');
  const previous = state.get('previousGradient');
  const s = (slot: number): GPUBuffer => state.get(`s${slot}`);
  const y = (slot: number): GPUBuffer => state.get(`y${slot}`);
  const kernel = (
    kind: (typeof KINDS)[number],
    slot: number,
    [readAt, writeAt]: readonly [number, number],
    inputs: readonly GPUBuffer[],
    outputs: readonly GPUBuffer[],
  ): Dispatch<GPUBuffer> => {
    const params = new Params()
      .u32(vectors, groups, at.rho(slot), at.alpha(slot), readAt, writeAt, at.ys, at.yy)
      .u32(at.odd, clamp ? 1 : 0, KINDS.indexOf(kind), 0);
    return {
      label: `lbfgs/${kind}`,
      shader: kind === 'begin' || kind === 'pair' ? takeShader : kind === 'search' ? searchShader : shader,
      inputs,
      outputs,
      updates: true,
      params: appendBox(params, clamp),
      workgroups: [kind === 'curvature' || kind === 'search' ? 1 : groups, 1, 1],
      cost: { flops: 16 * vectors, bytes: 64 * vectors }, // of a loop; lbfgsCost knows the whole
    };
  };
  const one = (...dispatches: readonly Dispatch<GPUBuffer>[]): Sequence =>
    new Sequence(device, dispatches[0]!.label, dispatches);
  const moved = [direction, scalars, value, state.get('before'), previous];
  const taken = [gradient, loss, previous];
  const made = (slot: number): GPUBuffer[] => [direction, scalars, s(slot), y(slot)];
  const first = one(
    kernel('begin', 0, [0, 0], taken, made(0)),
    kernel('firstStep', 0, [0, 0], [gradient, gradient], moved),
  );
  const slots = Array.from({ length: pairs }, (_, i) => {
    const older = (i + pairs - 1) % pairs;
    const newer = (i + 1) % pairs;
    return {
      pair: one(
        kernel('pair', i, [0, at.sq(i)], taken, made(i)),
        layout.searches
          ? kernel('search', i, [at.sq(i), 0], [], [scalars])
          : kernel('curvature', i, [0, 0], [s(i), y(i)], moved),
      ),
      firstLoop: one(kernel('firstLoop', i, [at.sq(i), at.sq(older)], [y(i), s(older)], moved)),
      turn: one(kernel('turn', i, [at.sq(i), at.yq(i)], [y(i), y(i)], moved)),
      secondLoop: one(kernel('secondLoop', i, [at.yq(i), at.yq(newer)], [s(i), y(newer)], moved)),
      finish: one(kernel('finish', i, [at.yq(i), 0], [s(i), gradient], moved)),
    };
  });
  return { first, slots };
}
