// What a run needs, said before it begins; and where that is more than the device has, the largest size that fits.

import { plan, recipes, requiredLimits, scalesOf, type Recipe, type Scale, type Vgg } from 'wgpu-style';
import type { Needs, PageOptions } from './protocol.ts';
import { maskedStyles, type Regions } from './regions.ts';
import { longestSide } from './size.ts';

/** Beyond this no picture is asked for. */
const LARGEST = 16384;

/** What decides about the needs of a run. */
export interface FitRequest {
  readonly content: ImageBitmap;
  readonly styles: readonly ImageBitmap[];
  readonly regions: Regions | undefined;
  readonly network: Vgg;
  readonly device: GPUDevice;
  readonly options: PageOptions;
}

function recipeOf({ recipe = 'default' }: PageOptions): Recipe {
  return (typeof recipe === 'string' ? recipes[recipe] : recipe) ?? recipes['default']!;
}

/** The sizes that the run goes through. */
export function scalesFor({ content, options }: FitRequest): Scale[] {
  const { size = 512, iterations = 300 } = options;
  const recipe = recipeOf(options);
  return scalesOf(content, { size, iterations, scales: options.scales ?? recipe.scales, recipe });
}

/** The largest longest side that the limits of the device allow, if the wanted one is larger. Costs nothing. */
export function largestInstead({ content, styles, network, device, options }: FitRequest): number | undefined {
  const limits = device.limits as unknown as Readonly<Record<string, number>>;
  const recipe = recipeOf(options);
  const scales = options.scales ?? recipe.scales;
  const fits = (side: number): boolean => {
    const size = atSide(content, side);
    const wanted = styles.map((style) => requiredLimits({ network, recipe, scales, size, style: atSide(style, side) }));
    return wanted.flatMap(Object.entries<number>).every(([name, least]) => limits[name]! >= least);
  };
  if (fits(longestSide(options.size))) return undefined;
  let [largest, fails] = [1, LARGEST];
  while (fails - largest > 1) {
    const side = Math.floor((largest + fails) / 2);
    if (fits(side)) largest = side;
    else fails = side;
  }
  return largest;
}

/** `shape` brought to another longest side. */
function atSide(shape: { readonly width: number; readonly height: number }, side: number): { width: number; height: number } {
  const factor = side / Math.max(shape.width, shape.height);
  return {
    width: Math.max(1, Math.round(shape.width * factor)),
    height: Math.max(1, Math.round(shape.height * factor)),
  };
}

/** What to say of a run. To count its memory takes a second or more, which is for `mayPlan` to allow. */
export async function needsOf(request: FitRequest, mayPlan: boolean): Promise<Needs> {
  const largest = largestInstead(request);
  if (largest !== undefined) return { fits: false, largest };
  const scales = scalesFor(request);
  if (!mayPlan) return { fits: true, scales, peakBytes: undefined };
  const { options, styles, regions, ...rest } = request;
  const { peakBytes } = await plan({ ...options, ...rest, ...maskedStyles(styles, regions) });
  return { fits: true, scales, peakBytes };
}
