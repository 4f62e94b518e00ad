// Iterate averaging (Polyak and Juditsky 1992, with exponential weights as in Kingma and Ba's section 7.2): the picture
// that is looked at is a mean of the last iterates, quieter than any of them. Host side of average.wgsl.

import { Params, Sequence, totalCost, type Dispatch } from '../gpu/dispatch.ts';
import code from '../wgsl/average.wgsl';
import { State, vectorsIn, type Optimizer, type OptimizerCost, type Parameter, type StateBuffer } from './optimizer.ts';

/** An optimiser that also averages its parameter's iterates, for one dispatch an update and two buffers of its size. */
export class Averaged implements Optimizer {
  readonly ready: Promise<void>;
  readonly cost: OptimizerCost;
  readonly #device: GPUDevice;
  readonly #value: GPUBuffer;
  readonly #rule: Optimizer;
  readonly #state: State;
  readonly #sequence: Sequence;

  /** Owns `rule`, which moves `parameter`, from here on; `decay` is above 0 and below 1. */
  constructor(device: GPUDevice, parameter: Parameter, rule: Optimizer, decay: number) {
    const vectors = vectorsIn(parameter);
    const groups = Math.min(256, Math.ceil(vectors / (128 * 8)));
    this.#device = device;
    this.#value = parameter.value;
    this.#rule = rule;
    this.#state = new State(device, 'average', [
      ['average', vectors * 4],
      ['averageKept', vectors * 4],
      ['averageCount', 4],
    ]);
    const dispatch: Dispatch<GPUBuffer> = {
      label: 'average',
      shader: { name: 'average', code },
      inputs: [parameter.value, rule.failures.buffer],
      outputs: this.#state.buffers.map(({ buffer }) => buffer),
      updates: true,
      params: new Params().u32(vectors, groups).f32(1 - decay, Math.log(decay)),
      workgroups: [groups, 1, 1],
      cost: { flops: 12 * vectors, bytes: 16 * 4 * vectors },
    };
    this.#sequence = new Sequence(device, 'average', [dispatch]);
    const own = totalCost([dispatch]);
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

  get average(): GPUBuffer {
    return this.#state.get('average');
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

  /** Until there is an iterate the average is what the parameter holds now. */
  #restart(): void {
    this.#device.queue.writeBuffer(this.#state.get('averageCount'), 0, Uint32Array.of(0));
    const encoder = this.#device.createCommandEncoder({ label: 'wgpu-style/average' });
    encoder.copyBufferToBuffer(this.#value, 0, this.average, 0, this.average.size);
    this.#device.queue.submit([encoder.finish()]);
  }
}
