// The words for a network: a chain of layers with the literature's names. A chain is plain data;
// where it came from (ONNX, safetensors) and where it runs (the tape) are other files.

import { badOption, type WgpuStyleError } from '../gpu/errors.ts';

/** What lies beyond the border of a convolution's input; `wrap` is of no file, it makes pictures that tile. */
export type LayerPadding = 'zero' | 'reflect' | 'replicate' | 'wrap';

/**
 * The pooling of a 2x2 window with stride 2; an odd last row or column is dropped, as PyTorch does.
 */
export type Pooling = 'max' | 'average';

/** A convolution with stride 1 whose output has the size of its input. */
export interface ConvLayer {
  readonly kind: 'conv';
  readonly name: string;
  readonly cin: number;
  readonly cout: number;
  /** Height and width: [3, 3], or [1, 1] for a leading `conv0`. */
  readonly kernel: readonly [number, number];
  readonly padding: LayerPadding;
  /** [kh, kw, cin, cout], row-major; input channels in the network's own order. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** [cout] */
  readonly bias: Float32Array<ArrayBuffer>;
}

/** max(x, 0) */
export interface ReluLayer {
  readonly kind: 'relu';
  readonly name: string;
}

/** A halving of both sides. */
export interface PoolLayer {
  readonly kind: 'pool';
  readonly name: string;
  readonly pooling: Pooling;
}

/** One step of a network. */
export type Layer = ConvLayer | ReluLayer | PoolLayer;

/** The layers up to and including `name`; undefined when there is no such layer. */
export function layersUpTo(layers: readonly Layer[], name: string): readonly Layer[] | undefined {
  const index = layers.findIndex((layer) => layer.name === name);
  return index < 0 ? undefined : layers.slice(0, index + 1);
}

/** `bad-option` for a layer that is not there, listing those that are. */
export function unknownLayer(
  layers: readonly { readonly name: string }[],
  name: string,
  where: string,
): WgpuStyleError {
  const names = layers.map((layer) => layer.name).join(', ');
  return badOption(where, `the network has no layer '${name}'`, `Take one of ${names}`);
}

/** Output channels of each block, the last convolution before each pool counting. */
export function blockWidths(layers: readonly Layer[]): readonly number[] {
  const widths: number[] = [];
  let isNewBlock = true;
  for (const layer of layers) {
    if (layer.kind === 'pool') isNewBlock = true;
    if (layer.kind !== 'conv' || layer.name === 'conv0') continue;
    if (isNewBlock) widths.push(layer.cout);
    else widths[widths.length - 1] = layer.cout;
    isNewBlock = false;
  }
  return widths;
}

/**
 * The smallest side in pixels of a picture that leaves at least one pixel in the last of `layers`.
 * Pools round down; reflect padding by one pixel needs a side of two where it happens.
 */
export function minimumSide(layers: readonly Layer[]): number {
  let side = 1;
  for (const layer of [...layers].reverse()) {
    if (layer.kind === 'pool') side *= 2;
    if (layer.kind === 'conv' && layer.padding === 'reflect' && layer.kernel[0] > 1) {
      side = Math.max(side, 2);
    }
  }
  return side;
}

/**
 * Convolutions per block, of the published configurations A, B, D and E (Simonyan and Zisserman
 * 2014, table 1).
 */
const configurations: readonly (readonly [number, readonly number[]])[] = [
  [11, [1, 1, 2, 2, 2]],
  [13, [2, 2, 2, 2, 2]],
  [16, [2, 2, 3, 3, 3]],
  [19, [2, 2, 4, 4, 4]],
];

/**
 * Which published networks a chain is the beginning of: 'VGG-19 to relu5_1', 'VGG-13/16/19 to
 * relu2_1' where the layers do not tell, 'VGG-like to …' where none fits. Widths do not matter.
 */
export function topologyName(layers: readonly Layer[]): string {
  const counts: number[] = [0];
  for (const layer of layers) {
    if (layer.kind === 'pool') counts.push(0);
    else if (layer.kind === 'conv' && layer.name !== 'conv0') {
      counts[counts.length - 1] = counts.at(-1)! + 1;
    }
  }
  const isClosed = layers.at(-1)?.kind === 'pool';
  if (isClosed) counts.pop();
  const fits = configurations.filter(
    ([, blocks]) =>
      counts.length <= blocks.length &&
      counts.every((count, i) =>
        i === counts.length - 1 && !isClosed ? count <= blocks[i]! : count === blocks[i],
      ),
  );
  const name = fits.length === 0 ? 'VGG-like' : `VGG-${fits.map(([depth]) => depth).join('/')}`;
  return `${name} to ${layers.at(-1)?.name ?? 'nothing'}`;
}
