// Targets: what the content's features and edges and the styles' statistics are. Computed once per session on its tape; the
// arenas are gone afterwards.

import type { Tape, Tensor } from '../autograd/index.ts';
import { createBuffer, watchMemory } from '../gpu/buffers.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import { edgeMap, edgeName } from './edges.ts';
import type { Recipe } from './recipes.ts';
import { toSpace } from './space.ts';
import { layerStatistics, targetTensors, type StylePart, type Target } from './statistics.ts';
import { features, type FeatureRequest } from './terms.ts';

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

/** The content's Laplacian after each pooling. */
export async function edgeTargets(
  tape: Tape,
  content: Pixels,
  poolings: readonly number[],
  request: FeatureRequest,
): Promise<Map<number, Target>> {
  if (poolings.length === 0) return new Map();
  const image = imageTensor(tape, content, request, 'content');
  const maps = poolings.map((pooling) => edgeMap(tape, image, pooling));
  const program = tape.compile(maps);
  try {
    await program.run();
    const read = await Promise.all(maps.map((map) => program.read(map)));
    return new Map(poolings.map((pooling, i) => [pooling, keep(tape, maps[i]!.shape, read[i]!, edgeName(pooling))]));
  } finally {
    program.destroy();
    tape.release(image);
  }
}

function keep(tape: Tape, shape: readonly number[], values: Float32Array, label: string): Target {
  return { tensor: tape.constant(shape, values, label), sumOfSquares: sumOfSquares(values) };
}

/** Weighted means of the styles' statistics, for each of `parts`; weights are divided by their sum. */
export async function styleTargets(
  tape: Tape,
  styles: readonly { readonly picture: Pixels; readonly weight: number }[],
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
): Promise<Map<StylePart, Target[]>> {
  if (parts.length === 0) return new Map();
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  const layers = [...new Set(parts.map(({ layer }) => layer))];
  const means: Float32Array<ArrayBuffer>[] = [];
  let tensors: Tensor[][] = [];
  for (const { picture, weight } of styles) {
    const image = imageTensor(tape, picture, request, 'style');
    const found = features(tape, image, layers, request);
    const of = new Map(layers.map((layer) => [layer, layerStatistics(tape, found.get(layer)!, normalize)]));
    tensors = parts.map(({ statistic, layer }) => targetTensors(of.get(layer)!, statistic));
    const all = tensors.flat();
    const program = tape.compile([...new Set(all)]);
    try {
      await program.run();
      for (const [i, tensor] of all.entries()) {
        const values = await program.read(tensor);
        const mean = (means[i] ??= new Float32Array(values.length));
        values.forEach((value, k) => (mean[k]! += (value * weight) / total));
      }
    } finally {
      program.destroy();
      tape.release(image);
    }
  }
  let next = 0;
  return new Map(
    parts.map((part, i) => {
      const label = `style/${part.layer}/${part.statistic}`;
      return [part, tensors[i]!.map(({ shape }) => keep(tape, shape, means[next++]!, label))];
    }),
  );
}
