// Targets: what the content's features and edges and the styles' statistics are. Computed once per session on its tape; the
// arenas are gone afterwards.

import type { Tape, Tensor } from '../autograd/index.ts';
import { loadChunk } from '../gpu/chunk.ts';
import { createBuffer, watchMemory } from '../gpu/buffers.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import { edgeMap, edgeName } from './edges.ts';
import type { ReadStyle } from './matched.ts';
import { isMatched, type Recipe } from './recipes.ts';
import { toSpace } from './space.ts';
import { keepTarget, layerStatistics, targetTensors, type StylePart, type Target } from './statistics.ts';
import type { Guides, Region } from './guides.ts';
import type { MatchedTerm } from './style-values.ts';
import { features, type FeatureRequest, type RegionTargets } from './terms.ts';

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
  const maps = poolings.map((pooling) => edgeMap(tape, image, pooling, request.wraps));
  const program = tape.compile(maps);
  try {
    await program.run();
    const read = await Promise.all(maps.map((map) => program.read(map)));
    return new Map(poolings.map((pooling, i) => [pooling, keepTarget(tape, maps[i]!.shape, read[i]!, edgeName(pooling))]));
  } finally {
    program.destroy();
    tape.release(image);
  }
}

/** A guide on the tape: [h, w, 1]. */
function guideTensors(tape: Tape, guides: Guides | undefined): ReadonlyMap<string, Tensor> {
  const planes = [...(guides ?? [])];
  return new Map(
    planes.map(([layer, { width, height, values }]) => [layer, tape.constant([height, width, 1], values, `guide/${layer}`)]),
  );
}

/** What each region's styles ask for; regions in which nothing counts ask for nothing. */
export async function styleTargets(
  tape: Tape,
  regions: readonly Region[],
  parts: readonly StylePart[],
  { normalize, measure }: Pick<Recipe['style'], 'normalize' | 'measure'>,
  request: FeatureRequest,
): Promise<RegionTargets[]> {
  const targets: RegionTargets[] = [];
  for (const { share, guides, styles } of regions) {
    const own = parts.filter(({ layer }) => !guides || guides.has(layer));
    const matched = own.filter(({ statistic }) => isMatched(statistic));
    const blended = own.filter(({ statistic }) => !isMatched(statistic));
    const read: ReadStyle = async ({ picture }, some, see) => readStyle(tape, picture, some, see, request);
    targets.push({
      share,
      guides: guideTensors(tape, guides),
      parts: await regionTargets(tape, styles, blended, normalize, request),
      matched:
        matched.length === 0
          ? new Map<StylePart, MatchedTerm>()
          : await (await loadChunk('StyleSession.create', import('./matched.ts'))).matchedTerms(tape, matched, { styles, guides }, measure, read),
    });
  }
  return targets;
}

/** What `see` makes of a style picture's features for each of `parts`, brought home. */
async function readStyle(
  tape: Tape,
  picture: Pixels,
  parts: readonly StylePart[],
  see: Parameters<ReadStyle>[2],
  request: FeatureRequest,
): ReturnType<ReadStyle> {
  const image = imageTensor(tape, picture, request, 'style');
  const found = features(tape, image, [...new Set(parts.map(({ layer }) => layer))], request);
  const seen = new Map(parts.map((part) => [part, see(part, found.get(part.layer)!)]));
  const program = tape.compile([...new Set(seen.values())]);
  try {
    await program.run();
    const read = new Map<StylePart, { readonly shape: readonly number[]; readonly data: Float32Array }>();
    for (const [part, tensor] of seen) read.set(part, { shape: tensor.shape, data: await program.read(tensor) });
    return read;
  } finally {
    program.destroy();
    tape.release(image);
  }
}

/** The sum of a statistic's tensors over styles, each times its weight, and the sum of the weights. */
interface WeightedSum {
  weight: number;
  readonly tensors: { readonly shape: readonly number[]; readonly sums: Float32Array<ArrayBuffer> }[];
}

/** Weighted means of the styles' statistics, for each of `parts`; a style counts where its guide has the layer. */
async function regionTargets(
  tape: Tape,
  styles: Region['styles'],
  parts: readonly StylePart[],
  normalize: Recipe['style']['normalize'],
  request: FeatureRequest,
): Promise<Map<StylePart, Target[]>> {
  const known = new Map<StylePart, WeightedSum>();
  for (const { picture, weight, guides } of styles) {
    const own = parts.filter(({ layer }) => !guides || guides.has(layer));
    if (own.length === 0) continue;
    const layers = [...new Set(own.map(({ layer }) => layer))];
    const image = imageTensor(tape, picture, request, 'style');
    const masks = guideTensors(tape, guides);
    const found = features(tape, image, layers, request);
    const of = new Map(
      layers.map((layer) => [layer, layerStatistics(tape, found.get(layer)!, normalize, masks.get(layer))]),
    );
    const tensors = new Map(own.map((part) => [part, targetTensors(of.get(part.layer)!, part.statistic)]));
    const program = tape.compile([...new Set([...tensors.values()].flat())]);
    try {
      await program.run();
      for (const [part, list] of tensors) {
        const read = await Promise.all(list.map((tensor) => program.read(tensor)));
        known.set(part, addTo(known.get(part), weight, list, read));
      }
    } finally {
      program.destroy();
      tape.release(image);
      masks.forEach((mask) => tape.release(mask));
    }
  }
  const means = [...known].map(([part, { weight, tensors }]) => {
    const label = `style/${part.layer}/${part.statistic}`;
    return [part, tensors.map(({ shape, sums }) => keepTarget(tape, shape, sums.map((sum) => sum / weight), label))] as const;
  });
  return new Map(means);
}

function addTo(
  sum: WeightedSum | undefined,
  weight: number,
  tensors: readonly Tensor[],
  read: readonly Float32Array[],
): WeightedSum {
  const before = sum ?? {
    weight: 0,
    tensors: tensors.map(({ shape }, i) => ({ shape, sums: new Float32Array(read[i]!.length) })),
  };
  before.tensors.forEach(({ sums }, i) => read[i]!.forEach((value, k) => (sums[k]! += value * weight)));
  return { ...before, weight: before.weight + weight };
}
