// Layers and their weights.

import type { LayerWeights } from './recipes.ts';

/** Layers with a positive weight. */
export function activeLayers(layers: LayerWeights): string[] {
  return Object.keys(layers).filter((layer) => layers[layer]! > 0);
}
