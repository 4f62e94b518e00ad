// Random geometries of convolutions.

import { outputSize, type Geometry } from '../oracle/conv2d.ts';
import type { Dice } from './dice.ts';

/** A geometry that fits an image [h, w, c]: any kernel, stride, dilation, padding and mode with at least one output. */
export function randomGeometry(dice: Dice, [h, w, cin]: readonly [number, number, number], channels = 12): Geometry {
  const cout = dice.pick([1, 3, 4, 5, 8, channels]);
  for (;;) {
    const isPlain = dice.chance(0.4); // 3x3 with stride 1 has kernels of its own
    const pair = (most: number): [number, number] => [dice.whole(1, most), dice.whole(1, most)];
    const kernel = isPlain ? ([3, 3] as [number, number]) : pair(5);
    const stride = isPlain ? ([1, 1] as [number, number]) : pair(3);
    const dilation = isPlain || dice.chance(0.6) ? ([1, 1] as [number, number]) : pair(3);
    const mode = dice.pick(['zero', 'zero', 'replicate', 'reflect', 'wrap'] as const);
    const most = (n: number): number => (mode === 'reflect' ? Math.min(3, n - 1) : 3);
    const side = (n: number): number => (isPlain ? Math.min(1, most(n)) : dice.whole(0, most(n)));
    const g: Geometry = { h, w, cin, cout, kernel, stride, dilation, pad: [side(h), side(w), side(h), side(w)], mode };
    const [oh, ow] = outputSize(g);
    if (oh > 0 && ow > 0) return g;
  }
}
