// Total variation of an image and its gradient. Shapes in, dispatches out; see total_variation.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/total_variation.wgsl';
import { finishSum, sumThreads } from './reduce.ts';
import { lanes, vectorsOf, type ScratchOf } from './shape.ts';
import { VARIATIONS, type VariationForm } from './variations.ts';

const shader = { name: 'total_variation', code };

export { VARIATIONS, type VariationForm };

/** A part of an image whose variation is wanted by itself; the parts of an image add up to the whole. */
export interface VariationWindow {
  /** First row and column in the image at hand, which shows the neighbours of the part. */
  readonly begin: readonly [number, number];
  /** Rows and columns. */
  readonly size: readonly [number, number];
  /** Rows and columns of the whole image, for the forms that are means. */
  readonly whole: readonly [number, number];
}

/** Of an image of `shape` [h, w, c], or of a window of it. */
export interface TotalVariationParams {
  readonly shape: readonly [number, number, number];
  readonly form: VariationForm;
  /** Of the image on a torus: opposite borders are neighbours. */
  readonly wraps?: boolean;
  readonly window?: VariationWindow | undefined;
}

/** The shader's FORM: `mean-squared` is `squared` with weights. */
const FORMS: Readonly<Record<VariationForm, number>> = {
  squared: 0,
  absolute: 1,
  power: 2,
  'nine-point': 3,
  'mean-squared': 0,
};

/** What stands before differences to the right, downwards and along diagonals; no 1 / 0 where there are none. */
function weightsOf({
  shape,
  form,
  wraps = false,
  window,
}: TotalVariationParams): [right: number, down: number, diagonal: number] {
  const [h, w] = window?.whole ?? shape;
  const c = shape[2];
  const less = wraps ? 0 : 1;
  if (form === 'mean-squared') return [1 / (h * Math.max(1, w - less) * c), 1 / (Math.max(1, h - less) * w * c), 0];
  if (form === 'nine-point') return [2 / (3 * h * w * c), 2 / (3 * h * w * c), 2 / (12 * (h + less) * (w + less) * c)];
  return [1, 1, 0];
}

/** Forward: six flops an element and difference pair, the image once. Backward takes twice as many and writes an image. */
export function totalVariationCost({ shape }: Pick<TotalVariationParams, 'shape'>): Cost {
  return { flops: 24 * vectorsOf(shape), bytes: 16 * vectorsOf(shape) };
}

function uniforms(params: TotalVariationParams, threads: number, accumulate: boolean): Params {
  const [h, w, c] = params.shape;
  const { begin: [top, left], size: [rows, columns] } = params.window ?? { begin: [0, 0], size: [h, w] };
  return new Params()
    .u32(h, w, lanes(c) / 4, threads, accumulate ? 1 : 0)
    .u32(top, left, top + rows, left + columns)
    .f32(...weightsOf(params));
}

/** The variation as a scalar [1]. */
export function totalVariationForward<B>(
  params: TotalVariationParams,
  io: { x: B; y: B },
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const vectors = vectorsOf(params.shape);
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial variation');
  return [
    {
      label: 'totalVariation partial',
      shader,
      entryPoint: 'partial',
      constants: { FORM: FORMS[params.form], WRAP: params.wraps ? 1 : 0 },
      inputs: [io.x],
      outputs: [part],
      params: uniforms(params, threads, false),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: totalVariationCost(params),
    },
    finishSum('totalVariation', threads, 1, { part, y: io.y }),
  ];
}

/** dX (+)= dY · the variation's derivative, a stencil over the neighbours. */
export function totalVariationBackward<B>(
  params: TotalVariationParams,
  io: { x: B; dY: B; dX: B },
  accumulate: boolean,
): Dispatch<B> {
  const vectors = vectorsOf(params.shape);
  return {
    label: 'totalVariation/backward',
    shader,
    entryPoint: 'backward',
    constants: { FORM: FORMS[params.form], WRAP: params.wraps ? 1 : 0 },
    inputs: [io.x, io.dY],
    outputs: [io.dX],
    updates: accumulate,
    params: uniforms(params, 0, accumulate),
    workgroups: linearWorkgroups(vectors, 64),
    cost: { flops: 52 * vectors, bytes: 32 * vectors },
  };
}

/** Forward and backward in one pass over the image. */
export function totalVariationTogether<B>(
  params: TotalVariationParams,
  io: { x: B; y: B; dY: B; dX: B },
  accumulate: boolean,
  scratch: ScratchOf<B>,
): Dispatch<B>[] {
  const vectors = vectorsOf(params.shape);
  const threads = sumThreads(vectors);
  const part = scratch([threads, 4], 'partial variation');
  return [
    {
      label: 'totalVariation',
      shader,
      entryPoint: 'together',
      constants: { FORM: FORMS[params.form], WRAP: params.wraps ? 1 : 0 },
      inputs: [io.x, io.dY],
      outputs: [io.dX, part],
      updates: accumulate,
      params: uniforms(params, threads, accumulate),
      workgroups: [Math.ceil(threads / 64), 1, 1],
      cost: { flops: 60 * vectors, bytes: 16 * (accumulate ? 3 : 2) * vectors },
    },
    finishSum('totalVariation', threads, 1, { part, y: io.y }),
  ];
}
