// Iterate averaging (Polyak and Juditsky 1992, with exponential weights as in Kingma and Ba's section 7.2): the picture
// that is looked at is a mean of the last iterates, quieter than any of them. Host side of average.wgsl.

import { Params, Sequence, totalCost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/average.wgsl';
import { State, vectorsIn, type Optimizer, type OptimizerCost, type Parameter, type StateBuffer } from './optimizer.ts';

const COUNT = 'averageCount';

/** State buffers of a parameter; of several, with the parameter's index behind each name. */
const ROLES = ['average', 'averageKept', COUNT] as const;

/** An optimiser that moves as `rule` does, which it owns from here on, and averages; `decay` is above 0 and below 1. */
export function averaged(device: GPUDevice, parameters: readonly Parameter[], rule: Optimizer, decay: number): Optimizer {
  try {
    return new Averaged(device, parameters, rule, decay);
  } catch (error) {
    rule.destroy();
    throw error;
  }
}

/** An optimiser that also averages its parameters' iterates, for one dispatch an update and two buffers of each one's size. */
class Averaged implements Optimizer {
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  readonly average: readonly GPUBuffer[];
  readonly #device: GPUDevice;
  readonly #values: readonly GPUBuffer[];
  readonly #rule: Optimizer;
  readonly #state: State;
  readonly #sequence: Sequence;

  constructor(device: GPUDevice, parameters: readonly Parameter[], rule: Optimizer, decay: number) {
    this.#device = device;
    this.#values = parameters.map(({ value }) => value);
    this.#rule = rule;
    const names = parameters.map((_, i) => ROLES.map((role) => (parameters.length === 1 ? role : `${role}${i}`)));
    const sizes = parameters.flatMap((parameter, i) => {
      const floats = vectorsIn(parameter) * 4;
      const [average, kept, count] = names[i]! as [string, string, string];
      return [[average, floats], [kept, floats], [count, 4]] as const;
    });
    this.#state = new State(device, 'average', sizes);
    this.average = names.map(([name]) => this.#state.get(name!));
    const dispatches = parameters.map((parameter, i): Dispatch<GPUBuffer> => {
      const vectors = vectorsIn(parameter);
      const groups = Math.min(256, Math.ceil(vectors / (128 * 8)));
      return {
        label: 'average',
        shader: { name: 'average', code },
        inputs: [parameter.value, rule.failures.buffer],
        outputs: names[i]!.map((name) => this.#state.get(name)),
        updates: true,
        params: new Params().u32(vectors, groups).f32(1 - decay, Math.log(decay)),
        workgroups: [groups, 1, 1],
        cost: { flops: 12 * vectors, bytes: 16 * 4 * vectors },
      };
    });
    this.#sequence = new Sequence(device, 'average', dispatches);
    const own = totalCost(dispatches);
    this.cost = {
      flops: rule.cost.flops + own.flops,
      bytes: rule.cost.bytes + own.bytes,
      dispatches: rule.cost.dispatches + own.dispatches,
      stateBytes: rule.cost.stateBytes + this.#state.bytes,
    };
    this.ready = Promise.all([rule.ready, this.#sequence.ready, this.#state.settled]).then(() => undefined);
    this.ready.catch(() => undefined); // reported to whoever awaits it
    this.#restart();
  }

  get failures(): GPUBufferBinding {
    return this.#rule.failures;
  }

  get steps(): number {
    return this.#rule.steps;
  }

  encode(pass: GPUComputePassEncoder): void {
    this.#rule.encode(pass);
    this.#sequence.encode(pass);
  }

  next(): readonly Sequence[] {
    return [...this.#rule.next(), this.#sequence];
  }

  setLearningRate(value: number): void {
    this.#rule.setLearningRate(value);
  }

  reset(): void {
    this.#rule.reset();
    this.#restart();
  }

  resume(steps: number): void {
    this.#rule.resume(steps);
  }

  state(): readonly StateBuffer[] {
    return [...this.#rule.state(), ...this.#state.buffers];
  }

  destroy(): void {
    this.#rule.destroy();
    this.#sequence.destroy();
    this.#state.destroy();
  }

  /** Until there is an iterate the average is what the parameters hold now. */
  #restart(): void {
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/average' });
    for (const { name, buffer } of this.#state.buffers) if (name.startsWith(COUNT)) encoder.clearBuffer(buffer);
    this.average.forEach((buffer, i) => encoder.copyBufferToBuffer(this.#values[i]!, 0, buffer, 0, buffer.size));
    this.#device.queue.submit([encoder.finish()]);
  }
}
