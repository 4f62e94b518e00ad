// The slots of L-BFGS's ring, bound: for every slot the kernels of lbfgs_take.wgsl, lbfgs_search.wgsl and lbfgs.wgsl that its pair takes part in. Updates
// combine other slots each time, so each kernel of a slot is a sequence by itself; the host picks and orders them. A kernel is
// dispatched for every parameter, and its partial sums follow those of the parameters before.

import { Params, Sequence, type Dispatch } from '../gpu/dispatch.ts';
import sumsCode from '../wgsl/lbfgs_sums.wgsl';
import code from '../wgsl/lbfgs.wgsl';
import searchCode from '../wgsl/lbfgs_search.wgsl';
import takeCode from '../wgsl/lbfgs_take.wgsl';
import { appendBox, vectorsIn, type Clamp, type Parameter, type State } from './optimizer.ts';

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
  readonly parameters: readonly Parameter[];
  readonly pairs: number;
  /** Workgroups of each parameter's kernels. */
  readonly groups: readonly number[];
  readonly clamp: Clamp | undefined;
  readonly loss: GPUBuffer | undefined;
  /** Whether a line search decides that a step ends where it did. */
  readonly searches: boolean;
  /** ‖·‖₁ of the first step, and the share of the slope that y·s has to be above; both 0: the rules of torch. */
  readonly length: number;
  readonly share: number;
}

/** The name of a state buffer of a parameter: of one, its role; of several, with the parameter's index behind it. */
export function bandName(role: string, index: number, count: number): string {
  return count === 1 ? role : `${role}.${index}`;
}

/** Binds the dispatches of the first update, and all of every slot. */
export function bindRing(device: GPUDevice, state: State, layout: Layout): { first: Sequence; slots: Slot[] } {
  const { parameters, pairs, groups, clamp, length, share } = layout;
  const loss = layout.loss ?? parameters[0]!.gradient;
  const allGroups = groups.reduce((sum, count) => sum + count, 0);
  const at = places(pairs, allGroups);
  const scalars = state.get('scalars');
  const bands = parameters.map((parameter, b): Band => {
    const get = (role: string): GPUBuffer => state.get(bandName(role, b, parameters.length));
    const [direction, previous, before] = [get('direction'), get('previousGradient'), get('before')];
    return {
      gradient: parameter.gradient,
      taken: [parameter.gradient, loss, previous],
      moved: [direction, scalars, parameter.value, before, previous],
      made: (slot) => [direction, scalars, get(`s${slot}`), get(`y${slot}`)],
      s: (slot) => get(`s${slot}`),
      y: (slot) => get(`y${slot}`),
      vectors: vectorsIn(parameter),
      groups: groups[b]!,
      base: groups.slice(0, b).reduce((sum, count) => sum + count, 0),
    };
  });
  const kernel = (
    kind: (typeof KINDS)[number],
    slot: number,
    [readAt, writeAt]: readonly [number, number],
    inputs: readonly GPUBuffer[],
    outputs: readonly GPUBuffer[],
    band?: Band,
  ): Dispatch<GPUBuffer> => {
    // Those that take partial sums alone are of no band.
    const { vectors, groups: own, base } = band ?? { vectors: 0, groups: allGroups, base: 0 };
    const takes = kind === 'begin' || kind === 'pair';
    const sums = [at.ys, at.yy, at.odd].map((place) => place + (takes ? base : 0)) as [number, number, number];
    const params = new Params()
      .u32(vectors, own, at.rho(slot), at.alpha(slot), readAt, writeAt + base, ...sums)
      .u32(clamp ? 1 : 0, KINDS.indexOf(kind), allGroups)
      .f32(length, share, 0, 0); // and what aligns the box
    return {
      label: `lbfgs/${kind}`,
      shader: takes ? takeShader : kind === 'search' ? searchShader : shader,
      inputs,
      outputs,
      updates: true,
      params: appendBox(params, clamp),
      workgroups: [band ? own : 1, 1, 1],
      cost: { flops: 16 * vectors, bytes: 64 * vectors }, // of a loop; lbfgsCost knows the whole
    };
  };
  const each = (make: (band: Band) => Dispatch<GPUBuffer>): Dispatch<GPUBuffer>[] => bands.map(make);
  const one = (...dispatches: readonly Dispatch<GPUBuffer>[]): Sequence =>
    new Sequence(device, dispatches[0]!.label, dispatches);
  const first = one(
    ...each((band) => kernel('begin', 0, [0, 0], band.taken, band.made(0), band)),
    ...each((band) => kernel('firstStep', 0, [0, 0], [band.gradient, band.gradient], band.moved, band)),
  );
  const slots = Array.from({ length: pairs }, (_, i) => {
    const older = (i + pairs - 1) % pairs;
    const newer = (i + 1) % pairs;
    const [alone] = bands as [Band];
    return {
      pair: one(
        ...each((band) => kernel('pair', i, [0, at.sq(i)], band.taken, band.made(i), band)),
        layout.searches
          ? kernel('search', i, [at.sq(i), 0], [], [scalars])
          : kernel('curvature', i, [at.sq(i), 0], [alone.s(i), alone.y(i)], alone.moved),
      ),
      firstLoop: one(...each((band) => kernel('firstLoop', i, [at.sq(i), at.sq(older)], [band.y(i), band.s(older)], band.moved, band))),
      turn: one(...each((band) => kernel('turn', i, [at.sq(i), at.yq(i)], [band.y(i), band.y(i)], band.moved, band))),
      secondLoop: one(...each((band) => kernel('secondLoop', i, [at.yq(i), at.yq(newer)], [band.s(i), band.y(newer)], band.moved, band))),
      finish: one(...each((band) => kernel('finish', i, [at.yq(i), 0], [band.s(i), band.gradient], band.moved, band))),
    };
  });
  return { first, slots };
}

/** What the kernels of one parameter are bound to. */
interface Band {
  readonly gradient: GPUBuffer;
  readonly taken: readonly GPUBuffer[];
  readonly moved: readonly GPUBuffer[];
  readonly made: (slot: number) => readonly GPUBuffer[];
  readonly s: (slot: number) => GPUBuffer;
  readonly y: (slot: number) => GPUBuffer;
  readonly vectors: number;
  readonly groups: number;
  /** Groups of the parameters before. */
  readonly base: number;
}
