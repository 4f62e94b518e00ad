// What a caller may ask for, checked and completed before anything is decoded or allocated.

import { badOption } from '../gpu/errors.ts';
import type { ImageSource } from '../image/index.ts';
import { checkPaintable, type TextureImage } from '../image/texture-image.ts';
import { checkOptimizerOptions, type OptimizerOptions } from '../optim/options.ts';
import type { DownloadProgress, Vgg, VggSource } from '../vgg/index.ts';
import { recipes, type LayerWeights, type Recipe } from './recipes.ts';
import { checkRecipe, show } from './check-recipe.ts';
import { resolveColor, type ResolvedColor } from './color-options.ts';
import type { Losses } from './losses.ts';
import { MASK_MODES, resolveMask, type MaskInput, type MaskMode, type ResolvedMask } from './mask-options.ts';
import type { Tolerance } from './plateau.ts';
import type { RecoverOptions } from './recover.ts';
import type { StyledPicture } from './picture.ts';
import type { ActivationStorage, Init, PlainOptions, Settings } from './settings.ts';

/** One of several style pictures. */
export interface StyleInput {
  readonly image: ImageSource;
  /** Share of this style; the shares are divided by their sum. Default 1. */
  readonly weight?: number;
  /** Longest side of the style over the longest side of the result. Default: its own size, at most twice the result's. */
  readonly scale?: number;
  /** Where in the result this style paints. Default: where no other style's mask is. */
  readonly mask?: MaskInput;
  /** Which part of this picture is its style. Default: all that is not transparent. */
  readonly styleMask?: MaskInput;
}

/** What `onProgress` and `session.run` report after an iteration. */
export interface Progress {
  /** Iterations done, over all scales. */
  readonly iteration: number;
  readonly iterations: number;
  /** Losses before the last update. */
  readonly losses: Losses;
  /** 0; or how many times in a row loss or gradient was not finite and a shorter step was tried. */
  readonly retries: number;
  readonly millisecondsPerIteration: number;
  /** Estimate from the iterations so far. */
  readonly secondsLeft: number;
  readonly scale: {
    readonly index: number;
    readonly count: number;
    readonly width: number;
    readonly height: number;
  };
  /** The picture as it stands: waits for the GPU. */
  readonly picture: () => Promise<StyledPicture>;
}

/** Where the checkpoints of a run go. */
export interface CheckpointOptions {
  /** Iterations from one checkpoint to the next, from 1. Default: none on the way, only when the run is aborted. */
  readonly every?: number;
  /** Takes the bytes, to be given back as `resume`. The run waits for what this returns. */
  readonly save: (
    bytes: Uint8Array<ArrayBuffer>,
    at: { readonly iteration: number; readonly iterations: number },
  ) => void | Promise<void>;
}

/** Options of `styleTransfer` and `StyleSession.create`. Only `content` and `style` are needed; a texture needs no content. */
export interface StyleTransferOptions extends PlainOptions {
  /** Absent, with `contentWeight` 0: a texture of the style alone, of any `size`. */
  readonly content?: ImageSource | undefined;
  /** One picture, or several with weights. */
  readonly style: ImageSource | readonly StyleInput[];
  /** A device to work on; borrowed, never destroyed. Default: one is requested, and destroyed at the end. */
  readonly device?: GPUDevice;
  /**
   * In place of `device`: several, all borrowed, that share the tiles of the picture. The first leads: pictures in and out,
   * `memoryLimit` and the optimiser are its. The picture and its gradient go through the host in every iteration.
   */
  readonly devices?: readonly GPUDevice[];
  /**
   * `'default'` is the embedded network, `'vgg19'` a published one (downloaded once, then cached); else a `Vgg`, or the
   * URL or bytes of an ONNX or safetensors file.
   */
  readonly network?: 'default' | Vgg | VggSource;
  readonly init?: Init | ImageSource;
  /** Where the picture is painted: outside it stays the content, and in between the two are blended. */
  readonly updateMask?: MaskInput;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** How far the download of `network` is, where that comes from a server. */
  readonly onDownload?: (progress: DownloadProgress) => void;
  /** Takes what had to be assumed of `network`, and the like. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
  /**
   * A canvas or texture that shows the picture while it forms. A texture is 2D, of any size, with RENDER_ATTACHMENT and one
   * of the formats that `docs/embedding.md` lists; its values are sRGB-encoded unless `{ texture, colorSpace: 'srgb-linear' }`
   * says otherwise or the format (…-srgb) decodes by itself. Alpha is 1.
   */
  readonly preview?: HTMLCanvasElement | OffscreenCanvas | GPUTexture | TextureImage;
  /** Saves the state of the run, every so many iterations and when it is aborted. `styleTransfer` only. */
  readonly checkpoint?: CheckpointOptions;
  /**
   * A checkpoint to go on from: with the same pictures and network, on the same adapter, the run ends with the bytes of
   * one that was never interrupted. Options that are not given are the checkpoint's. `styleTransfer` only.
   */
  readonly resume?: Uint8Array;
  /**
   * What happens when the device is lost: true goes on by itself on another one, from a state that is kept every 25
   * iterations, and ends with the bytes of a run that lost nothing. Default: the run rejects with a `DeviceLostError`.
   * `styleTransfer` only.
   */
  readonly recover?: boolean | RecoverOptions;
}

