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

/**
 * What is compared of a style layer: `gram`, the Gram matrix; `covariance`, that of centred features; `mean` and `std` per
 * channel, by the mean of squared differences; `wasserstein`, the squared 2-Wasserstein distance of the features taken for
 * Gaussian, over C, which knows neither `normalize` nor `measure`; `mrf`, each 3x3 patch against the most alike of the styles'
 * (Li and Wand 2016); `histogram`, the values of each channel against the style's of the same rank (Risser et al. 2017);
 * `sliced-wasserstein`, the same of projections on C directions (Heitz et al. 2021). The last three by the mean of squared
 * differences, or of those over the mean square of the styles' where `relative`.
 */
export type Statistic = 'gram' | 'covariance' | 'mean' | 'std' | 'wasserstein' | 'mrf' | 'histogram' | 'sliced-wasserstein';

/** Statistics for which every value of a layer finds one of the styles' to be compared with: they need the layer as a whole. */
export const MATCHED: readonly Statistic[] = ['mrf', 'histogram', 'sliced-wasserstein'];

/** Whether a statistic is one of {@link MATCHED}. */
export function isMatched(statistic: Statistic): statistic is 'mrf' | 'histogram' | 'sliced-wasserstein' {
  return MATCHED.includes(statistic);
}

/** One way to do neural style transfer. */
export interface Recipe {
  readonly name: string;
  /** Where it comes from. */
  readonly source: string;
  readonly space: PixelSpace;
  readonly pooling: 'max' | 'average';
  /** What lies outside the picture for the network's first convolution; default the network's own, zeros. */
  readonly firstPadding?: 'zero' | 'replicate' | 'reflect';
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
    /** What is compared: a factor on the weights of `layers`, or layers and weights of its own. Default `{ gram: 1 }`. */
    readonly statistics?: Readonly<Partial<Record<Statistic, number | LayerWeights>>>;
    /** Divides Gram matrices and covariances: `pixels` by M, `elements` by C·M. */
    readonly normalize: 'pixels' | 'elements';
    /**
     * What is measured of D = G − G_style, both normalised: `mean` Σ D² / C², `quarter-mean` Σ D² / (4·C²),
     * `mean-by-channels` Σ D² / C⁴, `relative` Σ D² / Σ G_style², `image` Σ (M·D)² / (4·3²·(H·W)²) with H·W the pixels of
     * the picture, not of the layer.
     */
    readonly measure: 'mean' | 'quarter-mean' | 'mean-by-channels' | 'relative' | 'image';
    /** `stretched`: to the content's sides, by the nearest pixel. Default `own`: see the option `style`. */
    readonly size?: 'own' | 'stretched';
  };
  /**
   * Σ D² of the Laplacian of the picture, in `space`, against the content's, after mean pooling: size → weight. Counts as
   * content.
   */
  readonly edges?: { readonly weight: number; readonly poolings: Readonly<Record<string, number>> };
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
  /** How `auto` climbs; default by halves, each scale with three quarters of the iterations of the one below. */
  readonly ladder?: {
    /** A side over that of the scale below, from 1.1. */
    readonly ratio: number;
    /** No scale but the last has a longest side below this, in pixels. */
    readonly smallest: number;
    /** Iterations of the first scale over those of each other. */
    readonly first: number;
  };
  /** `moments`: where the optimiser is Adam, each scale goes on with the moments of the one before; default it begins anew. */
  readonly carry?: 'moments';
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
 * houses recognisable; coarse scales first, because that is where large strokes come from. Some total variation keeps flat
 * parts free of the dots that features hardly see, and a repeated border keeps the frame away that zeros leave:
 * docs/default-recipe.md has pictures with and without.
 */
