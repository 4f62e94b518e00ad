// Gradient descent: x ← x − η·∇L, with momentum and decay as options. Host side of descent.wgsl.

import { linearWorkgroups, Params, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/descent.wgsl';
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
import { checkOptimizerOptions } from './options.ts';
import { Replayed, type ReplayedParts } from './replayed.ts';
import { SCHEDULE_FLOATS, scheduleDispatches } from './schedule.ts';

const shader = { name: 'descent', code };

/** Settings of {@link GradientDescent}. */
export interface GradientDescentSettings {
  /** Step size η, above 0, in units of value per gradient. */
  readonly learningRate: number;
  /** 0 (default) to below 1: v ← momentum·v + ∇L, x ← x − η·v, as torch.optim.SGD. */
  readonly momentum?: number;
  /** True: x ← x − η·(∇L + momentum·v), torch's form of Nesterov's momentum. Needs a momentum. */
  readonly nesterov?: boolean;
  readonly decay?: Decay;
  readonly clamp?: Clamp;
  /** The loss that the gradients are of, a scalar: looked at beside them for numbers that are not finite. */
  readonly loss?: GPUBuffer;
}

/** Gradient descent over any number of parameters: two dispatches for each. */
export class GradientDescent extends Replayed {
  /** @throws `bad-option` for settings out of range or buffers too small; `limit-exceeded`. */
  constructor(device: GPUDevice, parameters: readonly Parameter[], settings: GradientDescentSettings) {
    super(parts(device, parameters, settings));
  }
}

/** The state of the rule, and the dispatches of one update. */
function parts(device: GPUDevice, parameters: readonly Parameter[], settings: GradientDescentSettings): ReplayedParts {
  const { learningRate, momentum = 0, nesterov = false, decay, clamp, loss } = settings;
  checkOptimizerOptions({ name: 'gd', learningRate, momentum, nesterov, ...(decay && { decay }) });
  checkParameters(parameters, 'GradientDescent');
  checkClamp(clamp, 'GradientDescent');
  const velocities = momentum > 0 ? parameters : [];
  const state = new State(device, 'gd', [
    ['scalars', SCHEDULE_FLOATS],
    ...parameters.map((p, i) => [`before${i}`, vectorsIn(p) * 4] as const),
    ...velocities.map((p, i) => [`velocity${i}`, vectorsIn(p) * 4] as const),
  ]);
  const scalars = state.get('scalars');
  const schedule = { betas: [0, 0], epsilon: 0, epsilonForm: 'torch', decay: decayPerStep(decay), loss } as const;
  const dispatches: Dispatch<GPUBuffer>[] = [
    ...scheduleDispatches(parameters, scalars, schedule),
    ...parameters.map((parameter, i) => {
      const vectors = vectorsIn(parameter);
      const { value, gradient } = parameter;
      const params = new Params().u32(vectors, clamp ? 1 : 0).f32(momentum).u32(nesterov ? 1 : 0);
      return {
        label: `gd/update${i}`,
        shader,
        entryPoint: momentum > 0 ? 'updateWithMomentum' : 'update',
        inputs: [gradient, scalars],
        outputs: [value, state.get(`before${i}`), ...(momentum > 0 ? [state.get(`velocity${i}`)] : [])],
        updates: true,
        params: appendBox(params, clamp),
        workgroups: linearWorkgroups(vectors, 64),
        cost: { flops: (momentum > 0 ? 16 : 8) * vectors, bytes: (momentum > 0 ? 96 : 64) * vectors },
      };
    }),
  ];
  return { where: 'GradientDescent', device, state, learningRate, dispatches };
}
