// Random graphs on the GPU against their float64 evaluation.

import { expect } from 'vitest';
import { Tape, type Program, type Tensor } from '../../src/autograd/index.ts';
import { memoryUse } from '../../src/gpu/buffers.ts';
import { asGpu } from '../as-gpu.ts';
import { rms } from '../check.ts';
import { testDevice } from '../device.ts';
import { evaluate } from '../oracle/tape.ts';
import { again, Dice } from './dice.ts';
import type { Graph, Twin } from './graph.ts';
import { randomGraph } from './random-graph.ts';

/** Graphs in flight: their pipelines compile and their results come back together. */
const BATCH = 20;

// A dozen ops of up to a few hundred float32 terms each, relative to the RMS of the reference; what cancels on the way
// is measured by a second evaluation that rounds every result, and by the largest gradient in the graph. What cancels
// inside of an op, by the largest sum that a gradient may be of another's values: that of a bias before another
// normalisation is 0, whatever they are.
const RELATIVE = 5e-5;
const NOISE = 30;
const OF_LARGEST = 2e-6;
const OF_SUM = 2e-7;

interface Case {
  readonly seed: number;
  readonly graph: Graph;
  readonly program: Program;
  readonly wrt: readonly Twin[];
  readonly kept: readonly Twin[];
}

/** What to ask of a graph: some gradients of leaves and, now and then, of what lies between; some values. */
function compiled(seed: number, device: GPUDevice): Case {
  const dice = new Dice(seed);
  const tape = new Tape(device);
  const graph = randomGraph(tape, dice);
  const loss = graph.twins.at(-1)!;
  const { gradients } = evaluate(graph.twins.map(({ node }) => node));
  const leaves = new Set(graph.twins.filter(({ kind }) => kind === 'variable' && dice.chance(0.9)));
  const wanted = graph.twins.filter(
    (twin) =>
      twin !== loss && gradients.has(twin.node) && isDifferentiated(graph, twin) && (leaves.has(twin) || dice.chance(0.08)),
  );
  const kept = graph.twins.filter((twin) => twin.kind === 'value' && twin !== loss && dice.chance(0.08));
  const outputs = [loss, ...kept].map(({ tensor }) => tensor);
  const program = tape.compile(outputs, wanted.map(({ tensor }) => tensor));
  return { seed, graph, program, wrt: wanted, kept: [loss, ...kept] };
}

/** Weights of `weigh` get no gradient, and what is used there alone has none. */
function isDifferentiated(graph: Graph, twin: Twin): boolean {
  const readers = graph.twins.filter(({ node }) => node.inputs.includes(twin.node));
  return readers.some(({ tensor }) => tensor.op?.backward[tensor.op.inputs.indexOf(twin.tensor)] !== undefined || tensor.op?.name !== 'weigh');
}

interface Read {
  readonly values: readonly Float32Array[];
  readonly gradients: readonly Float32Array[];
}

async function read({ program, wrt, kept }: Case): Promise<Read> {
  const all = <T>(twins: readonly Twin[], get: (tensor: Tensor) => Promise<T>): Promise<T[]> =>
    Promise.all(twins.map(({ tensor }) => get(tensor)));
  const values = all(kept, (tensor) => program.read(tensor));
  return { values: await values, gradients: await all(wrt, (tensor) => program.gradient(tensor)) };
}

function check({ graph, wrt, kept }: Case, { values, gradients }: Read): void {
  const nodes = graph.twins.map(({ node }) => node);
  const exact = evaluate(nodes);
  const rounded = evaluate(nodes, Math.fround);
  const all = [...exact.gradients.values()];
  const largest = Math.max(...all.map(rms));
  const largestSum = Math.max(...all.map((values) => values.reduce((sum, value) => sum + Math.abs(value), 0)));
  const compare = (
    twins: readonly Twin[],
    got: readonly Float32Array[],
    of: 'values' | 'gradients',
    floor: (count: number) => number,
  ): void =>
    twins.forEach((twin, i) => {
      const reference = exact[of].get(twin.node)!;
      const noise = rms(rounded[of].get(twin.node)!.map((v, at) => v - reference[at]!));
      const tolerance = RELATIVE * rms(reference) + NOISE * noise + floor(reference.length);
      const worst = got[i]!.reduce((most, v, at) => Math.max(most, Math.abs(v - reference[at]!)), 0);
      const name = `${of} of t${graph.twins.indexOf(twin)}: off by ${worst}, allowed ${tolerance}`;
      // NaN must fail too.
      expect(worst <= tolerance && got[i]!.every(Number.isFinite), name).toBe(true);
    });
  compare(kept, values, 'values', () => 1e-6);
  compare(wrt, gradients, 'gradients', (count) => OF_LARGEST * largest + (OF_SUM * largestSum) / count);
}

/**
 * Values and gradients of the graphs of `seeds`, on the adapter's own kernels and on those of a GPU in turn; every byte comes
 * back. A failure names its seed, to try again in `file`.
 */
export async function checkGraphs(seeds: readonly number[], file: string): Promise<void> {
  const devices = [await testDevice(), await asGpu()];
  const before = devices.map((device) => memoryUse(device).bytes);
  for (let from = 0; from < seeds.length; from += BATCH) {
    const cases = seeds.slice(from, from + BATCH).map((seed) => {
      try {
        return compiled(seed, devices[seed % devices.length]!);
      } catch (error) {
        if (error instanceof Error) error.message += `\n${again(seed, file)}`;
        throw error;
      }
    });
    const done = await Promise.all(
      cases.map(async (item) => {
        await item.program.ready;
        item.program.submit();
        return read(item);
      }),
    );
    cases.forEach((item, i) => {
      try {
        check(item, done[i]!);
      } catch (error) {
        if (error instanceof Error) error.message += `\n${item.graph.text.join('\n')}\n${again(item.seed, file)}`;
        throw error;
      }
      item.program.destroy();
      item.graph.tape.destroy();
    });
  }
  expect(devices.map((device) => memoryUse(device).bytes)).toEqual(before);
}
