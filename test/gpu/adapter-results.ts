// What two adapters are compared by: values, gradients and losses of the same graphs and the same session.

import { Tape } from '../../src/autograd/index.ts';
import { StyleSession } from '../../src/index.ts';
import { randomValues } from '../check.ts';
import { Dice } from '../property/dice.ts';
import { randomGraph } from '../property/random-graph.ts';
import { scene, tinyNetwork } from '../style/setting.ts';

/** As JSON carries it from one process to another. */
export interface AdapterResults {
  readonly adapter: string;
  /** Value of the loss, gradients to image and weights of a convolution with all that is fused into it. */
  readonly network: readonly (readonly number[])[];
  /** Losses of random graphs. */
  readonly graphs: readonly number[];
  readonly gradient: readonly number[];
  /** Total losses of consecutive iterations of Adam. */
  readonly losses: readonly number[];
}

export async function adapterResults(device: GPUDevice): Promise<AdapterResults> {
  return {
    adapter: device.adapterInfo.description,
    network: await networkResults(device),
    graphs: await graphResults(device, 3),
    ...(await sessionResults(device)),
  };
}

async function networkResults(device: GPUDevice): Promise<number[][]> {
  const tape = new Tape(device);
  const x = tape.variable([21, 26, 3], randomValues(21 * 26 * 3, 1));
  const k = tape.variable([3, 3, 3, 20], randomValues(27 * 20, 2));
  const hidden = tape.maxPool(tape.relu(tape.conv2d(x, k, { padding: 'reflect' })));
  const loss = tape.add(tape.meanSquared(tape.gram(hidden, 0.01)), tape.totalVariation(x));
  const program = tape.compile(loss, [x, k]);
  await program.run();
  const read = [await program.read(loss), await program.gradient(x), await program.gradient(k)];
  program.destroy();
  tape.destroy();
  return read.map((values) => [...values]);
}

async function graphResults(device: GPUDevice, count: number): Promise<number[]> {
  const losses: number[] = [];
  for (let seed = 0; seed < count; seed++) {
    const tape = new Tape(device);
    const loss = randomGraph(tape, new Dice(seed)).twins.at(-1)!.tensor;
    const program = tape.compile(loss);
    await program.run();
    losses.push(...(await program.read(loss)));
    program.destroy();
    tape.destroy();
  }
  return losses;
}

async function sessionResults(device: GPUDevice): Promise<Pick<AdapterResults, 'gradient' | 'losses'>> {
  const session = await StyleSession.create({
    device,
    content: scene(24, 20),
    style: scene(20, 26, 1),
    network: tinyNetwork(),
    recipe: 'lecture',
    size: 24,
    contentLayers: { relu2_1: 1 },
    styleLayers: { relu1_1: 1, relu2_1: 0.5 },
    optimizer: { name: 'adam', learningRate: 0.02 },
  });
  const gradient = [...(await session.gradient())];
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) losses.push((await session.step(1)).total);
  session.destroy();
  return { gradient, losses };
}
