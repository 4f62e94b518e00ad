// Parts of the picture, as somebody has painted them: where which style goes, and what stays as it is. Plain data and
// arithmetic: the page paints it, the worker makes masks of it, a PNG carries it.
//
//   label   what a pixel belongs to: nothing yet (FREE), a style by its number from 1, or what stays as it is (KEPT)

import type { MaskOptions, RawImage, StyleInput, StyleTransferOptions } from 'wgpu-style';

/** The label of what nobody has painted: styles without a part of their own go there. */
export const FREE = 0;

/** Styles of one run, at most: as many colours are told apart at a glance. */
export const MOST_STYLES = 4;

/** The label of what stays as it is. */
export const KEPT: number = MOST_STYLES + 1;

/** The colour of each label; the library tells them apart from 0.2 of any channel on. */
export const COLORS: readonly string[] = ['#000000', '#e8590c', '#1c7ed6', '#2f9e44', '#ae3ec9', '#ffffff'];

/** Longest side of the labels, in pixels: finer than a brush, however large the result. */
export const LONGEST_SIDE = 1024;

/** Labels of a picture, rows from the top; stretched to whatever it is painted at. */
export interface Regions {
  readonly width: number;
  readonly height: number;
  readonly labels: Uint8Array;
}

/** What of a picture belongs to what, in shares of 1. */
export interface Shares {
  readonly free: number;
  readonly kept: number;
  readonly styles: readonly number[];
}

/** The labels' size for a picture of this shape. */
export function labelSize({ width, height }: Pick<Regions, 'width' | 'height'>): { width: number; height: number } {
  const factor = LONGEST_SIDE / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** The shares of a run with so many styles; the parts of styles that are not there are free. */
export function sharesOf({ labels }: Regions, styles: number): Shares {
  const counts = COLORS.map(() => 0);
  for (const label of labels) counts[label]!++;
  const share = (count: number): number => count / labels.length;
  const ofStyles = counts.slice(1, 1 + styles);
  const kept = counts[KEPT]!;
  return {
    free: share(ofStyles.reduce((left, count) => left - count, labels.length - kept)),
    kept: share(kept),
    styles: ofStyles.map(share),
  };
}

/** Why a run with so many styles cannot be painted; undefined if it can. */
export function problemOf(regions: Regions, styles: number): string | undefined {
  const shares = sharesOf(regions, styles);
  if (shares.kept === 1) return 'All of the picture stays as it is: leave something to paint.';
  const homeless = shares.styles.indexOf(0);
  if (homeless < 0 || shares.free > 0) return undefined;
  const name = styles === 1 ? 'The style' : `Style ${homeless + 1}`;
  return `${name} has no part of the picture, and nothing is left for it: paint it one, or erase something.`;
}

/** Pictures and masks as options of a run; `regions` has no {@link problemOf} them. */
export function maskedStyles(
  images: readonly ImageBitmap[],
  regions: Regions | undefined,
): { readonly style: StyleInput[] } & Pick<StyleTransferOptions, 'updateMask'> {
  if (!regions) return { style: images.map((image) => ({ image })) };
  const shares = sharesOf(regions, images.length);
  const picture = pictureOf(regions, images.length);
  const colored = (label: number): MaskOptions => ({ image: picture, color: COLORS[label]! });
  return {
    // Styles without a part of their own share what is free.
    style: images.map((image, i) => ({ image, mask: colored(shares.styles[i]! > 0 ? i + 1 : FREE) })),
    ...(shares.kept > 0 && { updateMask: { ...colored(KEPT), invert: true } }),
  };
}

/** The labels in their colours, opaque. */
function pictureOf({ width, height, labels }: Regions, styles: number): RawImage {
  const colors = COLORS.map(channelsOf);
  const data = new Uint8ClampedArray(4 * labels.length).fill(255);
  labels.forEach((label, i) => data.set(colors[label <= styles || label === KEPT ? label : FREE]!, 4 * i));
  return { width, height, data };
}

/** Red, green and blue of `#rrggbb`, 0 … 255. */
export function channelsOf(color: string): readonly number[] {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/** As text: sizes, then labels and for how many pixels each goes on. */
export function packRegions({ width, height, labels }: Regions): string {
  const runs: number[] = [];
  for (let from = 0, to = 1; from < labels.length; to++) {
    if (labels[to] === labels[from]) continue;
    runs.push(labels[from]!, to - from);
    from = to;
  }
  return JSON.stringify({ width, height, runs });
}

/** The regions of {@link packRegions}; undefined for any other text. */
export function unpackRegions(text: string): Regions | undefined {
  try {
    const { width, height, runs } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (!isCount(width, LONGEST_SIDE) || !isCount(height, LONGEST_SIDE) || !Array.isArray(runs)) return undefined;
    const labels = new Uint8Array(width * height);
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const [label, count] = [runs[i], runs[i + 1]] as readonly unknown[];
      if (!(label === FREE || isCount(label, KEPT)) || !isCount(count, labels.length - at)) return undefined;
      labels.fill(label, at, (at += count));
    }
    return at === labels.length ? { width, height, labels } : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}
