// The terms of a loss as one weighted vector. Shapes in, dispatches out; see weigh.wgsl.

import { Params, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/weigh.wgsl';

const shader = { name: 'weigh', code };

/** y[i] = weights[i] · terms[i]; terms are scalars [1], weights and y [n]. */
export function weighForward<B>(io: { terms: readonly B[]; weights: B; y: B }): Dispatch<B>[] {
  const dispatches: Dispatch<B>[] = [];
  for (let first = 0; first < io.terms.length; first += 4) {
    const four = io.terms.slice(first, first + 4);
    const padded = Array.from({ length: 4 }, (_, i) => four[i] ?? four[0]!);
    dispatches.push({
      label: 'weigh',
      shader,
      inputs: [io.weights, ...padded],
      outputs: [io.y],
      updates: first > 0, // the vec4s before it stay
      params: new Params().u32(first / 4, four.length, 0),
      workgroups: [1, 1, 1],
      cost: { flops: 4, bytes: 96 },
    });
  }
  return dispatches;
}

/** dTerm (+)= weights[index] · dY[index]. */
export function weighBackward<B>(
  index: number,
  io: { weights: B; dY: B; dTerm: B },
  accumulate: boolean,
): Dispatch<B> {
  return {
    label: 'weigh/backward',
    shader,
    entryPoint: 'backward',
    inputs: [io.weights, io.dY],
    outputs: [io.dTerm],
    updates: accumulate,
    params: new Params().u32(index, 0, accumulate ? 1 : 0),
    workgroups: [1, 1, 1],
    cost: { flops: 2, bytes: 48 },
  };
}
