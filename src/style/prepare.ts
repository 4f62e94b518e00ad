// From options to what a session works on: the network, decoded pictures at their sizes, the start.

import { badOption } from '../gpu/errors.ts';
import type { ImageSource } from '../image/index.ts';
import { isOpaque, pixelsFromPlanar, toPixels, type Decoded, type Pixels } from '../image/pixels.ts';
import { fitSize } from '../image/fit-size.ts';
import { loadPicture } from '../image/source.ts';
import { defaultNetwork } from '../vgg/default.ts';
import { Vgg } from '../vgg/vgg.ts';
import type { ResolvedOptions, StyleTransferOptions } from './options.ts';
import type { Recipe } from './recipes.ts';
import type { MaskPictures } from './masks.ts';
import type { Resample } from './resampling.ts';
import { NARROWEST, type Scale } from './scales.ts';

/** Decoded pictures at their own sizes. */
export interface LoadedPictures {
  readonly content: Decoded;
  readonly styles: readonly ({ readonly picture: Decoded; readonly weight: number; readonly scale?: number } & MaskPictures)[];
  readonly updateMask?: Pixels | undefined;
  /** A picture to start from, when `init` is one. */
  readonly init: Decoded | undefined;
}

/** The network of `options.network`: embedded, given, or read from a file. */
export async function loadNetwork(options: StyleTransferOptions): Promise<Vgg> {
  const { network = 'default', signal, onDownload, onWarning } = options;
  if (network === 'default') return defaultNetwork();
  if (network instanceof Vgg) return network;
  return Vgg.load(network, {
    ...(signal && { signal }),
    ...(onDownload && { onDownload }),
    ...(onWarning && { onWarning }),
  });
}

/** Decodes everything that the options name. */
export async function loadPictures(
  options: StyleTransferOptions,
  resolved: ResolvedOptions,
  device: GPUDevice,
): Promise<LoadedPictures> {
  const load = (source: ImageSource, where: string): Promise<Decoded> =>
    loadPicture(source, { where, device, signal: options.signal });
  const { styles, init, updateMask } = resolved;
  const given = options.content === undefined ? undefined : await load(options.content, 'content');
  const loaded: LoadedPictures['styles'][number][] = [];
  for (const [i, { image, weight, scale }] of styles.entries()) {
    const where = styles.length > 1 ? `style[${i}]` : 'style';
    loaded.push({ picture: await load(image, where), weight, ...(scale !== undefined && { scale }) });
  }
  const pictures = {
    content: given ?? blank(loaded[0]!.picture, resolved.size),
    styles: loaded,
    init: isWord(init) ? undefined : await load(init, 'init'),
  };
  if (!updateMask && styles.every(({ mask, styleMask }) => !mask && !styleMask)) return pictures;
  const masks = await (await import('./masks.ts')).loadMasks(resolved, async (...mask) => toPixels(await load(...mask)));
  return {
    ...pictures,
    styles: loaded.map((style, i) => ({ ...style, ...masks.ofStyles[i] })),
    updateMask: masks.updateMask,
  };
}

/** What stands for the content of a texture: gray, shaped like the style where `size` leaves that open. */
function blank(style: Decoded, size: ResolvedOptions['size']): Pixels {
  const { width, height } = fitSize(style.width, style.height, size);
  return pixelsFromPlanar(width, height, new Float32Array(3 * width * height).fill(0.5));
}

function isWord(init: ResolvedOptions['init']): init is 'content' | 'style' | 'noise' | 'gray' {
  return init === 'content' || init === 'style' || init === 'noise' || init === 'gray';
}

/** How styles are sized against a result. */
export type StyleFit = 'own' | 'result' | 'stretched';

/** What the recipe wants, on a ladder of scales or at one. */
export function styleFit({ style }: Recipe, isLadder: boolean): StyleFit {
  if (style.size === 'stretched') return 'stretched';
  return isLadder ? 'result' : 'own';
}

/**
 * The size of a style picture for a result whose longest side is `longest`. With `scale` given it is that times
 * `longest`. Otherwise `own` keeps the picture as it is, up to twice the result's longest side; `result` (a ladder of
 * scales) brings it to the result's longest side. Without `scale` nothing is ever enlarged: that would only blur.
 */
export function styleSize(
  { width, height }: { readonly width: number; readonly height: number },
  longest: number,
  scale: number | undefined,
  fit: Exclude<StyleFit, 'stretched'>,
): { width: number; height: number } {
  const own = Math.max(width, height);
  if (scale !== undefined) return fitSize(width, height, Math.max(1, Math.round(longest * scale)));
  // A narrow style is not reduced until its deep features are gone.
  const least = Math.ceil((NARROWEST * own) / Math.min(width, height));
  const most = Math.max(least, fit === 'own' ? 2 * longest : longest);
  return own <= most ? { width, height } : fitSize(width, height, most);
}

