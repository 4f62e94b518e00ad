// Which limits a device needs for a picture of some size. Pure arithmetic: the largest buffer of a run holds one
// tensor (an arena's slot is as large as its largest tenant, src/autograd/arena.ts), and the largest tensor is an
// activation of the network or its gradient.

import { WgpuStyleError } from '../gpu/errors.ts';
import { fitSize } from '../image/fit-size.ts';
import type { ConvLayer, PoolLayer, ReluLayer, Vgg } from '../vgg/index.ts';
import type { StyleTransferOptions } from './options.ts';
import { recipes, type Recipe } from './recipes.ts';
import { autoSides } from './scales.ts';

/** Channels in memory, as everywhere: whole vec4s. Not from the kernels, which a page need not load to reckon sizes. */
const lanes = (channels: number): number => 4 * Math.ceil(channels / 4);

/** Two sides in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What of a layer decides the size of its tensors. */
export type LayerSizes =
  | Pick<ConvLayer, 'kind' | 'cin' | 'cout' | 'kernel' | 'padding'>
  | Pick<ReluLayer, 'kind'>
  | Pick<PoolLayer, 'kind'>;

/** What {@link requiredLimits} goes by: the options of `styleTransfer` that decide about memory. */
export interface LimitsRequest {
  /** Longest side of the result, or both sides. Default 512. */
  readonly size?: number | Size;
  /** The largest style picture as it is used, if known. Default: the largest that a run of this size uses. */
  readonly style?: Size;
  /** Default: the embedded network. */
  readonly network?: 'default' | Vgg;
  /** As in `styleTransfer`; a run at a single scale uses styles of up to twice the result's longest side. */
  readonly scales?: 'auto' | readonly number[] | false;
  /** As in `styleTransfer`: says what `scales` are where they are not given. */
  readonly recipe?: string | Recipe;
}

/** Channels of the embedded network's blocks (a test holds them to the file). */
export const DEFAULT_WIDTHS: readonly number[] = [32, 64, 96, 128, 128];

/**
 * What every WebGPU device grants. Weights, partial sums and optimiser state of networks up to VGG-19's width stay
 * far below, so activations alone decide above.
 */
const GRANTED = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28, maxTextureDimension2D: 8192 } as const;

/** Bytes of the largest activation or gradient when `layers` run over a picture. */
export function largestTensor({ width, height }: Size, layers: readonly LayerSizes[]): number {
  let [w, h] = [width, height];
  let most = w * h * lanes(3) * 4;
  for (const layer of layers) {
    if (layer.kind === 'pool') [w, h] = [Math.floor(w / 2), Math.floor(h / 2)];
    if (layer.kind !== 'conv') continue;
    // The gradient of a border that is no zeros is first had of the padded image.
    const border = layer.padding === 'zero' ? 0 : layer.kernel[0] - 1;
    const input = (w + border) * (h + border) * lanes(layer.cin);
    most = Math.max(most, 4 * input, 4 * w * h * lanes(layer.cout));
  }
  return most;
}

/** Widths that no network of the family goes beyond: for a network that has not been read yet. */
const VGG_WIDTHS: readonly number[] = [64, 128, 256, 512, 512];

function layersOf(network: StyleTransferOptions['network'] = 'default'): readonly LayerSizes[] {
  if (typeof network === 'object' && 'layers' in network) return network.layers;
  const widths = network === 'default' ? DEFAULT_WIDTHS : VGG_WIDTHS;
  return widths.flatMap((cout, block) => [
    { kind: 'conv', cin: widths[block - 1] ?? 3, cout, kernel: [3, 3], padding: 'zero' } as const,
    { kind: 'conv', cin: cout, cout, kernel: [3, 3], padding: 'zero' } as const,
    { kind: 'pool' } as const,
  ]);
}

/** A size; pictures have more than two sides to show, and are used at another size than their own. */
function isSize(style: LimitsRequest['style'] | StyleTransferOptions['style']): style is Size {
  return typeof style === 'object' && 'width' in style && 'height' in style && Object.keys(style).length === 2;
}

/**
 * The limits that a device needs for a run, to hand to `requestDevice({ requiredLimits })` or to
 * `adapter.requestDevice`: `maxStorageBufferBindingSize`, `maxBufferSize` (bytes) and `maxTextureDimension2D` (pixels).
 * Takes the options of the run as they are, or as much of them as is known. Never below what WebGPU grants everywhere.
 * A longest side alone means a square, the worst case; a style of unknown size likewise, and a network that is not read
 * yet is taken for VGG-19. Styles with a `scale` above these want `style` given as a size.
 *
 * @throws `bad-option` for sides that are not whole numbers from 1 to 65536.
 */
export function requiredLimits(
  request: LimitsRequest | Size | Partial<StyleTransferOptions> = {},
): Record<string, number> {
  const options = ('width' in request ? { size: request } : request) as LimitsRequest | Partial<StyleTransferOptions>;
  const { size = 512, style, network } = options;
  const { recipe: named = 'default' } = options;
  const recipe = typeof named === 'string' ? recipes[named] : named;
  const { scales = recipe?.scales ?? 'auto' } = options;
  // A list of scales ends with the result's longest side, whatever `size` says.
  const wanted = fitSize(1, 1, size);
  const last = Array.isArray(scales) ? (scales as readonly number[]).at(-1) : undefined;
  const result = last === undefined ? wanted : fitSize(wanted.width, wanted.height, last);
  const longest = Math.max(result.width, result.height);
  const isLadder = scales === 'auto' ? autoSides(longest, 1, recipe?.ladder).length > 1 : scales !== false && scales.length > 1;
  const side = Math.min(65536, isLadder ? longest : 2 * longest);
  const largestStyle = fitSize(1, 1, isSize(style) ? style : side);
  const layers = layersOf(network);
  const bytes = Math.max(largestTensor(result, layers), largestTensor(largestStyle, layers));
  return {
    maxStorageBufferBindingSize: Math.max(GRANTED.maxStorageBufferBindingSize, bytes),
    maxBufferSize: Math.max(GRANTED.maxBufferSize, bytes),
    maxTextureDimension2D: Math.max(GRANTED.maxTextureDimension2D, longest),
  };
}

/** Throws `limit-exceeded` when the picture is too large for a texture of the device. */
export function checkTextureSize(most: number, { width, height }: Size): void {
  if (Math.max(width, height) <= most) return;
  throw new WgpuStyleError('limit-exceeded', {
    what: `a picture of ${width}x${height} needs a texture, the device's maxTextureDimension2D is ${most}`,
    where: 'size',
    fix: `The longest side that fits is ${most}; take that, or request the device with requiredLimits({ size })`,
  });
}
