// A loss of one's own on the tape: a deep dream. The picture climbs towards whatever excites a layer of the network, by
// normalised gradient steps; the tape brings gradients of any loss that its operations can say.
//
// `dream` works on any GPUDevice, in pages too. In Node (after `npm run build`):
//   npx esbuild examples/deep-dream.ts --outfile=dist/deep-dream.mjs && node dist/deep-dream.mjs

import { Tape } from 'wgpu-style/autograd';
import { Adam } from 'wgpu-style/optim';
import { buildFeatures, defaultNetwork } from 'wgpu-style/vgg';

export interface Dream {
  readonly layer?: string;
  readonly steps?: number;
  /** How dear noise is: the factor of total variation. */
  readonly smoothness?: number;
}

/** Dreams on a picture of `width` x `height`, interleaved RGB in [0, 1]; gives picture and losses. */
export async function dream(
  device: GPUDevice,
  rgb: Float32Array,
  width: number,
  height: number,
  { layer = 'relu3_3', steps = 40, smoothness = 1e-3 }: Dream = {},
): Promise<{ picture: Float32Array; losses: number[] }> {
  const tape = new Tape(device);
  const image = tape.variable([height, width, 3], rgb, 'image');
  const features = buildFeatures(tape, await defaultNetwork(), image, [layer]);
  // Less is better: minus the mean of the squared activations, plus the noise.
  const excitement = tape.mean(tape.square(features.get(layer)!));
  const loss = tape.sub(tape.scale(tape.totalVariation(image), smoothness), excitement);

  const program = tape.compile(loss, [image]);
  const value = program.buffer(image);
  const parameter = { value, gradient: program.gradientBuffer(image), floats: value.size / 4 };
  const clamp = { min: [0, 0, 0, 0], max: [1, 1, 1, 0] } as const;
  const adam = new Adam(device, [parameter], { learningRate: 0.01, clamp });
  await Promise.all([program.ready, adam.ready]);

  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const encoder = device.createCommandEncoder();
    program.encode(encoder);
    const pass = encoder.beginComputePass();
    adam.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    losses.push((await program.read(loss))[0]!);
  }
  const picture = await program.read(image);
  adam.destroy();
  program.destroy();
  tape.destroy();
  return { picture, losses };
}

if (globalThis.process?.argv[1]?.includes('deep-dream')) {
  const { requestDevice } = await import('wgpu-style/node');
  const device = await requestDevice();
  const gray = new Float32Array(3 * 64 * 64).map((_, i) => 0.5 + 0.1 * Math.sin(i * i));
  const { losses } = await dream(device, gray, 64, 64);
  console.log(`loss ${losses[0]!.toFixed(3)} → ${losses.at(-1)!.toFixed(3)}`);
  device.destroy();
}
