// Recipes: every constant that tells one published form of neural style transfer from another, as data. The engine
// (terms.ts, session.ts) has no code of its own for any of them.
//
// Notation: F_l are the features of the picture at layer l, as C x M (channels by pixels, M = h·w); G_l = F_l·F_lᵀ.
// Targets use their own M, so that pictures of different sizes can be compared.

import type { VariationForm } from '../autograd/index.ts';
import type { OptimizerOptions } from '../optim/index.ts';
import type { Triple } from '../vgg/index.ts';

/**
 * The space in which the optimiser's variable lives and in which total variation is measured: v = scale · x − mean
 * per channel, x the RGB picture in [0, 1]. Channels stay in RGB order; the order has no influence on any formula.
 */
export interface PixelSpace {
  readonly scale: number;
  /** Red, green, blue. */
  readonly mean: Triple;
}

/** Layer → weight. */
export type LayerWeights = Readonly<Record<string, number>>;

/** One way to do neural style transfer. */
export interface Recipe {
  readonly name: string;
  /** Where it comes from. */
  readonly source: string;
  readonly space: PixelSpace;
  readonly pooling: 'max' | 'average';
  readonly content: {
    readonly weight: number;
    readonly layers: LayerWeights;
    /**
     * What is measured of D = F − F_content: `sum` Σ D², `half-sum` Σ D² / 2, `mean` Σ D² / (C·M),
     * `relative` Σ D² / Σ F_content².
     */
    readonly measure: 'sum' | 'half-sum' | 'mean' | 'relative';
  };
  readonly style: {
    readonly weight: number;
    readonly layers: LayerWeights;
    /** Divides Gram matrices: `pixels` by M, `elements` by C·M. */
    readonly normalize: 'pixels' | 'elements';
    /**
     * What is measured of D = G − G_style, both normalised: `mean` Σ D² / C², `quarter-mean` Σ D² / (4·C²),
     * `mean-by-channels` Σ D² / C⁴, `relative` Σ D² / Σ G_style².
     */
    readonly measure: 'mean' | 'quarter-mean' | 'mean-by-channels' | 'relative';
  };
  readonly tv: {
    readonly weight: number;
    /** What is measured of the differences of neighbours, in `space`. */
    readonly form: VariationForm;
  };
  readonly optimizer: OptimizerOptions;
  /** Decay of an exponential average of the iterates, which is then the result; default 0: the last iterate is. */
  readonly averaging?: number;
  /** True keeps every pixel in [0, 1] after each step (box projection). */
  readonly clamp: boolean;
  readonly init: 'content' | 'style' | 'noise' | 'gray';
  readonly iterations: number;
  /** `auto`: a coarse-to-fine ladder of sizes; false: the final size only. */
  readonly scales: 'auto' | false;
}

const RGB: PixelSpace = { scale: 1, mean: [0, 0, 0] };

/** The original Caffe networks' space: 0..255 minus the ImageNet mean. */
const CAFFE: PixelSpace = { scale: 255, mean: [123.68, 116.779, 103.939] };

const FIVE_BLOCKS: LayerWeights = { relu1_1: 1, relu2_1: 1, relu3_1: 1, relu4_1: 1, relu5_1: 1 };

/** As torch.optim.LBFGS with lr 1, history 100 and no line search. */
const TORCH_LBFGS: OptimizerOptions = { name: 'lbfgs', learningRate: 1, history: 100 };

/**
 * The recipe that is used when none is named. Both distances are relative to the target's own size, so its weights
 * mean the same in every network and at every resolution; content comes from the second block, which keeps faces and
 * houses recognisable; coarse scales first, because that is where large strokes come from.
 */
const ours: Recipe = {
  name: 'default',
  source: 'wgpu-style',
  space: RGB,
  pooling: 'average',
  content: { weight: 0.004, layers: { relu2_2: 1 }, measure: 'relative' },
  style: { weight: 0.2, layers: FIVE_BLOCKS, normalize: 'pixels', measure: 'relative' },
  tv: { weight: 0, form: 'squared' },
  optimizer: { name: 'lbfgs', learningRate: 1, history: 20 },
  clamp: false,
  init: 'content',
  iterations: 300,
  scales: 'auto',
};