const ours: Recipe = {
  name: 'default',
  source: 'wgpu-style',
  space: RGB,
  pooling: 'average',
  firstPadding: 'replicate',
  content: { weight: 0.004, layers: { relu2_2: 1 }, measure: 'relative' },
  style: { weight: 0.2, layers: FIVE_BLOCKS, normalize: 'pixels', measure: 'relative' },
  tv: { weight: 0.1, form: 'mean-squared' },
  optimizer: { name: 'lbfgs', learningRate: 1, history: 20, rules: 'relative' },
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

const KERAS_LAYERS: LayerWeights = { relu1_1: 0.2, relu2_1: 0.2, relu3_1: 0.2, relu4_1: 0.2, relu5_1: 0.2 };

/** Sums of squares, one normaliser 4·3²·(H·W)² for all layers, the 1.25-power variation, a learning rate that decays. */
const keras: Recipe = {
  name: 'keras',
  source: 'keras.io, neural_style_transfer.py (and Deep Learning with Python, second edition)',
  space: CAFFE,
  pooling: 'max',
  content: { weight: 2.5e-8, layers: { relu5_2: 1 }, measure: 'sum' },
  style: { weight: 1e-6, layers: KERAS_LAYERS, normalize: 'pixels', measure: 'image', size: 'stretched' },
  tv: { weight: 1e-6, form: 'power' },
  optimizer: { name: 'gd', learningRate: 100, decay: { rate: 0.96, steps: 100 } },
  clamp: false,
  init: 'content',
  iterations: 4000,
  scales: false,
};

/** The first edition had SciPy's L-BFGS, with a line search and its default history of 10, in 20 rounds of 20. */
const kerasLbfgs: Recipe = {
  ...keras,
  name: 'keras-lbfgs',
  source: 'Chollet, Deep Learning with Python, first edition, section 8.3',
  content: { ...keras.content, weight: 0.025 },
  style: { ...keras.style, weight: 1 },
  tv: { weight: 1e-4, form: 'power' },
  optimizer: { name: 'lbfgs', learningRate: 1, history: 10 },
  iterations: 400,
};

/** The original starts from noise of a thousandth of the range about the mean colour; ours covers the range. */
const anishathalye: Recipe = {
  name: 'anishathalye',
  source: 'anishathalye/neural-style (TensorFlow)',
  space: CAFFE,
  pooling: 'max',
  content: { weight: 5, layers: { relu4_2: 1 }, measure: 'mean' },
  style: { weight: 500, layers: KERAS_LAYERS, normalize: 'elements', measure: 'mean' },
  tv: { weight: 100, form: 'mean-squared' },
  optimizer: { name: 'adam', learningRate: 10, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  clamp: false,
  init: 'noise',
  iterations: 1000,
  scales: false,
};

/** Features before their ReLU. The tutorial clamps before each evaluation, which is after each step but the last. */
const pytorchTutorial: Recipe = {
  name: 'pytorch-tutorial',
  source: "PyTorch's tutorial neural_style_tutorial.py",
  space: RGB,
  pooling: 'max',
  content: { weight: 1, layers: { conv2_2: 1 }, measure: 'mean' },
  style: {
    weight: 1e6,
    layers: { conv1_1: 1, conv1_2: 1, conv2_1: 1, conv2_2: 1, conv3_1: 1 },
    normalize: 'elements',
    measure: 'mean',
  },
  tv: { weight: 0, form: 'squared' },
  optimizer: TORCH_LBFGS,
  clamp: true,
  init: 'content',
  iterations: 300,
  scales: false,
};

/** Mean and deviation of each channel beside the Gram matrix; at up to 1023 pixels, which the original does in one scale. */
const spst: Recipe = {
  ...gatysNotebook,
  name: 'spst',
  source: 'Galerne, Raad, Lezama and Morel, Scaling Painting Style Transfer, 2024',
  style: { ...gatysNotebook.style, weight: 1e3, statistics: { gram: 1, mean: 10, std: 10 } },
  iterations: 600,
};

/** The W2 distance of crowsonkb's default, on its ladder by √2 with Adam's state carried on: 3000 iterations are those of 512 pixels. */
const wasserstein: Recipe = {
  name: 'wasserstein',
  source: 'crowsonkb/style-transfer-pytorch',
  space: RGB,
  pooling: 'max',
  firstPadding: 'replicate',
  content: { weight: 0.015, layers: { relu4_2: 1 }, measure: 'mean' },
  style: {
    weight: 1 / 341,
    layers: { relu1_1: 256, relu2_1: 64, relu3_1: 16, relu4_1: 4, relu5_1: 1 },
    statistics: { wasserstein: 1 },
    normalize: 'pixels',
    measure: 'mean',
  },
  tv: { weight: 2, form: 'nine-point' },
  optimizer: { name: 'adam', learningRate: 0.02, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
  averaging: 0.99,
  clamp: true,
  init: 'content',
  iterations: 3000,
  scales: 'auto',
  ladder: { ratio: Math.SQRT2, smallest: 128, first: 2 },
  carry: 'moments',
};

/** The recipes by name; pass a name, one of these, or an object made from one of these as `recipe`. */
export const recipes: Readonly<Record<string, Recipe>> = {
  default: ours,
  lecture,
  gatys,
  'gatys-notebook': gatysNotebook,
  'neural-style': neuralStyle,
  'tensorflow-tutorial': tensorflowTutorial,
  keras,
  'keras-lbfgs': kerasLbfgs,
  anishathalye,
  'pytorch-tutorial': pytorchTutorial,
  spst,
  wasserstein,
};
