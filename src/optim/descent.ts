// Gradient descent: x ← x − η·∇L, with momentum and decay as options. Host side of descent.wgsl.

import { linearWorkgroups, Params, Sequence, totalCost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/descent.wgsl';
import {
  appendBox,
  checkClamp,
  checkLearningRate,
  checkParameters,
  checkSteps,
  decayPerStep,
  destroyed,
  State,
  vectorsIn,
  type Clamp,
  type Decay,
  type Optimizer,
  type OptimizerCost,
  type Parameter,
  type StateBuffer,
} from './optimizer.ts';
import { checkOptimizerOptions } from './options.ts';

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
export class GradientDescent implements Optimizer {
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  readonly #device: GPUDevice;
  readonly #state: State;
  readonly #sequence: Sequence;
  #steps = 0;
  #destroyed = false;

  /** @throws `bad-option` for settings out of range or buffers too small; `limit-exceeded`. */
  constructor(device: GPUDevice, parameters: readonly Parameter[], settings: GradientDescentSettings) {
    const { learningRate, momentum = 0, decay, clamp } = settings;
    checkOptimizerOptions({ name: 'gd', learningRate, momentum, ...(decay && { decay }) });
    checkParameters(parameters, 'GradientDescent');
    checkClamp(clamp, 'GradientDescent');
    this.#device = device;
    const velocities = momentum > 0 ? parameters : [];
    this.#state = new State(device, 'gd', [
      ['scalars', 4],
      ...velocities.map((p, i) => [`velocity${i}`, vectorsIn(p) * 4] as const),
    ]);
    const scalars = this.#state.get('scalars');
    device.queue.writeBuffer(scalars, 0, Float32Array.of(learningRate, 0));
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
          outputs: momentum > 0 ? [value, this.#state.get(`velocity${i}`)] : [value],
          updates: true,
          params: appendBox(params, clamp),
          workgroups: linearWorkgroups(vectors, 64),
          cost: { flops: (momentum > 0 ? 16 : 8) * vectors, bytes: (momentum > 0 ? 80 : 48) * vectors },
        };
      }),
    ];
    this.#sequence = new Sequence(device, 'gd', dispatches);
    this.cost = { ...totalCost(dispatches), stateBytes: this.#state.bytes };
    this.ready = Promise.all([this.#sequence.ready, this.#state.settled]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
  }

  get steps(): number {
    return this.#steps;
  }

  encode(pass: GPUComputePassEncoder): void {
    if (this.#destroyed) throw destroyed('GradientDescent.encode');
    this.#sequence.encode(pass);
    this.#steps++;
  }

  setLearningRate(value: number): void {
    checkLearningRate(value, 'GradientDescent.setLearningRate');
    this.#device.queue.writeBuffer(this.#state.get('scalars'), 0, Float32Array.of(value));
  }

  reset(): void {
    this.resume(0);
  }

  resume(steps: number): void {
    checkSteps(steps, 'GradientDescent.resume');
    this.#device.queue.writeBuffer(this.#state.get('scalars'), 4, Float32Array.of(steps));
    this.#steps = steps;
  }

  state(): readonly StateBuffer[] {
    return this.#state.buffers;
  }

  destroy(): void {
    this.#destroyed = true;
    this.#sequence.destroy();
    this.#state.destroy();
  }
}
