// One update of the picture: Adam in one dispatch against Adam as three elementwise ones, and L-BFGS. Limited by memory.

import { Adam, Lbfgs, lbfgsCost } from 'wgpu-style/optim';
import { adam } from '../test/oracle/optim.ts';
import type { Bench } from './harness/compare.ts';
import { everything, largestError } from './harness/oracle.ts';
import { Buffers, readFloats, seeded } from './harness/values.ts';
import { workshop } from './harness/workshop.ts';
import unfusedCode from './workshop/adam_unfused.wgsl';

const SETTINGS = { learningRate: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const HISTORY = 10;

export async function benchOptim({ device, clock, side, measure }: Bench): Promise<void> {
  const count = 4 * side * side;
  const buffers = new Buffers(device);
  const data = { x: seeded(count, 1), g: seeded(count, 2) };
  const gradient = buffers.make([count], data.g);
  const value = buffers.make([count], data.x);
  const parameter = { value, gradient, floats: count };
  const ours = new Adam(device, [parameter], SETTINGS);
  const lbfgs = new Lbfgs(device, parameter, { history: HISTORY });
  const { learningRate, beta1, beta2, epsilon } = SETTINGS;
  const launch = {
    name: 'adam_unfused',
    code: unfusedCode,
    inputs: [gradient],
    outputs: [value, buffers.make([count]), buffers.make([count])],
    params: [count],
    floats: [beta1, beta2, 1 - beta1, 1 - beta2, learningRate, epsilon], // of the first step
    threads: count,
    cost: ours.cost,
  };
  const steps = ['mean', 'square', 'step'].map((entryPoint) => workshop({ ...launch, entryPoint }));
  const unfused = await clock.dispatches(steps);
  try {
    await Promise.all([ours.ready, lbfgs.ready]);
    const expected = Float64Array.from(data.x);
    adam(SETTINGS).step(expected, data.g);
    const oursInPass = clock.inPass((pass) => ours.encode(pass));
    const check = async (what: string, run: () => Promise<unknown>): Promise<number> => {
      device.queue.writeBuffer(value, 0, data.x);
      await run();
      const error = largestError(await readFloats(device, value), everything(expected));
      if (error <= 1e-5) return error;
      throw new Error(`optim, ${what}: the first step is off by ${error} of the RMS`);
    };
    const errors = {
      unfused: await check('Adam, unfused', () => unfused.time(1)),
      ours: await check('Adam, ours', () => oursInPass.time(1)),
    };
    // A full history: later updates all cost the same.
    await clock.inPass((pass) => lbfgs.encode(pass)).time(HISTORY + 2);
    const shared = { family: 'optim', name: `${side}x${side}x4` };
    await measure([
      { ...shared, variant: 'Adam, unfused', subject: unfused, cost: ours.cost, error: errors.unfused },
      { ...shared, variant: 'Adam, ours', subject: oursInPass, cost: ours.cost, error: errors.ours },
      {
        ...shared,
        variant: `L-BFGS, history ${HISTORY}`,
        subject: clock.inPass((pass) => lbfgs.encode(pass)),
        cost: lbfgsCost(count / 4, HISTORY),
      },
    ], ([unfusedRow, oursRow, ...rest]) => [
      unfusedRow!,
      { ...oursRow!, speedup: unfusedRow!.milliseconds / oursRow!.milliseconds },
      ...rest,
    ]);
  } finally {
    unfused.destroy();
    ours.destroy();
    lbfgs.destroy();
    buffers.destroy();
  }
}
