// The options of a run that are plain data: what JSON can hold. With every default filled in they are the run's settings,
// which go into the picture's PNG and into checkpoints, and come back as options.

import type { OptimizerOptions } from '../optim/index.ts';
import type { ColorMode, ColorOptions } from './color-options.ts';
import type { MaskMode } from './mask-options.ts';
import type { Tolerance } from './plateau.ts';
import type { LayerWeights, Recipe } from './recipes.ts';

/** How activations are kept: see {@link PlainOptions.storage}. */
export type ActivationStorage = 'f32' | 'f16' | 'auto';

/** Where a run starts. */
export type Init = 'content' | 'style' | 'noise' | 'gray';

/** Options that are data: no pictures, no network, nothing of the platform. */
export interface PlainOptions {
  /** A name in `recipes` or a recipe object. */
  readonly recipe?: string | Recipe;
  /** Longest side of the result in pixels, or both sides. Default 512. */
  readonly size?: number | { readonly width: number; readonly height: number };
  /** Multiplies the recipe's content term. Default 1, from 0. */
  readonly contentWeight?: number;
  /** Multiplies the recipe's style term. Default 1, from 0. */
  readonly styleWeight?: number;
  /** Multiplies the recipe's total variation. Default 1, from 0. */
  readonly tvWeight?: number;
  /** Layer → weight; replaces the recipe's. */
  readonly contentLayers?: LayerWeights;
  readonly styleLayers?: LayerWeights;
  readonly optimizer?: OptimizerOptions;
  /**
   * Decay of an exponential average of the iterates, such as 0.99, or false; default: the recipe's. The picture that is
   * painted, read and returned is then the average. Each scale begins its own.
   */
  readonly averaging?: number | false;
  /** Iterations in all; a ladder of scales shares them out. */
  readonly iterations?: number;
  /**
   * Ends a scale early when its lowest loss has fallen by less than this part of itself over 50 iterations, or over as many
   * as said. Default 0: never.
   */
  readonly tolerance?: number | Tolerance;
  /** Seed of the noise, 0 … 2³² − 1. Default 0. */
  readonly seed?: number;
  readonly pooling?: 'max' | 'average';
  /** A mode, or `{ mode, … }` with its settings. */
  readonly color?: ColorMode | ColorOptions;
  /** `'auto'`: coarse to fine; a list of longest sides, the last being the result's; or false. `styleTransfer` only. */
  readonly scales?: 'auto' | readonly number[] | false;
  /** Which features masks let count: `'simple'` (default), `'inside'` those that see nothing else, `'all'` those that see any. */
  readonly maskMode?: MaskMode;
  /** True: the result's opposite sides fit together, so that it tiles. Exactly so where both sides are multiples of 16. */
  readonly seamless?: boolean;
  /**
   * In which light content and styles are resized: `'srgb'` (default) their encoded values, as all published recipes; `'linear'`
   * light itself, which keeps fine bright detail from darkening.
   */
  readonly resampling?: 'srgb' | 'linear';
  /**
   * Bytes of GPU buffers that the run may take, above 0. A picture that needs more is worked on in tiles, which give the
   * same losses and gradients and cost more time; L-BFGS keeps fewer pairs where they alone are too much. Default: what the
   * device allows.
   */
  readonly memoryLimit?: number;
  /**
   * How activations and their gradients lie in GPU memory: `'f32'` (default), or `'f16'`, in half of it, as half floats and
   * bfloat16: arithmetic stays f32, losses come within 1 %, and no feature of the device is needed. `'auto'`: f16 where the
   * picture would not fit as a whole otherwise; only then tiles.
   */
  readonly storage?: ActivationStorage;
}

/** Plain options with every default filled in. `init` is absent where it is a picture. */
export type Settings = Required<Omit<PlainOptions, 'memoryLimit'>> &
  Pick<PlainOptions, 'memoryLimit'> & { readonly init?: Init };
