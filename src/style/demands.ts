// What network and device ask of the pictures, told before anything is allocated: layers that exist, enough pixels for
// the deepest of them, and a size that the picture's texture can have.

import { WgpuStyleError } from '../gpu/errors.ts';
import type { Layer, Vgg } from '../vgg/index.ts';
import { layersUpTo, unknownLayer } from '../vgg/layers.ts';
import { activeEdges } from './edges.ts';
import { activeLayers } from './layer-weights.ts';
import { checkTextureSize, largestTensor, type Size } from './limits.ts';
import type { ResolvedOptions } from './options.ts';
import type { ScaledPictures } from './prepare.ts';
import { styleParts, type StylePart } from './statistics.ts';

/** What a run looks at, per term: layers, poolings of edges, and what is compared of the style's layers. */
export interface Wanted {
  readonly content: readonly string[];
  readonly edges: readonly number[];
  readonly style: readonly string[];
  readonly parts: readonly StylePart[];
}

/** A term that is switched off at the start is not built: its layers need not exist, its work is not done. */
export function wantedOf({ recipe, weights, contentLayers, styleLayers }: ResolvedOptions): Wanted {
  const hasContent = weights.contentWeight * recipe.content.weight > 0;
  const hasStyle = weights.styleWeight * recipe.style.weight > 0;
  const parts = hasStyle ? styleParts(recipe.style, styleLayers) : [];
  return {
    content: hasContent ? activeLayers(contentLayers) : [],
    edges: weights.contentWeight > 0 ? activeEdges(recipe).map(({ pooling }) => pooling) : [],
    style: [...new Set(parts.map(({ layer }) => layer))],
    parts,
  };
}

/** The network down to the deepest of `names`; none for no names. Throws `bad-option` on unknown ones. */
function chainTo(vgg: Vgg, names: readonly string[], where: string): readonly Layer[] {
  let deepest: readonly Layer[] = [];
  for (const name of names) {
    const chain = layersUpTo(vgg.layers, name);
    if (!chain) throw unknownLayer(vgg.layers, name, where);
    if (chain.length > deepest.length) deepest = chain;
  }
  return deepest;
}

interface Input {
  readonly where: string;
  readonly picture: Size;
  readonly layers: readonly Layer[];
}

/** Each picture with the layers that look at it. Throws `bad-option` for a layer that the network does not have. */
function inputsOf(vgg: Vgg, pictures: ScaledPictures, wanted: Pick<Wanted, 'content' | 'style'>): Input[] {
  const style = chainTo(vgg, wanted.style, 'styleLayers');
  const content = chainTo(vgg, wanted.content, 'contentLayers');
  const ofResult = style.length > content.length ? style : content;
  return [
    { where: 'content', picture: pictures.content, layers: ofResult },
    ...pictures.styles.map(({ picture }, i) => ({
      where: pictures.styles.length > 1 ? `style[${i}]` : 'style',
      picture,
      layers: style,
    })),
  ];
}

/**
 * Checks pictures at the sizes that they will be used at.
 *
 * @throws `bad-option` for a layer that the network does not have, `bad-image` for a picture too small for the deepest
 *   layer, `limit-exceeded` for one that is larger than a texture may be.
 */
export function checkDemands(device: GPUDevice, vgg: Vgg, pictures: ScaledPictures, wanted: Pick<Wanted, 'content' | 'style'>): void {
  const inputs = inputsOf(vgg, pictures, wanted);
  checkTextureSize(device.limits.maxTextureDimension2D, pictures.content);
  for (const { where, picture, layers } of inputs) {
    const last = layers.at(-1)?.name;
    const { width, height } = picture;
    const side = last === undefined ? 1 : vgg.minimumSize(last);
    if (Math.min(width, height) < side) {
      throw new WgpuStyleError('bad-image', {
        what: `the picture is too small for ${last}: got ${width}x${height}, need at least ${side}x${side} pixels`,
        where,
        fix: 'Take a larger size or picture, or layers before it',
      });
    }
  }
}

/** Whether the device can hold the tensors of whole pictures. */
export function fitsLimits(device: GPUDevice, vgg: Vgg, pictures: ScaledPictures, wanted: Pick<Wanted, 'content' | 'style'>): boolean {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const most = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  return inputsOf(vgg, pictures, wanted).every(({ picture, layers }) => largestTensor(picture, layers) <= most);
}