/** L = α Σ ‖ΔF‖² + β Σ ‖ΔG‖² / (size²·channels²) + Σ TV², I ← I − η∇L. */
const lecture: Recipe = {
  name: 'lecture',
  source: 'lecture form of Gatys, Ecker and Bethge 2016: sums of squares, gradient descent',
  space: RGB,
  pooling: 'max',
  content: { weight: 1, layers: { relu4_2: 1 }, measure: 'sum' },
  style: { weight: 100, layers: FIVE_BLOCKS, normalize: 'pixels', measure: 'mean' },
  tv: { weight: 1, form: 'squared' },
  optimizer: { name: 'gd', learningRate: 1e-5 },
  clamp: false,
  init: 'content',
  iterations: 500,
  scales: false,
};

/** Equations 1, 5 and 7 of the paper, w_l = 1/5, β/α = 10³. */
const gatys: Recipe = {
  name: 'gatys',
  source: 'Gatys, Ecker and Bethge, Image Style Transfer Using CNNs, CVPR 2016',
  space: CAFFE,
  pooling: 'average',
  content: { weight: 1, layers: { relu4_2: 1 }, measure: 'half-sum' },
  style: {
    weight: 1e3,
    layers: { relu1_1: 0.2, relu2_1: 0.2, relu3_1: 0.2, relu4_1: 0.2, relu5_1: 0.2 },
    normalize: 'pixels',
    measure: 'quarter-mean',
  },
  tv: { weight: 0, form: 'squared' },
  optimizer: TORCH_LBFGS,
  clamp: false,
  init: 'content',
  iterations: 500,
  scales: false,
};

const gatysNotebook: Recipe = {
  name: 'gatys-notebook',
  source: "Leon Gatys' PyTorch notebook NeuralStyleTransfer.ipynb",
  space: CAFFE,
  pooling: 'max',
  content: { weight: 1, layers: { relu4_2: 1 }, measure: 'mean' },
  style: { weight: 1e3, layers: FIVE_BLOCKS, normalize: 'pixels', measure: 'mean-by-channels' },
  tv: { weight: 0, form: 'squared' },
  optimizer: TORCH_LBFGS,
  clamp: false,
  init: 'content',
  iterations: 500,
  scales: false,
};

const neuralStyle: Recipe = {
  name: 'neural-style',
  source: 'jcjohnson/neural-style in its PyTorch form (neural-style-pt)',
  space: CAFFE,
  pooling: 'max',
  content: { weight: 5, layers: { relu4_2: 1 }, measure: 'mean' },
  style: { weight: 100, layers: FIVE_BLOCKS, normalize: 'elements', measure: 'mean' },
  tv: { weight: 1e-3, form: 'absolute' },
  optimizer: TORCH_LBFGS,
  clamp: false,
  init: 'content',
  iterations: 1000,
  scales: false,
};

const tensorflowTutorial: Recipe = {
  name: 'tensorflow-tutorial',
  source: "TensorFlow's tutorial style_transfer.ipynb, with its total variation",
  space: RGB,
  pooling: 'max',
  content: { weight: 1e4, layers: { relu5_2: 1 }, measure: 'mean' },
  style: { weight: 1e-2 / 5, layers: FIVE_BLOCKS, normalize: 'pixels', measure: 'mean' },
  tv: { weight: 30, form: 'absolute' },
  optimizer: {
    name: 'adam',
    learningRate: 0.02,
    beta1: 0.99,
    beta2: 0.999,
    epsilon: 0.1,
    epsilonForm: 'keras',
  },
  clamp: true,
  init: 'content',
  iterations: 1000,
  scales: false,
};

/** The recipes by name; pass a name, one of these, or an object made from one of these as `recipe`. */
export const recipes: Readonly<Record<string, Recipe>> = {
  default: ours,
  lecture,
  gatys,
  'gatys-notebook': gatysNotebook,
  'neural-style': neuralStyle,
  'tensorflow-tutorial': tensorflowTutorial,
};
