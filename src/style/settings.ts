// The options of a run as plain data: what JSON can hold, every default filled in. They go into the picture's PNG and
// into checkpoints, and come back as options.

import type { Init, ResolvedOptions, StyleTransferOptions } from './options.ts';
import { recipes } from './recipes.ts';

/** Options that are data: no pictures, no network, nothing of the platform. `init` is absent where it is a picture. */
export type Settings = Required<
  Pick<
    StyleTransferOptions,
    | 'recipe'
    | 'size'
    | 'contentWeight'
    | 'styleWeight'
    | 'tvWeight'
    | 'contentLayers'
    | 'styleLayers'
    | 'optimizer'
    | 'iterations'
    | 'seed'
    | 'pooling'
    | 'color'
    | 'scales'
    | 'averaging'
    | 'tolerance'
  >
> & { readonly init?: Init };

/** The settings of resolved options: given back to `styleTransfer`, they resolve to the same. */
export function settingsOf(resolved: ResolvedOptions): Settings {
  const { recipe, weights, init } = resolved;
  const { size, contentLayers, styleLayers, optimizer, iterations, seed, pooling, color, scales, averaging, tolerance } = resolved;
  const isNamed = Object.hasOwn(recipes, recipe.name) && recipes[recipe.name] === recipe;
  return {
    recipe: isNamed ? recipe.name : recipe,
    size,
    ...weights,
    contentLayers,
    styleLayers,
    ...(typeof init === 'string' && isInit(init) && { init }),
    optimizer,
    iterations,
    seed,
    pooling,
    color,
    scales,
    averaging,
    tolerance,
  };
}

function isInit(init: string): init is Init {
  return init === 'content' || init === 'style' || init === 'noise' || init === 'gray';
}
