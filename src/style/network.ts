// The network as a recipe wants it.

import type { Vgg } from '../vgg/index.ts';
import type { PixelSpace, Recipe } from './recipes.ts';

/** What is needed of a network to record it. */
export type FeatureNetwork = Pick<Vgg, 'layers' | 'preprocessing'>;

/** Which layers to look at, how to pool, and the space of the pictures. */
export interface FeatureRequest {
  readonly vgg: FeatureNetwork;
  /** What `vgg` was made from. */
  readonly network: Vgg;
  readonly pooling: 'max' | 'average';
  readonly space: PixelSpace;
  /** Opposite borders of the picture are neighbours. */
  readonly wraps: boolean;
  /** How a tape of its own keeps activations. Default f32. */
  readonly storage?: 'f32' | 'f16' | undefined;
}

/** The network on a torus: every convolution sees beyond a border what lies at the opposite one. */
export function seamless({ layers, preprocessing }: FeatureNetwork): FeatureNetwork {
  return { layers: layers.map((layer) => (layer.kind === 'conv' ? { ...layer, padding: 'wrap' } : layer)), preprocessing };
}

/** `vgg` with the recipe's padding in its first convolution; weights are shared. */
export function networkOf(vgg: Vgg, { firstPadding }: Recipe): FeatureNetwork {
  const first = vgg.layers.findIndex(({ kind }) => kind === 'conv');
  const layer = vgg.layers[first];
  if (firstPadding === undefined || layer?.kind !== 'conv' || layer.padding === firstPadding) return vgg;
  const { preprocessing } = vgg;
  return { layers: vgg.layers.with(first, { ...layer, padding: firstPadding }), preprocessing };
}