/** A style that was checked. */
export interface ResolvedStyle extends Pick<StyleInput, 'image' | 'scale'> {
  readonly weight: number;
  readonly mask?: ResolvedMask | undefined;
  readonly styleMask?: ResolvedMask | undefined;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly recipe: Recipe;
  readonly styles: readonly ResolvedStyle[];
  readonly updateMask?: ResolvedMask | undefined;
  readonly size: number | { readonly width: number; readonly height: number };
  readonly weights: TermWeights;
  readonly contentLayers: LayerWeights;
  readonly styleLayers: LayerWeights;
  readonly init: Init | ImageSource;
  readonly optimizer: OptimizerOptions;
  /** 0 for none. */
  readonly averaging: number;
  readonly iterations: number;
  readonly tolerance: Tolerance;
  readonly seed: number;
  readonly pooling: 'max' | 'average';
  readonly color: ResolvedColor;
  readonly scales: 'auto' | readonly number[] | false;
  readonly maskMode: MaskMode;
  readonly seamless: boolean;
  readonly resampling: 'srgb' | 'linear';
  readonly memoryLimit?: number;
  readonly storage: ActivationStorage;
}

/** The caller's factors on the three terms. */
export interface TermWeights {
  readonly contentWeight: number;
  readonly styleWeight: number;
  readonly tvWeight: number;
}

const KNOWN = new Set<string>([
  ...['content', 'style', 'device', 'network', 'recipe', 'size', 'contentWeight', 'styleWeight', 'tvWeight'],
  ...['contentLayers', 'styleLayers', 'init', 'optimizer', 'iterations', 'seed', 'pooling', 'color', 'scales'],
  ...['averaging', 'tolerance', 'signal', 'onProgress', 'onDownload', 'onWarning', 'preview', 'checkpoint', 'resume', 'recover', 'memoryLimit'],
  ...['updateMask', 'maskMode', 'seamless', 'resampling', 'devices', 'storage'],
]);


/** The given optimiser, an L-BFGS with the rules of the recipe's where it says nothing of them; else the recipe's. */
function optimizerOf(given: OptimizerOptions | undefined, own: OptimizerOptions): OptimizerOptions {
  if (given?.name !== 'lbfgs' || given.rules !== undefined || own.name !== 'lbfgs' || own.rules === undefined) return given ?? own;
  return { ...given, rules: own.rules };
}

/**
 * Checks everything that can be checked without decoding a picture.
 *
 * @throws `bad-option` naming the option, what was given and what is allowed.
 */
export function resolveOptions(options: StyleTransferOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw badOption('styleTransfer', `got ${show(options)} as options`, 'Give at least { content, style }');
  }
  for (const name of Object.keys(options)) {
    if (KNOWN.has(name)) continue;
    throw badOption('styleTransfer', `there is no option ${name}`, `The options are ${[...KNOWN].join(', ')}`);
  }
  const isTexture = options.content === undefined && options.contentWeight === 0;
  if (!isTexture && (options.content === undefined || options.content === null)) {
    const fix = 'Give an image, a URL, bytes or { data, width, height }; or contentWeight 0 for a texture of the style alone';
    throw badOption('content', 'no content picture was given', fix);
  }
  if (isTexture && (options.updateMask ?? (options.init === 'content' || undefined)) !== undefined) {
    throw badOption(options.updateMask ? 'updateMask' : 'init', 'there is no content', 'Give a content, or leave it out');
  }
  const recipe = resolveRecipe(options.recipe);
  const iterations = options.iterations ?? recipe.iterations;
  if (!Number.isInteger(iterations) || iterations < 0 || iterations > 1e6) {
    throw badOption('iterations', `got ${show(iterations)}`, 'Give a whole number from 0 to 1,000,000');
  }
  const seed = options.seed ?? 0;
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw badOption('seed', `got ${show(seed)}`, 'Give a whole number from 0 to 4,294,967,295');
  }
  if (options.optimizer !== undefined) checkOptimizerOptions(options.optimizer);
  const optimizer = optimizerOf(options.optimizer, recipe.optimizer);
  checkSurroundings(options);
  return {
    recipe,
    styles: resolveStyles(options.style),
    size: resolveSize(options.size ?? 512),
    weights: resolveWeights(options),
    contentLayers: checkLayers('contentLayers', options.contentLayers ?? recipe.content.layers),
    styleLayers: checkLayers('styleLayers', options.styleLayers ?? recipe.style.layers),
    ...(options.updateMask !== undefined && { updateMask: resolveMask(options.updateMask, 'updateMask') }),
    init: resolveInit(options.init ?? (isTexture && recipe.init === 'content' ? 'noise' : recipe.init)),
    optimizer,
    averaging: resolveAveraging(options.averaging ?? recipe.averaging ?? 0),
    iterations,
    tolerance: resolveTolerance(options.tolerance ?? 0),
    seed,
    pooling: oneOf('pooling', options.pooling ?? recipe.pooling, ['max', 'average']),
    color: resolveColor(options.color ?? 'style'),
    scales: resolveScales(options.scales ?? recipe.scales),
    maskMode: oneOf('maskMode', options.maskMode ?? 'simple', MASK_MODES),
    seamless: flag('seamless', options.seamless ?? false),
    resampling: oneOf('resampling', options.resampling ?? 'srgb', ['srgb', 'linear']),
    storage: oneOf('storage', options.storage ?? 'f32', ['f32', 'f16', 'auto']),
    ...(options.memoryLimit !== undefined && { memoryLimit: resolveMemoryLimit(options.memoryLimit) }),
  };
}

