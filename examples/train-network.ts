// Trains a small network from nothing: it sees random pictures and learns the sum of their edges,
// |∂x| + |∂y|, from the right answers alone. Two convolutions, ReLU, biases, Adam; all on the GPU.
//
// `trainNetwork` is the whole program: call it with any GPUDevice, in a page too. In Node (after `npm run build`):
//   npx esbuild examples/train-network.ts --outfile=dist/train-network.mjs && node dist/train-network.mjs
//
// On Mesa lavapipe (two cores, 2026-11-24) 400 steps take under a second: loss 1 → 5e-6.

import { Tape } from 'wgpu-style/autograd';
import { Adam } from 'wgpu-style/optim';

export interface Training {
  /** Side of the pictures in pixels. */
  readonly side?: number;
  readonly steps?: number;
  readonly log?: (line: string) => void;
}

/** Returns the loss of each step: the mean squared error on a picture that the network has never seen. */
export async function trainNetwork(device: GPUDevice, options: Training = {}): Promise<number[]> {
  const { side = 32, steps = 400, log = console.log } = options;
  const random = numbers(1);
  const tape = new Tape(device);

  const picture = tape.variable([side, side, 1]);
  const answer = tape.variable([side, side, 1]);
  // Weights are [kernel height, kernel width, channels in, channels out].
  const weights = [
    tape.variable([3, 3, 1, 16], fill(9 * 16, () => (random() - 0.5) * 1.5)),
    tape.variable([16], fill(16, () => 0)),
    tape.variable([1, 1, 16, 1], fill(16, () => (random() - 0.5) * 0.8)),
    tape.variable([1], [0]),
  ] as const;
  const [k1, b1, k2, b2] = weights;
  const hidden = tape.relu(tape.conv2d(picture, k1, { bias: b1, padding: 'replicate' }));
  const guess = tape.conv2d(hidden, k2, { bias: b2 });
  const loss = tape.meanSquared(guess, answer);

  const program = tape.compile(loss, weights);
  const parameters = weights.map((tensor) => {
    const value = program.buffer(tensor);
    return { value, gradient: program.gradientBuffer(tensor), floats: value.size / 4 };
  });
  const adam = new Adam(device, parameters, { learningRate: 0.04 });
  await Promise.all([program.ready, adam.ready]);

  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const pixels = fill(side * side, () => random() - 0.5);
    tape.write(picture, pixels);
    tape.write(answer, edges(pixels, side));

    const encoder = device.createCommandEncoder();
    program.encode(encoder); // loss and gradients …
    const pass = encoder.beginComputePass();
    adam.encode(pass); // … and one step along them
    pass.end();
    device.queue.submit([encoder.finish()]);

    losses.push((await program.read(loss))[0]!);
    if (step % 50 === 0 || step === steps - 1) log(`step ${step}: loss ${losses[step]!.toExponential(2)}`);
  }
  adam.destroy();
  program.destroy();
  tape.destroy();
  return losses;
}

/** What the network has to learn: differences of the neighbours to the right and left, below and above. */
function edges(pixels: Float32Array, side: number): Float32Array {
  const at = (y: number, x: number): number => {
    const inside = (i: number): number => Math.min(side - 1, Math.max(0, i));
    return pixels[inside(y) * side + inside(x)]!;
  };
  return pixels.map((_, i) => {
    const [y, x] = [Math.floor(i / side), i % side];
    return Math.abs(at(y, x + 1) - at(y, x - 1)) + Math.abs(at(y + 1, x) - at(y - 1, x));
  });
}

function fill(count: number, value: () => number): Float32Array {
  return new Float32Array(count).map(value);
}

/** Numbers in [0, 1) from a seed, so that every run is the same (a linear congruential generator will do here). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// Run as a program, not imported.
const [, file] = globalThis.process?.argv ?? [];
if (file && import.meta.url === (await import('node:url')).pathToFileURL(file).href) {
  const { requestDevice } = await import('wgpu-style/node');
  const device = await requestDevice();
  await trainNetwork(device);
  device.destroy();
}