/** Pictures at the sizes of one scale, colours treated. */
export interface ScaledPictures {
  readonly content: Pixels;
  readonly styles: readonly ({ readonly picture: Pixels; readonly weight: number } & MaskPictures)[];
  readonly updateMask?: Pixels | undefined;
}

/**
 * What is hidden by transparency must not be seen by the network. Done with a picture at the size that it is looked at: resampled
 * colours count as much as they cover, and where nothing does there is none.
 */
async function visible(picture: Pixels): Promise<Pixels> {
  return isOpaque(picture) ? picture : (await import('./masks.ts')).withoutHidden(picture);
}

/** Content and styles for a result of `width` x `height`, brought to their sizes by `resample`; `plain` is the content with its own colours. */
export async function scalePictures(
  pictures: LoadedPictures,
  { width, height }: { readonly width: number; readonly height: number },
  fit: StyleFit,
  { color, resampling }: Pick<ResolvedOptions, 'color' | 'resampling'>,
  resample: Resample,
): Promise<ScaledPictures & { readonly plain: Pixels }> {
  const light = resampling === 'linear';
  const content = await visible(await resample(pictures.content, width, height, { light }));
  const { updateMask } = pictures;
  const styles: ScaledPictures['styles'][number][] = [];
  // One after another: each takes memory for itself.
  for (const { picture, weight, scale, mask, styleMask } of pictures.styles) {
    const size = fit === 'stretched' ? undefined : styleSize(picture, Math.max(width, height), scale, fit);
    const resized = size
      ? await resample(picture, size.width, size.height, { light })
      : await resample(picture, width, height, { filter: 'nearest' });
    styles.push({ picture: await visible(resized), weight, mask, styleMask });
  }
  if (color.mode === 'style') return { content, styles, updateMask, plain: content };
  const { contentColors, styleColors } = await import('./recolor.ts');
  return {
    content: contentColors(content, color),
    styles: styles.map((style) => ({ ...style, picture: styleColors(style.picture, content, color) })),
    updateMask,
    plain: content,
  };
}

/**
 * The picture that a session starts from, at the size of `content`: `given`, else what `init` says. Noise is white, uniform in
 * [0, 1], from the seed. Outside of the update mask it is the content.
 */
export async function startPicture(
  init: Pick<ResolvedOptions, 'init' | 'seed'>,
  pictures: ScaledPictures,
  given: Decoded | undefined,
  resample: Resample,
): Promise<Pixels> {
  const { content, updateMask } = pictures;
  const start = await unmaskedStart(init, pictures, given, resample);
  if (!updateMask) return start;
  const { keepOutside, planeOf } = await import('./masks.ts');
  return keepOutside(start, content, planeOf(updateMask, start.width, start.height).values);
}

async function unmaskedStart(
  { init, seed }: Pick<ResolvedOptions, 'init' | 'seed'>,
  { content, styles }: ScaledPictures,
  given: Decoded | undefined,
  resample: Resample,
): Promise<Pixels> {
  const { width, height } = content;
  if (given) return visible(await resample(given, width, height));
  switch (init) {
    case 'content':
      return content;
    case 'style':
      return visible(await resample(styles[0]!.picture, width, height));
    case 'noise': {
      const { uniform } = await import('../image/random.ts');
      return pixelsFromPlanar(width, height, uniform(seed, 3 * width * height));
    }
    case 'gray':
      return pixelsFromPlanar(width, height, new Float32Array(3 * width * height).fill(0.5));
    default:
      throw badOption('init', 'no picture was given', "Give 'content', 'style', 'noise', 'gray' or a picture");
  }
}

/** What a session of scale `index` is built from; `coarser` is the picture of the scale before. */
export async function scaleParts(
  resolved: ResolvedOptions,
  loaded: LoadedPictures,
  scales: readonly Scale[],
  index: number,
  coarser: Pixels | undefined,
  resample: Resample,
): Promise<{
  readonly options: ResolvedOptions;
  readonly pictures: ScaledPictures;
  readonly start: Pixels;
  /** The content at this size with its own colours. */
  readonly content: Pixels;
  readonly maxIterations: number;
}> {
  const scale = scales[index]!;
  const { plain: content, ...pictures } = await scalePictures(loaded, scale, styleFit(resolved.recipe, scales.length > 1), resolved, resample);
  const start = await startPicture(resolved, pictures, coarser ?? loaded.init, resample);
  const { iterations } = scale;
  return { options: { ...resolved, iterations }, pictures, start, content, maxIterations: iterations };
}
