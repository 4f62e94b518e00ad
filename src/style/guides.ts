// Guided statistics (Gatys, Ecker, Bethge, Hertzmann and Shechtman, Controlling Perceptual Factors in Neural Style
// Transfer, CVPR 2017, section 4): regions of the result, each with styles of its own, and how much each feature of each
// layer counts in them. A chunk of its own, for runs with masks or transparent pictures.
//
//   plane   how much each pixel of a picture counts, in [0, 1]
//   guide   the same for a layer, T [h, w], scaled so that its mean square is 1: statistics of T∘F over the layer's pixels
//           are then those of the region alone, Σ T² F Fᵀ / Σ T² (the paper's eq. 5)

import { isOpaque, type Pixels } from '../image/pixels.ts';
import type { Layer } from '../vgg/index.ts';
import type { MaskMode } from './mask-options.ts';
import { alphaOf, planeOf, type Plane } from './masks.ts';
import type { ScaledPictures } from './prepare.ts';

/** Layer → how much each of its features counts, with a mean square of 1; layers in which nothing counts are absent. */
export type Guides = ReadonlyMap<string, Plane>;

/** A style that paints in a region. */
export interface RegionStyle {
  /** Which of the run's styles. */
  readonly index: number;
  readonly picture: Pixels;
  readonly weight: number;
  readonly guides: Guides | undefined;
}

/** A part of the result with the styles that paint there. */
export interface Region {
  /** Of the style loss; the shares of all regions add up to 1. */
  readonly share: number;
  /** Undefined where everything counts, here and in styles. */
  readonly guides: Guides | undefined;
  readonly styles: readonly RegionStyle[];
}

/** Below this share of a full guide's energy Σ T² a layer has nothing of the region. */
const LEAST = 1e-6;

/** Which of two neighbours' values stands for both. */
type Pick2 = (a: number, b: number) => number;

/** Each value becomes that of its 3x3 neighbourhood by `pick`, along rows and then along columns; outside is not seen. */
function spread({ width, height, values }: Plane, pick: Pick2): Plane {
  const rows = values.slice();
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    if (x > 0) rows[i] = pick(rows[i]!, values[i - 1]!);
    if (x + 1 < width) rows[i] = pick(rows[i]!, values[i + 1]!);
  }
  const both = rows.slice();
  for (let i = 0; i < values.length; i++) {
    if (i >= width) both[i] = pick(both[i]!, rows[i - width]!);
    if (i + width < values.length) both[i] = pick(both[i]!, rows[i + width]!);
  }
  return { width, height, values: both };
}

/** 2x2 cells become one, odd borders are dropped, as in the network: by `pick`, or their mean. */
function pool({ width, height, values }: Plane, pick: Pick2 | undefined): Plane {
  const [w, h] = [Math.floor(width / 2), Math.floor(height / 2)];
  const pooled = new Float32Array(w * h);
  for (let i = 0; i < pooled.length; i++) {
    const at = 2 * Math.floor(i / w) * width + 2 * (i % w);
    const cells = [values[at]!, values[at + 1]!, values[at + width]!, values[at + width + 1]!] as const;
    const [a, b, c, d] = cells;
    pooled[i] = pick ? pick(pick(a, b), pick(c, d)) : (a + b + c + d) / 4;
  }
  return { width: w, height: h, values: pooled };
}

/** The plane scaled to a mean square of 1; undefined where next to nothing counts. */
function normalised({ width, height, values }: Plane): Plane | undefined {
  const energy = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  if (!(energy > LEAST)) return undefined;
  const scale = 1 / Math.sqrt(energy);
  return { width, height, values: values.map((value) => value * scale) };
}

/** The guides of `wanted` layers from a plane over the picture; layers in which nothing counts are left out. */
export function guidesOf(plane: Plane, layers: readonly Layer[], wanted: ReadonlySet<string>, mode: MaskMode): Guides {
  const pick = { simple: undefined, inside: Math.min, all: Math.max }[mode];
  const guides = new Map<string, Plane>();
  let current = plane;
  for (const layer of layers) {
    if (layer.kind === 'conv' && layer.kernel[0] > 1 && pick) current = spread(current, pick);
    if (layer.kind === 'pool') current = pool(current, pick);
    const guide = wanted.has(layer.name) ? normalised(current) : undefined;
    if (guide) guides.set(layer.name, guide);
    if (wanted.has(layer.name) && guides.size === wanted.size) break;
  }
  return guides;
}

function product(a: Plane, b: Plane | undefined): Plane {
  return b ? { ...a, values: a.values.map((value, i) => value * b.values[i]!) } : a;
}

function isSame(a: Plane | undefined, b: Plane | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.values.every((value, i) => value === b.values[i]));
}

/**
 * The regions of a result: styles with equal masks share one, those without have what no mask covers (everything where
 * there are no masks). A region's share is that of its styles' weights. Alpha counts everywhere: what is transparent has no
 * part in any statistic.
 */
export function guidedRegions(
  { content, styles }: ScaledPictures,
  layers: readonly Layer[],
  wanted: ReadonlySet<string>,
  mode: MaskMode,
): Region[] {
  const { width, height } = content;
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  const masks = styles.map(({ mask }) => mask && planeOf(mask, width, height));
  const rest = restOf(masks, width * height);
  const visible = isOpaque(content) ? undefined : alphaOf(content);
  const places: { plane: Plane | undefined; members: number[] }[] = [];
  masks.forEach((mask, i) => {
    const plane = mask ?? (rest && { width, height, values: rest });
    const known = places.find((place) => isSame(place.plane, plane));
    if (known) known.members.push(i);
    else places.push({ plane, members: [i] });
  });
  return places.map(({ plane, members }) => {
    const seen = plane ? product(plane, visible) : visible;
    return {
      share: members.reduce((sum, i) => sum + styles[i]!.weight, 0) / total,
      guides: seen && guidesOf(seen, layers, wanted, mode),
      styles: members.map((i) => {
        const { picture, weight, styleMask } = styles[i]!;
        const own = stylePlane(picture, styleMask);
        return { index: i, picture, weight, guides: own && guidesOf(own, layers, wanted, mode) };
      }),
    };
  });
}

/** What no mask covers; undefined where there are none. */
function restOf(masks: readonly (Plane | undefined)[], count: number): Float32Array | undefined {
  const given = masks.filter((mask) => mask !== undefined);
  if (given.length === 0) return undefined;
  return Float32Array.from({ length: count }, (_, i) => Math.max(0, given.reduce((left, { values }) => left - values[i]!, 1)));
}

/** What counts of a style picture; undefined for all of it. */
function stylePlane(picture: Pixels, mask: Pixels | undefined): Plane | undefined {
  const { width, height } = picture;
  const alpha = isOpaque(picture) ? undefined : alphaOf(picture);
  return mask ? product(planeOf(mask, width, height), alpha) : alpha;
}
