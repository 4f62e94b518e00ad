// The terms of a loss as one weighted vector, from scalars or from the partial sums that they are made of.
// Shapes in, dispatches out; see weigh.wgsl and weigh_sums.wgsl; the gradient
// is one of reduce_backward.wgsl.

import { Params, type Dispatch } from '../gpu/dispatch.ts';
import sumsCode from '../wgsl/weigh_sums.wgsl';
import code from '../wgsl/weigh.wgsl';
import { elementBackward } from './reduce.ts';

const shader = { name: 'weigh', code };

/** y[i] = weights[i] · terms[i]; terms are scalars [1], weights and y [n]. */
export function weighForward<B>(io: { terms: readonly B[]; weights: B; y: B }): Dispatch<B>[] {
  const dispatches: Dispatch<B>[] = [];
  const weighs = { terms: io.terms, weights: io.weights };
  for (let first = 0; first < io.terms.length; first += 4) {
    const four = io.terms.slice(first, first + 4);
    const padded = Array.from({ length: 4 }, (_, i) => four[i] ?? four[0]!);
    dispatches.push({
      label: 'weigh',
      shader,
      inputs: [io.weights, ...padded],
      outputs: [io.y],
      updates: first > 0, // the vec4s before it stay
      params: new Params().u32(first / 4, four.length),
      workgroups: [1, 1, 1],
      cost: { flops: 4, bytes: 96 },
      weighs,
    });
  }
  return dispatches;
}

/** A term as partial sums: factor · Σ over `vectors` vec4s from vec4 `first` of a buffer, and their lanes. */
export interface PartialSum {
  readonly first: number;
  readonly vectors: number;
  readonly factor: number;
}

/** {@link weighSums} takes so many terms: what fits a uniform block of 256 bytes. */
export const MOST_SUMS = 15;

/** y[i] = weights[i] · term i, the terms still in parts in one buffer; and where asked for total = Σ y, a scalar [1]. */
export function weighSums<B>(
  terms: readonly PartialSum[],
  io: { parts: B; weights: B; y: B; total?: B | undefined },
): Dispatch<B> {
  const params = new Params().u32(terms.length, io.total ? 1 : 0, 0, 0);
  for (const { first, vectors, factor } of terms) params.u32(first, vectors).f32(factor).u32(0);
  for (let i = terms.length; i < MOST_SUMS; i++) params.u32(0, 0, 0, 0); // the table has one size
  const vectors = terms.reduce((sum, term) => sum + term.vectors, 0);
  return {
    label: 'weigh sums',
    shader: { name: 'weigh_sums', code: sumsCode },
    inputs: [io.parts, io.weights],
    outputs: io.total ? [io.y, io.total] : [io.y],
    ...(!io.total && { hasSpareOutput: true }),
    params,
    workgroups: [1, 1, 1],
    cost: { flops: 4 * vectors, bytes: 16 * vectors },
  };
}

/** dTerm (+)= weights[index] · dY[index]. */
export function weighBackward<B>(
  index: number,
  io: { weights: B; dY: B; dTerm: B },
  accumulate: boolean,
): Dispatch<B> {
  return { ...elementBackward(index, { a: io.weights, dY: io.dY, dA: io.dTerm }, accumulate), label: 'weigh/backward' };
}