/** What comes from the platform: told by what is done with it, since it may come from another realm. */
function checkSurroundings({ device, devices, signal, preview, checkpoint, ...options }: StyleTransferOptions): void {
  const lacks = (value: object | undefined, method: string): boolean =>
    value !== undefined && (value === null || typeof (value as Record<string, unknown>)[method] !== 'function');
  if (lacks(device, 'createBuffer')) throw badOption('device', `got ${show(device)}`, 'Give a GPUDevice, or leave it out');
  if (devices !== undefined) {
    const isList = Array.isArray(devices) && devices.length > 0 && devices.every((each) => each !== undefined && !lacks(each as object, 'createBuffer'));
    if (!isList || device || new Set(devices).size < devices.length) throw badOption('devices', `got ${show(devices)}`, 'Give different GPUDevices, and no device');
    if (options.recover) throw badOption('devices', 'a run on several devices cannot recover by itself', 'Leave out recover, and keep checkpoints');
  }
  if (lacks(signal, 'addEventListener')) throw badOption('signal', `got ${show(signal)}`, "Give an AbortController's signal");
  for (const name of ['onProgress', 'onDownload', 'onWarning'] as const) {
    const given: unknown = options[name];
    if (given !== undefined && typeof given !== 'function') throw badOption(name, `got ${show(given)}`, 'Give a function');
  }
  if (checkpoint !== undefined) checkCheckpoint(checkpoint);
  if (lacks(preview, 'getContext')) checkPaintable(preview, show(preview));
}

function checkCheckpoint(checkpoint: CheckpointOptions): void {
  const { every = 1, save } = checkpoint ?? {};
  if (typeof save !== 'function') throw badOption('checkpoint', `save is ${show(save)}`, 'Give { save: (bytes) => … }');
  if (Number.isInteger(every) && every >= 1) return;
  throw badOption('checkpoint', `every is ${show(every)}`, 'Give a whole number from 1');
}

/** The three factors, checked; also used when they change during a run. */
export function resolveWeights(options: Partial<TermWeights>): TermWeights {
  return {
    contentWeight: factor('contentWeight', options.contentWeight),
    styleWeight: factor('styleWeight', options.styleWeight),
    tvWeight: factor('tvWeight', options.tvWeight),
  };
}

function factor(name: string, value = 1): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw badOption(name, `got ${show(value)}`, 'Give a number from 0');
}

function flag(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw badOption(name, `got ${show(value)}`, 'Give true or false');
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found) return found;
  throw badOption(name, `got ${show(value)}`, `Give one of ${allowed.join(', ')}`);
}

function resolveAveraging(averaging: number | false): number {
  if (averaging === false) return 0;
  if (Number.isFinite(averaging) && averaging >= 0 && averaging < 1) return averaging;
  throw badOption('averaging', `got ${show(averaging)}`, 'Give a decay from 0 to below 1, such as 0.99, or false');
}

function resolveMemoryLimit(limit: number): number {
  if (typeof limit === 'number' && Number.isFinite(limit) && limit > 0) return limit;
  throw badOption('memoryLimit', `got ${show(limit)}`, 'Give bytes, a number above 0, such as 1e9');
}

