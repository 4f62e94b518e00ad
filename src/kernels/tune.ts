// Measures the few kernels that can compute a convolution, one shape for each class of shapes, and remembers the fastest
// for the adapter. From then on every choice on such a device follows the table.
//
//   class           kind of kernel, channels in and out, pixels, each in two or three sizes: see conv2dClass
//   representative  the shape that is measured for its class

import { createBuffer, destroyBuffer } from '../gpu/buffers.ts';
import { Sequence, type Dispatch } from '../gpu/dispatch.ts';
import { PassTimer } from '../gpu/timing.ts';
import { conv2dCandidates, conv2dClass, conv2dForward, type Conv2dMethod, type Conv2dParams } from './conv2d.ts';
import { bytesOf, type Shape } from './shape.ts';
import { kernelTarget, type KernelTarget } from './target.ts';
import { rememberTuning, tuningOf, type TuningTable } from './tuning.ts';
import { winograd, winogradWeightsShape } from './winograd.ts';

/** Options of {@link tune}. */
export interface TuneOptions {
  /** Milliseconds after which no further class is measured; default 1000. Classes that are left out keep their rule. */
  readonly milliseconds?: number;
  /** Measures even where the adapter was measured before. */
  readonly again?: boolean;
}

/** Side, channels in and out, kernel: the commonest first, because time may run out. A quarter of the side on software. */
const REPRESENTATIVES: readonly (readonly [side: number, ci: number, co: number, kernel: number])[] = [
  [128, 128, 128, 3], [256, 64, 64, 3], [32, 256, 256, 3], [128, 64, 128, 3], [16, 512, 512, 3], [32, 64, 64, 3],
  [256, 3, 64, 3], [256, 64, 3, 3], [128, 64, 64, 1], [256, 3, 32, 9], [256, 32, 3, 9],
];

/** A measured pass lasts at least about so many milliseconds: Chrome rounds timestamps to a tenth of one. */
const SHORTEST = 3;

function paramsOf([side, ci, co, kernel]: (typeof REPRESENTATIVES)[number], software: boolean): Conv2dParams {
  const n = software ? side / 4 : side;
  const pad = (kernel - 1) / 2;
  const common = { stride: [1, 1], dilation: [1, 1], mode: 'zero' } as const;
  return { ...common, input: [n, n, ci], output: [n, n, co], kernel: [kernel, kernel], pad: [pad, pad] };
}

/** The fastest of measured milliseconds; undefined where nothing was measured. */
export function fastest(measured: ReadonlyMap<Conv2dMethod, number>): Conv2dMethod | undefined {
  return [...measured].sort(([, a], [, b]) => a - b)[0]?.[0];
}

/**
 * Measures which convolution kernels are fastest on the device's adapter, once: about a second and the time to compile
 * them. From then on sessions, tapes and `conv2dVariant` on devices of this adapter use what was found. Remembered in localStorage, or in Node in
 * the cache folder; a device that was tuned before returns its table at once. Submits work of its own to the queue.
 */
export async function tune(device: GPUDevice, options: TuneOptions = {}): Promise<TuningTable> {
  const known = tuningOf(device);
  if (known && !options.again) return known;
  const target: KernelTarget = { ...kernelTarget(device), tuned: undefined };
  const ends = performance.now() + (options.milliseconds ?? 1000);
  const timer = new PassTimer(device, 'tune');
  const table: Record<string, string> = {};
  try {
    for (const representative of REPRESENTATIVES) {
      if (performance.now() > ends) break;
      const params = paramsOf(representative, target.software);
      const name = conv2dClass(params);
      const candidates = conv2dCandidates(params, target);
      if (name === undefined || name in table || candidates.length < 2) continue;
      const best = fastest(await measureAll(device, timer, params, target, candidates));
      if (best) table[name] = best;
    }
  } finally {
    timer.destroy();
  }
  rememberTuning(device, table);
  return table;
}

/** Milliseconds of every candidate: the least of three, in turns, because clocks drift. */
async function measureAll(
  device: GPUDevice,
  timer: PassTimer,
  params: Conv2dParams,
  target: KernelTarget,
  candidates: readonly Conv2dMethod[],
): Promise<ReadonlyMap<Conv2dMethod, number>> {
  const made: GPUBuffer[] = [];
  const buffer = (shape: Shape): GPUBuffer => {
    made.push(createBuffer(device, 'tune', bytesOf(shape)));
    return made.at(-1)!;
  };
  const { input, output, kernel } = params;
  const [x, w, y] = [buffer(input), buffer([...kernel, input[2], output[2]]), buffer(output)];
  const dispatchesOf = (method: Conv2dMethod): Dispatch<GPUBuffer>[] =>
    method === 'winograd'
      ? winograd(params, { x, w: buffer(winogradWeightsShape(params)), y }, target, {}, buffer)
      : [conv2dForward(params, { x, w, y }, target, {}, method)];
  const sequences = candidates.map((method) => new Sequence(device, 'tune', dispatchesOf(method)));
  const least = new Map<Conv2dMethod, number>();
  try {
    await Promise.all(sequences.map(({ ready }) => ready));
    // The first round warms up and tells how often a pass has to repeat.
    const pilots: number[] = [];
    for (const sequence of sequences) pilots.push(await timeOf(device, timer, sequence, 1));
    const repetitions = Math.max(1, Math.min(50, Math.ceil(SHORTEST / Math.max(...pilots))));
    for (let round = 0; round < 3; round++) {
      for (const [i, method] of candidates.entries()) {
        const milliseconds = await timeOf(device, timer, sequences[i]!, repetitions);
        least.set(method, Math.min(least.get(method) ?? Infinity, milliseconds));
      }
    }
  } finally {
    for (const sequence of sequences) sequence.destroy();
    made.forEach(destroyBuffer);
  }
  return least;
}

/** Of one repetition, by timestamps where the device has them, else until the queue is done. */
async function timeOf(device: GPUDevice, timer: PassTimer, sequence: Sequence, repetitions: number): Promise<number> {
  const encoder = device.createCommandEncoder({ label: 'wgpu-style/tune' });
  const pass = encoder.beginComputePass(timer.writes);
  for (let i = 0; i < repetitions; i++) sequence.encode(pass);
  pass.end();
  timer.resolve(encoder);
  const started = performance.now();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  const wall = performance.now() - started;
  return ((await timer.read()) ?? wall) / repetitions;
}
