// From options to what a session works on: the network, decoded pictures at their sizes, the start.

import { badOption } from '../gpu/errors.ts';
import type { ImageSource } from '../image/index.ts';
import { pixelsFromPlanar, type Pixels } from '../image/pixels.ts';
import { fitSize, resize } from '../image/resize.ts';
import { loadImage } from '../image/source.ts';
import { defaultNetwork } from '../vgg/default.ts';
import { Vgg } from '../vgg/vgg.ts';
import type { ResolvedOptions, StyleTransferOptions } from './options.ts';
import type { Recipe } from './recipes.ts';
import { NARROWEST, type Scale } from './scales.ts';

/** Decoded pictures at their own sizes. */
export interface LoadedPictures {
  readonly content: Pixels;
  readonly styles: readonly { readonly picture: Pixels; readonly weight: number; readonly scale?: number }[];
  /** A picture to start from, when `init` is one. */
  readonly init: Pixels | undefined;
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
  { styles, init }: ResolvedOptions,
  device: GPUDevice,
): Promise<LoadedPictures> {
  const load = (source: ImageSource, where: string): Promise<Pixels> =>
    loadImage(source, { where, device, signal: options.signal });
  const content = await load(options.content, 'content');
  const loaded = [];
  for (const [i, { image, weight, scale }] of styles.entries()) {
    const where = styles.length > 1 ? `style[${i}]` : 'style';
    loaded.push({ picture: await load(image, where), weight, ...(scale !== undefined && { scale }) });
  }
  return { content, styles: loaded, init: isWord(init) ? undefined : await load(init, 'init') };
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
  readonly styles: readonly { readonly picture: Pixels; readonly weight: number }[];
}

/** Resizes content and styles for a result of `width` x `height`. */
export async function scalePictures(
  pictures: LoadedPictures,
  { width, height }: { readonly width: number; readonly height: number },
  fit: StyleFit,
  color: ResolvedOptions['color'],
): Promise<ScaledPictures> {
  const content = resize(pictures.content, width, height);
  const styles = pictures.styles.map(({ picture, weight, scale }) => {
    const size = fit === 'stretched' ? undefined : styleSize(picture, Math.max(width, height), scale, fit);
    const resized = size
      ? resize(picture, size.width, size.height)
      : resize(picture, width, height, { filter: 'nearest' });
    return { picture: resized, weight };
  });
  if (color.mode === 'style') return { content, styles };
  const { contentColors, styleColors } = await import('./recolor.ts');
  return {
    content: contentColors(content, color),
    styles: styles.map(({ picture, weight }) => ({ picture: styleColors(picture, content, color), weight })),
  };
}

/** The picture that a run starts from, at the size of `content`. Noise is white, uniform in [0, 1], from the seed. */
export async function startPicture(
  { init, seed }: Pick<ResolvedOptions, 'init' | 'seed'>,
  { content, styles }: ScaledPictures,
  given: Pixels | undefined,
): Promise<Pixels> {
  const { width, height } = content;
  if (given) return resize(given, width, height);
  switch (init) {
    case 'content':
      return content;
    case 'style':
      return resize(styles[0]!.picture, width, height);
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
): Promise<{
  readonly options: ResolvedOptions;
  readonly pictures: ScaledPictures;
  readonly start: Pixels;
  readonly maxIterations: number;
}> {
  const scale = scales[index]!;
  const pictures = await scalePictures(loaded, scale, styleFit(resolved.recipe, scales.length > 1), resolved.color);
  const start = coarser ? resize(coarser, scale.width, scale.height) : await startPicture(resolved, pictures, loaded.init);
  const { iterations } = scale;
  return { options: { ...resolved, iterations }, pictures, start, maxIterations: iterations };
}
