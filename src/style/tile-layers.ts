// The feature maps that a loss looks at, tile by tile: where their cores lie, and how they are recorded on a slice.

import type { Tape, Tensor } from '../autograd/index.ts';
import { lanes } from '../kernels/shape.ts';
import { layersUpTo } from '../vgg/layers.ts';
import type { Wanted } from './demands.ts';
import { edgeMap, edgeName } from './edges.ts';
import { coreAt, demandOf, joinDemands, type Tile, type TileDemand } from './tile-grid.ts';
import type { FeatureNetwork, FeatureRequest } from './network.ts';
import { features } from './terms.ts';

/** Channels of a layer, and pixels of the picture to one of its own. */
export interface LayerFacts {
  readonly channels: number;
  readonly stride: number;
}

/** Of a layer that the network has. */
export function factsOf({ layers }: FeatureNetwork, name: string): LayerFacts {
  let [channels, stride] = [3, 1];
  for (const layer of layersUpTo(layers, name)!) {
    if (layer.kind === 'conv') channels = layer.cout;
    if (layer.kind === 'pool') stride *= 2;
  }
  return { channels, stride };
}

/** Mean pooling and the 3x3 stencil that is applied to its result. */
function edgeDemand(pooling: number): TileDemand {
  return { unit: pooling, reach: pooling };
}

/** The demand of total variation in every form: the pixel's neighbours. */
const NEIGHBOURS: TileDemand = { unit: 1, reach: 1 };

/** What layers, edges and total variation ask of the tiles of the result. */
export function resultDemand({ layers }: FeatureNetwork, { content, style, edges }: Wanted): TileDemand {
  return joinDemands([
    NEIGHBOURS,
    ...[...content, ...style].map((name) => demandOf(layersUpTo(layers, name)!)),
    ...edges.map(edgeDemand),
  ]);
}

/** What style layers ask of the tiles of a style picture. */
export function styleDemand({ layers }: FeatureNetwork, style: readonly string[]): TileDemand {
  return joinDemands([{ unit: 1, reach: 0 }, ...style.map((name) => demandOf(layersUpTo(layers, name)!))]);
}

/** Shape of a tile's core at a stride. */
export function coreShape({ rows, columns }: Tile, { channels, stride }: LayerFacts): [number, number, number] {
  return [coreAt(rows, stride).size, coreAt(columns, stride).size, channels];
}

/** Bytes of a tile's core at a stride. */
export function coreBytes(tile: Tile, facts: LayerFacts): number {
  const [h, w, c] = coreShape(tile, facts);
  return 4 * h * w * lanes(c);
}

/** The core of `feature`, which was computed from the tile's extent. */
function cropTo(tape: Tape, tile: Tile, feature: Tensor, stride: number): Tensor {
  const [h, w, c] = feature.shape as [number, number, number];
  const [down, across] = [coreAt(tile.rows, stride), coreAt(tile.columns, stride)];
  if (down.size === h && across.size === w) return feature;
  return tape.slice(feature, [down.begin, across.begin, 0], [down.size, across.size, c]);
}

/** The cores of network layers, computed from the slice of a tile's extent. */
export function coreFeatures(
  tape: Tape,
  tile: Tile,
  slice: Tensor,
  layers: readonly string[],
  request: FeatureRequest,
): ReadonlyMap<string, Tensor> {
  return features(tape, slice, layers, request, (feature, stride) => cropTo(tape, tile, feature, stride));
}

/** Something of the content that the picture is compared with. */
export interface ContentMap extends LayerFacts {
  /** Its term's name. */
  readonly name: string;
  readonly isEdge: boolean;
  readonly core: (tape: Tape, tile: Tile, slice: Tensor, found: ReadonlyMap<string, Tensor>) => Tensor;
}

/** Content layers, then edges. `found` of their `core` are {@link coreFeatures} of the layers. */
export function contentMaps(vgg: FeatureNetwork, { content, edges }: Wanted): ContentMap[] {
  return [
    ...content.map((name): ContentMap => {
      return { name, isEdge: false, ...factsOf(vgg, name), core: (_, __, ___, found) => found.get(name)! };
    }),
    ...edges.map((pooling): ContentMap => {
      const facts = { name: edgeName(pooling), isEdge: true, channels: 1, stride: pooling };
      return { ...facts, core: (tape, tile, slice) => cropTo(tape, tile, edgeMap(tape, slice, pooling, false), pooling) };
    }),
  ];
}
