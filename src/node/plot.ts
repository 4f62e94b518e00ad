// The losses of a run as a picture in SVG: each term by iteration on a logarithmic axis, the scales of the ladder as
// bands. Pure. Letters are outlines (svg-text.ts), colours follow the reader's light or dark setting.

import { logTicks, niceStep } from './plot-ticks.ts';
import { plotTheme, type Theme } from './plot-theme.ts';
import { cutText, escapeXml, textSvg, textWidth } from './svg-text.ts';

/** The losses of one iteration. */
export interface LossPoint {
  readonly iteration: number;
  readonly scale: { readonly index: number; readonly width: number; readonly height: number };
  readonly losses: {
    readonly total: number;
    readonly content: number;
    readonly style: number;
    readonly tv: number;
  };
}

const terms = ['total', 'content', 'style', 'tv'] as const;
type Term = (typeof terms)[number];
/** Drawn in this order: the total lies under its parts. */
const names: Readonly<Record<Term, string>> = {
  total: 'total',
  content: 'content',
  style: 'style',
  tv: 'total variation',
};

const width = 960;
const height = 540;
const box = { left: 72, right: width - 28, top: 78, bottom: height - 58 };
/** What is smaller than the largest loss by more than this is not worth its share of the axis. */
const mostDecades = 8;

interface Axes {
  readonly x: (iteration: number) => number;
  readonly y: (loss: number) => number;
  /** Powers of ten. */
  readonly low: number;
  readonly high: number;
  readonly last: number;
}

const px = (value: number): string => String(Number(value.toFixed(1)));

/** Where the axis ends below: all but the lowest values of each term are above. A run from the content begins near 0. */
function floorOf(points: readonly LossPoint[]): number {
  const floors = terms.flatMap((term) => {
    const values = points.map(({ losses }) => losses[term]).filter(isDrawn);
    values.sort((a, b) => a - b);
    return values.slice(Math.floor(values.length / 20)).slice(0, 1);
  });
  return floors.reduce((a, b) => Math.min(a, b), Infinity);
}

function isDrawn(value: number): boolean {
  return value > 0 && Number.isFinite(value);
}

function axesOf(points: readonly LossPoint[]): Axes {
  const values = points.flatMap(({ losses }) => terms.map((term) => losses[term])).filter(isDrawn);
  const most = values.reduce((a, b) => Math.max(a, b), 0) || 1;
  const least = Math.min(most, Math.max(floorOf(points), most / 10 ** mostDecades));
  // A little room above and below; half a decade at least, so that a flat curve is seen to be flat.
  const middle = (Math.log10(least) + Math.log10(most)) / 2;
  const half = Math.max(0.25, (Math.log10(most) - Math.log10(least)) / 2) * 1.08;
  const [low, high] = [middle - half, middle + half];
  const first = points[0]?.iteration ?? 1;
  const last = Math.max(first + 1, points.at(-1)?.iteration ?? 1);
  return {
    x: (iteration) => box.left + ((iteration - first) / (last - first)) * (box.right - box.left),
    y: (loss) => box.bottom - ((Math.log10(loss) - low) / (high - low)) * (box.bottom - box.top),
    low,
    high,
    last,
  };
}

/** As a plain number, or as a power of ten where some tick of the axis needs one. */
function tickLabel(value: number, isPower: boolean, y: number): string {
  const x = box.left - 10;
  if (!isPower) {
    return textSvg(String(Number(value.toPrecision(2))), {
      x,
      y: y + 4.5,
      size: 13,
      anchor: 'end',
      kind: 'soft',
    });
  }
  const power = String(Math.round(Math.log10(value))).replace('-', '–');
  const base = x - textWidth(power, 10) - 1;
  return (
    textSvg('10', { x: base, y: y + 5, size: 13, anchor: 'end', kind: 'soft' }) +
    textSvg(power, { x, y: y - 1, size: 10, anchor: 'end', kind: 'soft' })
  );
}

function grid({ x, y, low, high, last }: Axes, first: number): string {
  const ticks = logTicks(low, high);
  const isPlain = ticks.every(({ value }) => value >= 0.001 && value <= 10000);
  const parts = ticks.map(({ value, isPower }) => {
    const at = y(value);
    return `<path class="grid" d="M${box.left} ${px(at)}H${box.right}"/>${tickLabel(value, isPower && !isPlain, at)}`;
  });
  const step = niceStep(last - first, 10);
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) {
    const at = x(tick);
    parts.push(`<path class="axis" d="M${px(at)} ${box.bottom}v5"/>`);
    parts.push(
      textSvg(String(tick), { x: at, y: box.bottom + 21, size: 13, anchor: 'middle', kind: 'soft' }),
    );
  }
  parts.push(`<path class="axis" d="M${box.left} ${box.bottom}H${box.right}"/>`);
  const middle = (box.left + box.right) / 2;
  parts.push(textSvg('iteration', { x: middle, y: height - 16, size: 14, anchor: 'middle', kind: 'soft' }));
  return parts.join('');
}

