// RGBA pictures resampled, one axis after the other, by tables of weights. Shapes in, dispatches out; see resample.wgsl.

import { linearWorkgroups, Params, type Cost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/resample.wgsl';

const shader = { name: 'resample', code };

/** The bits of the shader's flags. */
const [ACROSS, LIGHT, ALPHA, FINISH] = [1, 2, 4, 8];

/** How the values of a picture are meant. */
export interface TexelKind {
  /** sRGB-encoded values that are resampled as the light they stand for. */
  readonly light: boolean;
  /** Colours weigh as much as they cover: there are texels whose alpha is not 1. */
  readonly alpha: boolean;
}

/** One axis of a picture, or of a piece of one. */
export interface ResampleParams {
  readonly axis: 'across' | 'down';
  /** Texels in a row of y; down, of x too. */
  readonly width: number;
  /** Rows of y that are written. */
  readonly rows: number;
  /** Down: the row of the result that is written first, and the one that y begins with. Default 0. */
  readonly first?: number;
  readonly origin?: number;
  /** The samples of the axis that x holds: columns, across all of them, or rows. */
  readonly begin: number;
  readonly end: number;
  /** How to make a picture of y where its last samples have come; default: y stays as the sums are. */
  readonly finish?: TexelKind | undefined;
}

/** Weights of an axis: a span for each sample of the result, and one more that ends the last. */
export interface AxisTable<B> {
  /** [n + 1, 2] u32: index of the first input sample, index of its weight. */
  readonly spans: B;
  /** [·] f32, those of a sample one behind the other. */
  readonly weights: B;
}

function flagsOf(kind: TexelKind | undefined): number {
  return (kind?.light ? LIGHT! : 0) | (kind?.alpha ? ALPHA! : 0);
}

/**
 * A multiply-add for each of four channels, four samples enlarged and four for each sample that goes into one reduced; every
 * texel moved once.
 */
export function resampleCost({ axis, width, rows, begin, end }: ResampleParams): Cost {
  const [inputs, outputs] = [(end - begin) * (axis === 'across' ? rows : width), rows * width];
  return { flops: 32 * Math.max(inputs, outputs), bytes: 16 * (inputs + outputs) };
}

/** The uniform block of {@link resampleForward}: for pieces that follow with the same dispatch. */
export function resampleUniforms({ axis, width, rows, first = 0, origin = 0, begin, end, finish }: ResampleParams): Params {
  const flags = (axis === 'across' ? ACROSS! : 0) | flagsOf(finish) | (finish ? FINISH! : 0);
  return new Params().u32(rows * width, width, first, origin, begin, end, end - begin, flags);
}

/** y = x resampled along an axis, RGBA texels row by row. Of samples of y whose first taps came before, y holds the sums so far. */
export function resampleForward<B>(params: ResampleParams, io: AxisTable<B> & { x: B; y: B }): Dispatch<B> {
  return {
    label: `resample ${params.axis}`,
    shader,
    entryPoint: 'resample',
    inputs: [io.x, io.spans, io.weights],
    outputs: [io.y],
    updates: true,
    params: resampleUniforms(params),
    workgroups: linearWorkgroups(params.rows * params.width, 64),
    cost: resampleCost(params),
  };
}

/** The uniform block of {@link prepareTexels}. */
export function prepareUniforms(texels: number, kind: TexelKind): Params {
  return new Params().u32(texels, 0, 0, 0, 0, 0, 0, flagsOf(kind));
}

/** Texels in place as they are to be resampled: linear light, colours times alpha. */
export function prepareTexels<B>(texels: number, kind: TexelKind, x: B): Dispatch<B> {
  return {
    label: 'resample/prepare',
    shader,
    entryPoint: 'prepare',
    inputs: [],
    outputs: [x],
    updates: true,
    params: prepareUniforms(texels, kind),
    workgroups: linearWorkgroups(texels, 64),
    cost: { flops: ((kind.light ? 24 : 0) + (kind.alpha ? 3 : 0)) * texels, bytes: 32 * texels },
  };
}