function resolveTolerance(given: number | Tolerance): Tolerance {
  const { relative, iterations = 50 } = typeof given === 'number' ? { relative: given } : (given ?? {});
  const isRight = Number.isFinite(relative) && relative >= 0 && relative < 1 && Number.isInteger(iterations) && iterations >= 1;
  if (isRight) return { relative, iterations };
  throw badOption('tolerance', `got ${show(given)}`, 'Give a number from 0 to below 1, such as 1e-4, or { relative, iterations }');
}

function resolveRecipe(recipe: string | Recipe = 'default'): Recipe {
  if (typeof recipe !== 'string') {
    checkRecipe(recipe);
    return recipe;
  }
  const found = Object.hasOwn(recipes, recipe) ? recipes[recipe] : undefined;
  if (found) return found;
  throw badOption(
    'recipe',
    `there is no recipe ${JSON.stringify(recipe)}`,
    `Give one of ${Object.keys(recipes).join(', ')}, or a recipe object`,
  );
}

function resolveStyles(style: StyleTransferOptions['style']): ResolvedOptions['styles'] {
  if (style === undefined || style === null) {
    throw badOption('style', 'no style picture was given', 'Give a picture, or [{ image, weight }, …]');
  }
  const inputs: readonly StyleInput[] = Array.isArray(style) ? style : [{ image: style as ImageSource }];
  if (inputs.length === 0) throw badOption('style', 'the list of styles is empty', 'Give at least one picture');
  return inputs.map((input, i) => {
    const { image, weight = 1, scale, mask, styleMask, ...rest } = (input ?? {}) as StyleInput;
    if (image === undefined || image === null) {
      throw badOption(`style[${i}]`, 'it has no image', 'Give [{ image, weight }, …]');
    }
    if (!(Number.isFinite(weight) && weight > 0)) {
      throw badOption(`style[${i}].weight`, `got ${show(weight)}`, 'Give a number above 0');
    }
    if (scale !== undefined && !(Number.isFinite(scale) && scale > 0 && scale <= 16)) {
      throw badOption(`style[${i}].scale`, `got ${show(scale)}`, 'Give a number above 0, at most 16');
    }
    const [unknown] = Object.keys(rest);
    if (unknown) throw badOption(`style[${i}]`, `there is no setting ${unknown}`, 'Give image, weight, scale, mask, styleMask');
    return {
      image,
      weight,
      ...(scale !== undefined && { scale }),
      ...(mask !== undefined && { mask: resolveMask(mask, `style[${i}].mask`) }),
      ...(styleMask !== undefined && { styleMask: resolveMask(styleMask, `style[${i}].styleMask`) }),
    };
  });
}

function resolveSize(size: NonNullable<StyleTransferOptions['size']>): ResolvedOptions['size'] {
  const sides = typeof size === 'number' ? [size] : [size?.width, size?.height];
  if (sides.every((side) => Number.isInteger(side) && side > 0 && side <= 65536)) return size;
  throw badOption('size', `got ${show(size)}`, 'Give whole pixels from 1 to 65,536, or { width, height }');
}

function checkLayers(name: string, layers: LayerWeights): LayerWeights {
  const valid = Object.values(layers).every((weight) => Number.isFinite(weight) && weight >= 0);
  if (valid && typeof layers === 'object' && !Array.isArray(layers)) return layers;
  throw badOption(name, `got ${show(layers)}`, 'Give layers with weights from 0, such as { relu4_2: 1 }');
}

function resolveInit(init: Init | ImageSource): Init | ImageSource {
  // A short word that is none of the four is a mistake, not a path: paths and URLs have a dot or a slash.
  if (typeof init === 'string' && !/[./\\:]/.test(init)) {
    return oneOf('init', init, ['content', 'style', 'noise', 'gray']);
  }
  return init;
}

function resolveScales(scales: NonNullable<StyleTransferOptions['scales']>): ResolvedOptions['scales'] {
  if (scales === 'auto' || scales === false) return scales;
  const valid =
    Array.isArray(scales) &&
    scales.length > 0 &&
    scales.every((side, i) => Number.isInteger(side) && side > 0 && (i === 0 || side > scales[i - 1]));
  if (valid) return scales as readonly number[];
  throw badOption('scales', `got ${show(scales)}`, "Give 'auto', false, or increasing longest sides");
}

/** The settings of resolved options: given back to `styleTransfer`, they resolve to the same. */
export function settingsOf(resolved: ResolvedOptions): Settings {
  const { recipe, weights, init, memoryLimit } = resolved;
  const { size, contentLayers, styleLayers, optimizer, iterations, seed, pooling, color, scales, averaging, tolerance } = resolved;
  const { maskMode, seamless, resampling, storage } = resolved;
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
    maskMode,
    seamless,
    resampling,
    storage,
    ...(memoryLimit !== undefined && { memoryLimit }),
  };
}

function isInit(init: string): init is Init {
  return init === 'content' || init === 'style' || init === 'noise' || init === 'gray';
}
