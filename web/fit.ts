// What a run needs, said before it begins; and where that is more than the device has, the largest size that fits.

import { plan, recipes, requiredLimits, type Vgg, type StyleTransferOptions } from 'wgpu-style';
import type { Needs } from './protocol.ts';
import { longestSide } from './size.ts';

/** Beyond this no picture is asked for. */
const LARGEST = 16384;

/** `shape` brought to another longest side. */
function atSide(shape: { readonly width: number; readonly height: number }, side: number): { width: number; height: number } {
  const factor = side / Math.max(shape.width, shape.height);
  return {
    width: Math.max(1, Math.round(shape.width * factor)),
    height: Math.max(1, Math.round(shape.height * factor)),
  };
}

/** Plans `styleTransfer(options)` for its device, whose limits are compared first: that costs nothing. */
export async function needsOf(
  options: StyleTransferOptions & {
    readonly content: ImageBitmap;
    readonly style: ImageBitmap;
    readonly network: Vgg;
    readonly device: GPUDevice;
  },
): Promise<Needs> {
  const { content, style, network, device, size, recipe = 'default' } = options;
  const ladder = options.scales ?? (typeof recipe === 'string' ? recipes[recipe]?.scales : recipe.scales) ?? 'auto';
  const fits = (side: number): boolean => {
    const wanted = requiredLimits({ network, scales: ladder, size: atSide(content, side), style: atSide(style, side) });
    const limits = device.limits as unknown as Readonly<Record<string, number>>;
    return Object.entries(wanted).every(([name, least]) => limits[name]! >= least);
  };
  if (!fits(longestSide(size))) {
    let [largest, fails] = [1, LARGEST];
    while (fails - largest > 1) {
      const side = Math.floor((largest + fails) / 2);
      if (fits(side)) largest = side;
      else fails = side;
    }
    return { fits: false, largest };
  }
  const { scales, peakBytes } = await plan(options);
  return {
    fits: true,
    scales: scales.map(({ width, height, iterations }) => ({ width, height, iterations })),
    peakBytes,
  };
}
