// What begins an update of Adam and of gradient descent: finite or not, and how long the step is. Host side of
// schedule.wgsl. The scalars that it keeps are all that the rules' own kernels read.

import { Params, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/schedule.wgsl';
import { vectorsIn, type Parameter } from './optimizer.ts';

const shader = { name: 'schedule', code };

/** Floats of the scalars, as the shader's struct has them, in whole vec4s. */
export const SCHEDULE_FLOATS = 12;

/** What of a rule the schedule depends on; betas of 0 are none. */
export interface Schedule {
  readonly betas: readonly [beta1: number, beta2: number];
  readonly epsilon: number;
  readonly epsilonForm: 'torch' | 'keras';
  /** log2 of what one update multiplies the learning rate by. */
  readonly decay: number;
  /** Looked at beside the gradients. */
  readonly loss: GPUBuffer | undefined;
}

/** Groups for each of `parameters` gradients: eight vec4s a thread before there is a second group, 65,535 in all. */
export function scheduleGroups(vectors: number, parameters: number): number {
  const most = Math.max(1, Math.min(256, Math.floor(65535 / parameters)));
  return Math.min(most, Math.ceil(vectors / (128 * 8)));
}

/** One dispatch for each gradient; the last one's last group decides. */
export function scheduleDispatches(
  parameters: readonly Parameter[],
  scalars: GPUBuffer,
  { betas: [beta1, beta2], epsilon, epsilonForm, decay, loss }: Schedule,
): Dispatch<GPUBuffer>[] {
  const groups = parameters.map((parameter) => scheduleGroups(vectorsIn(parameter), parameters.length));
  const allGroups = groups.reduce((sum, count) => sum + count, 0);
  return parameters.map((parameter, i) => {
    const vectors = vectorsIn(parameter);
    return {
      label: `schedule/${i}`,
      shader,
      inputs: [parameter.gradient, loss ?? parameter.gradient],
      outputs: [scalars],
      updates: true,
      params: new Params()
        .u32(vectors, groups[i]!, allGroups)
        .f32(beta1, beta2, 1 - beta1, 1 - beta2, epsilon)
        .u32(epsilonForm === 'keras' ? 1 : 0)
        .f32(decay),
      workgroups: [groups[i]!, 1, 1],
      cost: { flops: 0, bytes: 16 * vectors },
    };
  });
}
