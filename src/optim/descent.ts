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

const shader = { name: 'descent', code };

/** Settings of {@link GradientDescent}. */
export interface GradientDescentSettings {
  /** Step size η, above 0, in units of value per gradient. */
  readonly learningRate: number;
  /** 0 (default) to below 1: v ← momentum·v + ∇L, x ← x − η·v, as torch.optim.SGD. */
  readonly momentum?: number;
  readonly decay?: Decay;
  readonly clamp?: Clamp;
}

/** Gradient descent over any number of parameters: one dispatch for each, and one of a single thread. */
export class GradientDescent extends Replayed {
  /** @throws `bad-option` for settings out of range or buffers too small; `limit-exceeded`. */
  constructor(device: GPUDevice, parameters: readonly Parameter[], settings: GradientDescentSettings) {
    super(parts(device, parameters, settings));
  }
}

/** The state of the rule, and the dispatches of one update. */
function parts(device: GPUDevice, parameters: readonly Parameter[], settings: GradientDescentSettings): ReplayedParts {
  const { learningRate, momentum = 0, decay, clamp } = settings;
  checkOptimizerOptions({ name: 'gd', learningRate, momentum, ...(decay && { decay }) });
  checkParameters(parameters, 'GradientDescent');
  checkClamp(clamp, 'GradientDescent');
  const velocities = momentum > 0 ? parameters : [];
  const state = new State(device, 'gd', [
    ['scalars', 4],
    ...velocities.map((p, i) => [`velocity${i}`, vectorsIn(p) * 4] as const),
  ]);
  const scalars = state.get('scalars');
  const dispatches: Dispatch<GPUBuffer>[] = [
    {
      label: 'gd/advance',
      shader,
      entryPoint: 'advance',
      inputs: [],
      outputs: [scalars],
      updates: true,
      params: new Params().f32(decayPerStep(decay)),
      workgroups: [1, 1, 1],
      cost: { flops: 4, bytes: 24 },
    },
    ...parameters.map((parameter, i) => {
      const vectors = vectorsIn(parameter);
      const { value, gradient } = parameter;
      const params = new Params().u32(vectors, clamp ? 1 : 0).f32(momentum, 0);
      return {
        label: `gd/update${i}`,
        shader,
        entryPoint: momentum > 0 ? 'updateWithMomentum' : 'update',
        inputs: [gradient, scalars],
        outputs: momentum > 0 ? [value, state.get(`velocity${i}`)] : [value],
        updates: true,
        params: appendBox(params, clamp),
        workgroups: linearWorkgroups(vectors, 64),
        cost: { flops: (momentum > 0 ? 16 : 8) * vectors, bytes: (momentum > 0 ? 80 : 48) * vectors },
      };
    }),
  ];
  return { where: 'GradientDescent', device, state, learningRate, dispatches };
}
