// VGG-19 to relu5_1 with weights from a seed: the arithmetic of the published network, and numbers that every library on
// the page gets alike. He's scaling keeps activations of one size; biases are there so that leaving them out shows.

import { Vgg, type Layer } from 'wgpu-style';
import { seeded } from '../harness/values.ts';

/** Output channels, block by block. */
const BLOCKS = [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512]] as const;

/** What the network does to RGB in [0, 1] first: (x - mean) / std. */
export const MEAN = [0.485, 0.456, 0.406] as const;
export const STD = [0.229, 0.224, 0.225] as const;

/** How 2x2 windows are pooled. */
export type Pooling = 'max' | 'average';

/** A layer of the chain, for libraries that build it themselves; weights [3, 3, cin, cout], row-major. */
export type ChainLayer =
  | {
      readonly kind: 'conv';
      readonly name: string;
      readonly cin: number;
      readonly cout: number;
      readonly weight: Float32Array<ArrayBuffer>;
      readonly bias: Float32Array<ArrayBuffer>;
    }
  | { readonly kind: 'pool'; readonly name: string };

/**
 * The chain; every convolution is followed by a ReLU, named like it: `conv1_1`, then `relu1_1`. All channel counts are
 * divided by `slim` (1, 2, 4, 8, 16).
 */
export function randomChain(slim: number): readonly ChainLayer[] {
  const layers: ChainLayer[] = [];
  let cin = 3;
  for (const [b, widths] of BLOCKS.entries()) {
    for (const [i, width] of widths.entries()) {
      const cout = width / slim;
      const spread = 2 * Math.sqrt(6 / (9 * cin));
      const seed = 100 * b + 2 * i + 1;
      const weight = seeded(9 * cin * cout, seed).map((value) => spread * value);
      const bias = seeded(cout, seed + 1).map((value) => 0.2 * value);
      layers.push({ kind: 'conv', name: `conv${b + 1}_${i + 1}`, cin, cout, weight, bias });
      cin = cout;
    }
    if (b < BLOCKS.length - 1) layers.push({ kind: 'pool', name: `pool${b + 1}` });
  }
  return layers;
}

/** The name of the ReLU behind a convolution. */
export function reluOf(conv: string): string {
  return conv.replace('conv', 'relu');
}

/** The chain as the library's own network. */
export function vggOf(chain: readonly ChainLayer[], pooling: Pooling): Vgg {
  const layers = chain.flatMap((layer): Layer[] => {
    if (layer.kind === 'pool') return [{ ...layer, pooling }];
    return [
      { ...layer, kernel: [3, 3], padding: 'zero' },
      { kind: 'relu', name: reluOf(layer.name) },
    ];
  });
  const preprocessing = { order: 'rgb', scale: 1, mean: MEAN, std: STD } as const;
  return new Vgg({ layers, preprocessing, preprocessingSource: 'option', metadata: new Map() });
}

/** Flops of the convolutions, forward only: 2 · 9 · cin · cout a pixel. */
export function forwardFlops(chain: readonly ChainLayer[], side: number): number {
  let flops = 0;
  let n = side;
  for (const layer of chain) {
    if (layer.kind === 'pool') n = Math.floor(n / 2);
    else flops += 18 * layer.cin * layer.cout * n * n;
  }
  return flops;
}
