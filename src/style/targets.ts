// Targets: what the content's features and the styles' Gram matrices are. Computed once per session on its tape; the
// arenas are gone afterwards.

import type { Tape, Tensor } from '../autograd/index.ts';
import { createBuffer, watchMemory } from '../gpu/buffers.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import { toSpace } from './space.ts';
import {
  features,
  normalizedGram,
  type FeatureRequest,
  type Target,
} from './terms.ts';
import type { Recipe } from './recipes.ts';

function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
}

function imageTensor(tape: Tape, picture: Pixels, request: FeatureRequest, label: string): Tensor {
  const shape = [picture.height, picture.width, 3];
  return tape.variable(shape, toSpace(picture, request.space), label);
}

/** Features of the content picture at `layers`, kept on the GPU. `hold` takes over each buffer as it is made. */
export async function contentTargets(
  tape: Tape,
  content: Pixels,
  layers: readonly string[],
  request: FeatureRequest,
  hold: (buffer: GPUBuffer) => void,
): Promise<Map<string, Target>> {
  const targets = new Map<string, Target>();
  if (layers.length === 0) return targets;
  const { device } = tape;
  const image = imageTensor(tape, content, request, 'content');
  const found = features(tape, image, layers, request);
  const tensors = layers.map((layer) => found.get(layer)!);
  // Mean squares on the GPU: the features of a large picture are hundreds of megabytes to read back.
  const squares = tensors.map((tensor) => tape.meanSquared(tensor));
  const program = tape.compile([...tensors, ...squares]);
  try {
    await program.run();
    for (const [i, layer] of layers.entries()) {
      const { shape } = tensors[i]!;
      const bytes = bytesOf(shape);
      const label = `content/${layer}`;
      const { result: buffer, settled } = watchMemory(device, label, () => createBuffer(device, label, bytes));
      hold(buffer);
      await settled;
      const encoder = device.createCommandEncoder({ label: 'wgpu-style/keep target' });
      encoder.copyBufferToBuffer(program.buffer(tensors[i]!), 0, buffer, 0, bytes);
      device.queue.submit([encoder.finish()]);
      const [meanSquare] = await program.read(squares[i]!);
      const tensor = tape.constant(shape, buffer, label);
      targets.set(layer, { tensor, sumOfSquares: meanSquare! * elementsOf(shape) });
    }
  } finally {
    program.destroy();
    tape.release(image);
  }
  return targets;
}

/** Weighted mean of the styles' normalised Gram matrices at `layers`; weights are divided by their sum. */
export async function styleTargets(
  tape: Tape,
  styles: readonly { readonly picture: Pixels; readonly weight: number }[],
  layers: readonly string[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
): Promise<Map<string, Target>> {
  if (layers.length === 0) return new Map();
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  const means: Float32Array<ArrayBuffer>[] = [];
  let shapes: (readonly number[])[] = [];
  for (const { picture, weight } of styles) {
    const image = imageTensor(tape, picture, request, 'style');
    const found = features(tape, image, layers, request);
    const grams = layers.map((layer) => normalizedGram(tape, found.get(layer)!, normalize));
    const program = tape.compile(grams);
    try {
      await program.run();
      shapes = grams.map((gram) => gram.shape);
      for (const [i, gram] of grams.entries()) {
        const values = await program.read(gram);
        const mean = (means[i] ??= new Float32Array(values.length));
        values.forEach((value, k) => (mean[k]! += (value * weight) / total));
      }
    } finally {
      program.destroy();
      tape.release(image);
    }
  }
  return new Map(
    layers.map((layer, i) => {
      const tensor = tape.constant(shapes[i]!, means[i]!, `style/${layer}`);
      return [layer, { tensor, sumOfSquares: sumOfSquares(means[i]!) }];
    }),
  );
}
