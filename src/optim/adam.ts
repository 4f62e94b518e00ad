// Adam (Kingma and Ba, ICLR 2015), in torch's form or in Keras'. Host side of adam.wgsl.

import { linearWorkgroups, Params, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/adam.wgsl';
import {
  appendBox,
  checkClamp,
  checkParameters,
  decayPerStep,
  State,
  vectorsIn,
  type Clamp,
  type Decay,
  type Parameter,
} from './optimizer.ts';
import { checkOptimizerOptions, type EpsilonForm } from './options.ts';
import { Replayed, type ReplayedParts } from './replayed.ts';
import { SCHEDULE_FLOATS, scheduleDispatches } from './schedule.ts';

const shader = { name: 'adam', code };

/** Settings of {@link Adam}. */
export interface AdamSettings {
  /** Step size, above 0, in units of value: about how far a value moves in one update. */
  readonly learningRate: number;
  /** Default 0.9; 0 to below 1. */
  readonly beta1?: number;
  /** Default 0.999; 0 to below 1. */
  readonly beta2?: number;
  /** Default 1e-8, above 0. */
  readonly epsilon?: number;
  /** `torch` (default): η·(m/c₁) / (√(v/c₂) + ε). `keras`: η·√c₂/c₁ · m / (√v + ε), where cᵢ = 1 − βᵢᵗ. */
  readonly epsilonForm?: EpsilonForm;
  readonly decay?: Decay;
  readonly clamp?: Clamp;
  /** The loss that the gradients are of, a scalar: looked at beside them for numbers that are not finite. */
  readonly loss?: GPUBuffer;
}

/** Adam over any number of parameters: two dispatches for each. */
export class Adam extends Replayed {
  /** @throws `bad-option` for settings out of range or buffers too small; `limit-exceeded`. */
  constructor(device: GPUDevice, parameters: readonly Parameter[], settings: AdamSettings) {
    super(parts(device, parameters, settings));
  }
}

/** The state of the rule, and the dispatches of one update. */
function parts(device: GPUDevice, parameters: readonly Parameter[], settings: AdamSettings): ReplayedParts {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, epsilonForm = 'torch' } = settings;
  const { decay, clamp, loss } = settings;
  const checked = { learningRate, beta1, beta2, epsilon, epsilonForm };
  checkOptimizerOptions({ name: 'adam', ...checked, ...(decay && { decay }) });
  checkParameters(parameters, 'Adam');
  checkClamp(clamp, 'Adam');
  const state = new State(device, 'adam', [
    ['scalars', SCHEDULE_FLOATS],
    ...parameters.flatMap((p, i) => [
      [`before${i}`, vectorsIn(p) * 4] as const,
      [`mean${i}`, vectorsIn(p) * 4] as const,
      [`square${i}`, vectorsIn(p) * 4] as const,
    ]),
  ]);
  const scalars = state.get('scalars');
  const schedule = { betas: [beta1, beta2], epsilon, epsilonForm, decay: decayPerStep(decay), loss } as const;
  const dispatches: Dispatch<GPUBuffer>[] = [
    ...scheduleDispatches(parameters, scalars, schedule),
    ...parameters.map((parameter, i) => {
      const vectors = vectorsIn(parameter);
      const params = new Params().u32(vectors, clamp ? 1 : 0).f32(beta1, beta2, 1 - beta1, 1 - beta2).u32(0, 0);
      return {
        label: `adam/update${i}`,
        shader,
        inputs: [parameter.gradient, scalars],
        outputs: [parameter.value, ...['before', 'mean', 'square'].map((name) => state.get(`${name}${i}`))],
        updates: true,
        params: appendBox(params, clamp),
        workgroups: linearWorkgroups(vectors, 64),
        cost: { flops: 4 * 12 * vectors, bytes: 16 * 8 * vectors },
      };
    }),
  ];
  return { where: 'Adam', device, state, learningRate, dispatches };
}
