// The options of a run as the page keeps them: its defaults, and those that a saved PNG carries.

import { readPngText, recipes } from 'wgpu-style';
import type { PageOptions } from './protocol.ts';
import { unpackRegions, type Regions } from './regions.ts';

/** Parts of the picture in a PNG: beside the options, which the command line reads too and which know no painted parts. */
export const REGIONS_KEYWORD: string = 'wgpu-style-regions';

/** Options, and the network that they were used with if it has a name. */
export interface Settings {
  readonly options: PageOptions;
  readonly network: string | undefined;
  readonly regions: Regions | undefined;
}

/** What a run is made with when nothing was changed. */
export const defaults: PageOptions = {
  recipe: 'default',
  size: 512,
  iterations: recipes['default']!.iterations,
  contentWeight: 1,
  styleWeight: 1,
  tvWeight: 1,
  color: 'style',
};

const KEYS = [
  ...(['recipe', 'size', 'iterations', 'contentWeight', 'styleWeight', 'tvWeight', 'color', 'seed', 'pooling'] as const),
  ...(['scales', 'averaging', 'tolerance', 'init', 'optimizer', 'contentLayers', 'styleLayers'] as const),
] satisfies readonly (keyof PageOptions)[];

/** The settings in a PNG that was saved here or made by the command line; undefined for any other file. */
export async function readSettings(file: Blob): Promise<Settings | undefined> {
  try {
    const texts = await readPngText(new Uint8Array(await file.arrayBuffer()));
    const given = JSON.parse(texts['wgpu-style'] ?? '') as Readonly<Record<string, unknown>>;
    // Numbers that the form shows have to be some; the rest is for the library to judge, when it is given them.
    const isFine = (key: keyof PageOptions): boolean =>
      typeof defaults[key] !== 'number' || key === 'size' || Number.isFinite(given[key]);
    const known = Object.fromEntries(KEYS.filter((key) => key in given && isFine(key)).map((key) => [key, given[key]]));
    const options = { ...defaults, ...known } as PageOptions;
    const network = typeof given['network'] === 'string' ? given['network'] : undefined;
    return { options, network, regions: unpackRegions(texts[REGIONS_KEYWORD] ?? '') };
  } catch {
    return undefined;
  }
}

/** Whether the recipe has total variation: a term that is off from the start has no weight to change. */
export function hasVariation({ recipe = 'default' }: PageOptions): boolean {
  const { tv } = typeof recipe === 'string' ? (recipes[recipe] ?? recipes['default']!) : recipe;
  return tv.weight > 0;
}
