// Targets: what the content's features and edges and the styles' statistics are. Computed once per session on its tape; the
// arenas are gone afterwards.

import type { Tape, Tensor } from '../autograd/index.ts';
import { loadChunk } from '../gpu/chunk.ts';
import { createBuffer, watchMemory } from '../gpu/buffers.ts';
import type { Pixels } from '../image/index.ts';
import { bytesOf, elementsOf } from '../kernels/shape.ts';
import { edgeMap, edgeName } from './edges.ts';
import type { ReadStyle } from './matched.ts';
import type { FeatureRequest } from './network.ts';
import { isMatched, type Recipe } from './recipes.ts';
import { keyOf, remembered, type Values } from './remembered.ts';
import { toSpace } from './space.ts';
import { keepTarget, layerStatistics, targetTensors, type LayerStatistics, type StylePart, type Target } from './statistics.ts';
import type { Guides, Region } from './guides.ts';
import type { MatchedTerm } from './style-values.ts';
import { features, type RegionTargets } from './terms.ts';

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
    const read: ReadStyle = async (style, some, see) => {
      const found = await readStyle(tape, style, some, 'by value', (part, feature) => [see(part, feature)], request);
      return new Map([...found].map(([part, [values]]) => [part, values!]));
    };
    targets.push({
      share,
      guides: guideTensors(tape, guides),
      parts: await regionTargets(tape, styles, blended, normalize, request),
      matched:
        matched.length === 0
          ? new Map<StylePart, MatchedTerm>()
          : await (await loadChunk('StyleSession.create', import('./matched.ts'))).matchedTerms(tape, matched, { styles, guides }, measure, read, keepTarget),
    });
  }
  return targets;
}

/** What is made of a style's features for a comparison; `masks` are its guides. */
type See = (part: StylePart, feature: Tensor, masks: ReadonlyMap<string, Tensor>) => readonly Tensor[];

/** Brings home what `see` makes of a style for each of `parts`; `kind` tells what that is from what else is remembered. */
async function readStyle(
  tape: Tape,
  { picture, guides }: Pick<Region['styles'][number], 'picture' | 'guides'>,
  parts: readonly StylePart[],
  kind: string,
  see: See,
  request: FeatureRequest,
): Promise<Map<StylePart, readonly Values[]>> {
  const planes = [...(guides ?? [])];
  const key = keyOf(kind + planes.map(([layer]) => ` ${layer}`).join(''), parts, picture, request, tape.target);
  const seen = [picture.data, ...planes.map(([, { values }]) => values)];
  const read = await remembered(tape.device, request.network, key, seen, async () => {
    const image = imageTensor(tape, picture, request, 'style');
    const masks = guideTensors(tape, guides);
    const found = features(tape, image, [...new Set(parts.map(({ layer }) => layer))], request);
    const tensors = parts.map((part) => see(part, found.get(part.layer)!, masks));
    const program = tape.compile([...new Set(tensors.flat())]);
    try {
      await program.run();
      const home = async (tensor: Tensor): Promise<Values> => ({ shape: tensor.shape, data: await program.read(tensor) });
      return await Promise.all(tensors.map((list) => Promise.all(list.map(home))));
    } finally {
      program.destroy();
      tape.release(image);
      masks.forEach((mask) => tape.release(mask));
    }
  });
  return new Map(parts.map((part, i) => [part, read[i]!]));
}

/** The sum of a statistic's tensors over styles, each times its weight, and the sum of the weights. */
export interface WeightedSum {
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
  for (const { weight, ...style } of styles) {
    const own = parts.filter(({ layer }) => !style.guides || style.guides.has(layer));
    if (own.length === 0) continue;
    const statistics = new Map<string, LayerStatistics>();
    const see: See = ({ layer, statistic }, feature, masks) => {
      const of = statistics.get(layer) ?? layerStatistics(tape, feature, normalize, masks.get(layer));
      statistics.set(layer, of);
      return targetTensors(of, statistic);
    };
    for (const [part, list] of await readStyle(tape, style, own, normalize, see, request)) {
      known.set(part, addTo(known.get(part), weight, list));
    }
  }
  return weightedMeans(tape, known);
}

/** What the sums come to, on the tape. */
export function weightedMeans(tape: Tape, sums: ReadonlyMap<StylePart, WeightedSum>): Map<StylePart, Target[]> {
  const means = [...sums].map(([part, { weight, tensors }]) => {
    const label = `style/${part.layer}/${part.statistic}`;
    return [part, tensors.map(({ shape, sums: of }) => keepTarget(tape, shape, of.map((sum) => sum / weight), label))] as const;
  });
  return new Map(means);
}

/** Adds what was read of a style's tensors to a sum over styles. */
export function addTo(sum: WeightedSum | undefined, weight: number, read: readonly Values[]): WeightedSum {
  const before = sum ?? {
    weight: 0,
    tensors: read.map(({ shape, data }) => ({ shape, sums: new Float32Array(data.length) })),
  };
  before.tensors.forEach(({ sums }, i) => read[i]!.data.forEach((value, k) => (sums[k]! += value * weight)));
  return { ...before, weight: before.weight + weight };
}
