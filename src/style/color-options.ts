// Whose colours the result has: the option `color`, checked. What it does to pictures is recolor.ts.

import { badOption } from '../gpu/errors.ts';
import type { ColorMatch, LightnessSpace } from '../image/index.ts';
import { show } from './check-recipe.ts';

/** How colours are treated: take the style's, keep the content's, or recolour to the content's. */
export type ColorMode = 'style' | 'luminance' | 'match' | 'histogram';

/** A mode with its settings; the word alone means their defaults. */
export type ColorOptions =
  | { readonly mode: 'style' }
  | {
      readonly mode: 'luminance';
      /** Where light is told from colour; default `ycbcr` (`yiq` gives the same). */
      readonly space?: LightnessSpace;
      /** `after` (default) the run; `both`: the run also sees content and style in gray, of one mean luma. */
      readonly when?: 'after' | 'both';
    }
  | {
      readonly mode: 'match';
      /** The linear map that gives the content's mean and covariance: by PCA (default), Cholesky factors, or Monge's. */
      readonly method?: ColorMatch;
      /** Recolour the style `before` (default) the run, or the result `after` it. */
      readonly when?: 'before' | 'after';
    }
  | { readonly mode: 'histogram'; readonly when?: 'before' | 'after' };

/** Settings of each mode, the default first. */
const SETTINGS: Readonly<Record<ColorMode, Readonly<Record<string, readonly string[]>>>> = {
  style: {},
  luminance: { space: ['ycbcr', 'yiq', 'lab', 'oklab'], when: ['after', 'both'] },
  match: { method: ['pca', 'cholesky', 'monge'], when: ['before', 'after'] },
  histogram: { when: ['before', 'after'] },
};

/** Every setting filled in. */
export type ResolvedColor = Required<ColorOptions>;

/** Throws `bad-option` for an unknown mode, setting or value. */
export function resolveColor(color: ColorMode | ColorOptions): ResolvedColor {
  const { mode, ...given } = (typeof color === 'string' ? { mode: color } : (color ?? {})) as { mode: ColorMode };
  if (typeof mode !== 'string' || !Object.hasOwn(SETTINGS, mode)) {
    throw badOption('color', `got ${show(color)}`, `Give one of ${Object.keys(SETTINGS).join(', ')}, or { mode, … }`);
  }
  const settings = SETTINGS[mode];
  for (const [name, value] of Object.entries<unknown>(given)) {
    const allowed = Object.hasOwn(settings, name) ? settings[name]! : undefined;
    if (!allowed) {
      const names = Object.keys(settings).join(', ') || 'no setting';
      throw badOption(`color ${mode}`, `there is no setting ${name}`, `Give ${names}`);
    }
    if (value === undefined || allowed.includes(value as string)) continue;
    throw badOption(`color ${mode}`, `${name} is ${show(value)}`, `Give one of ${allowed.join(', ')}`);
  }
  const filled = Object.entries(settings).map(([name, [first]]) => {
    return [name, (given as Record<string, unknown>)[name] ?? first];
  });
  return { mode, ...Object.fromEntries(filled) } as ResolvedColor;
}