/** Every second scale on a tint, its size on top, a line where it begins. */
function bands(points: readonly LossPoint[], { x, last }: Axes): string {
  const starts = points.filter((point, i) => i === 0 || point.scale.index !== points[i - 1]!.scale.index);
  if (starts.length < 2) return '';
  return starts
    .map(({ iteration, scale }, i) => {
      const from = i === 0 ? box.left : x(iteration - 0.5);
      const to = i + 1 < starts.length ? x(starts[i + 1]!.iteration - 0.5) : x(last);
      const tint = `<rect class="band" x="${px(from)}" y="${box.top}" width="${px(to - from)}" height="${box.bottom - box.top}"/>`;
      const line = `<path class="border" d="M${px(from)} ${box.top}V${box.bottom}"/>`;
      const label = `${scale.width} × ${scale.height}`;
      const isRoomy = textWidth(label, 12) + 10 < to - from;
      const text = isRoomy
        ? textSvg(label, { x: (from + to) / 2, y: box.top + 17, size: 12, anchor: 'middle', kind: 'soft' })
        : '';
      return (i % 2 === 1 ? tint : '') + (i > 0 ? line : '') + text;
    })
    .join('');
}

/** At most the first, lowest, highest and last point of every half pixel: nothing that the eye could see is lost. */
function thinned(
  points: readonly (readonly [x: number, y: number])[],
): readonly (readonly [number, number])[] {
  const columns = new Map<number, (readonly [number, number])[]>();
  for (const point of points) {
    const column = Math.round(point[0] * 2);
    const list = columns.get(column);
    if (list) list.push(point);
    else columns.set(column, [point]);
  }
  return [...columns.values()].flatMap((list) => {
    if (list.length <= 4) return list;
    const low = list.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = list.reduce((a, b) => (b[1] > a[1] ? b : a));
    const inner = list.indexOf(low) < list.indexOf(high) ? [low, high] : [high, low];
    return [list[0]!, ...inner, list.at(-1)!];
  });
}

/** Pieces of one term's curve: it breaks where scales meet and where it has no logarithm. */
function curve(points: readonly LossPoint[], term: Term, { x, y }: Axes): string {
  const pieces: (readonly [number, number])[][] = [];
  let piece: (readonly [number, number])[] | undefined;
  let scale = -1;
  for (const {
    iteration,
    losses,
    scale: { index },
  } of points) {
    const value = losses[term];
    if (!isDrawn(value)) {
      piece = undefined;
      continue;
    }
    if (!piece || index !== scale) pieces.push((piece = []));
    scale = index;
    piece.push([x(iteration), y(value)]);
  }
  return pieces
    .map((list) => {
      const [[x0, y0]] = list as [readonly [number, number]];
      if (list.length === 1) return `<circle class="dot ${term}" cx="${px(x0)}" cy="${px(y0)}" r="3"/>`;
      const path = thinned(list)
        .map(([a, b]) => `${px(a)} ${px(b)}`)
        .join('L');
      return `<path class="line ${term}" d="M${path}"/>`;
    })
    .join('');
}

/** The terms that ever were above 0, with their last values. */
function legend(points: readonly LossPoint[], shown: readonly Term[]): string {
  const size = 14;
  const last = points.at(-1);
  const entries = shown.map(
    (term) => `${names[term]}  ${last ? Number(last.losses[term].toPrecision(3)) : ''}`,
  );
  const widths = entries.map((entry) => 30 + textWidth(entry, size) + 24);
  let x = box.left;
  return entries
    .map((entry, i) => {
      const mark = `<path class="line ${shown[i]}" d="M${px(x)} 55h22"/>`;
      const text = textSvg(entry, { x: x + 30, y: 60, size, kind: 'text' });
      x += widths[i]!;
      return mark + text;
    })
    .join('');
}

/**
 * The curves as an SVG of 960 x 540. `title` stands on top. `theme` fixes the colours (for a picture in pixels);
 * without it they follow the reader's setting.
 */
export function lossPlot(
  points: readonly LossPoint[],
  { title, theme }: { readonly title: string; readonly theme?: Theme },
): string {
  const axes = axesOf(points);
  const shown = terms.filter((term) => points.some(({ losses }) => losses[term] > 0));
  const first = points[0]?.iteration ?? 1;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${plotTheme(theme)}</style>`,
    `<clipPath id="inside"><rect x="${box.left}" y="${box.top}" width="${box.right - box.left}" height="${box.bottom - box.top}"/></clipPath>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    textSvg(cutText(title, 17, box.right - box.left), { x: box.left, y: 33, size: 17, kind: 'text' }),
    legend(points, shown),
    bands(points, axes),
    grid(axes, first),
    `<g clip-path="url(#inside)">${shown.map((term) => curve(points, term, axes)).join('')}</g>`,
    '</svg>\n',
  ].join('\n');
}
