// Pictures side by side with their labels: columns named on top, rows at the left, what they have in common below. Pure
// layout here; sharp puts the pixels together.

import { pixelsFromBytes, type Pixels } from '../image/index.ts';
import { loadSharp } from './sharp.ts';
import { cutText, textSvg, textWidth } from './svg-text.ts';

/** One cell: a picture, or why there is none. */
export type Cell =
  | { readonly width: number; readonly height: number; readonly pixels: Uint8ClampedArray }
  | { readonly missing: string };

/** A sheet: rows of cells. */
export interface Sheet {
  readonly columns: { readonly title: string; readonly labels: readonly string[] };
  readonly rows?: { readonly title: string; readonly labels: readonly string[] };
  readonly cells: readonly (readonly Cell[])[];
  /** What all cells share. */
  readonly caption: string;
}

/** Where everything lies, in pixels. */
export interface SheetLayout {
  readonly width: number;
  readonly height: number;
  readonly cell: { readonly width: number; readonly height: number };
  /** Left edges of columns, upper edges of rows. */
  readonly lefts: readonly number[];
  readonly tops: readonly number[];
  readonly font: number;
}

const ground = '#ffffff';
const colours = '.title{fill:#1f2328}.label{fill:#424a53}.soft{fill:#6e7781}.hole{fill:#f0f2f4}';

/** Cells are as large as the largest picture; letters grow with them. */
export function layoutOf({ columns, rows, cells }: Sheet): SheetLayout {
  const sizes = cells.flat().flatMap((cell) => ('missing' in cell ? [] : [cell]));
  const cell = {
    width: Math.max(64, ...sizes.map(({ width }) => width)),
    height: Math.max(48, ...sizes.map(({ height }) => height)),
  };
  const font = Math.round(Math.min(40, Math.max(13, cell.width / 15)));
  const gap = Math.round(font * 0.6);
  const margin = Math.round(font * 1.4);
  const widest = rows ? Math.max(...rows.labels.map((label) => textWidth(label, font))) : 0;
  const labelWidth = Math.min(Math.ceil(widest), cell.width);
  // The title of the rows stands upright beside their labels.
  const left = margin + (rows ? Math.ceil(font * 1.9) + labelWidth + gap : 0);
  const top = margin + Math.ceil(font * 3.1);
  const at = (start: number, size: number) => (_: unknown, i: number) => start + i * (size + gap);
  const lefts = columns.labels.map(at(left, cell.width));
  const tops = cells.map(at(top, cell.height));
  return {
    width: lefts.at(-1)! + cell.width + margin,
    height: tops.at(-1)! + cell.height + Math.ceil(font * 2.6) + Math.round(margin / 2),
    cell,
    lefts,
    tops,
    font,
  };
}

/** Everything but the pictures. */
export function sheetSvg(sheet: Sheet, layout: SheetLayout): string {
  const { columns, rows, cells, caption } = sheet;
  const { width, height, cell, lefts, tops, font } = layout;
  const margin = Math.round(font * 1.4);
  const middle = (starts: readonly number[], size: number): number =>
    (starts[0]! + starts.at(-1)! + size) / 2;
  const parts: string[] = [
    textSvg(columns.title, {
      x: middle(lefts, cell.width),
      y: margin + font,
      size: font * 1.1,
      anchor: 'middle',
      kind: 'title',
    }),
  ];
  columns.labels.forEach((label, i) => {
    const x = lefts[i]! + cell.width / 2;
    parts.push(
      textSvg(cutText(label, font, cell.width), {
        x,
        y: tops[0]! - font * 0.55,
        size: font,
        anchor: 'middle',
        kind: 'label',
      }),
    );
  });
  if (rows) {
    const y = middle(tops, cell.height);
    parts.push(
      textSvg(rows.title, {
        x: margin + font,
        y,
        size: font * 1.1,
        anchor: 'middle',
        isUpright: true,
        kind: 'title',
      }),
    );
    rows.labels.forEach((label, i) => {
      const x = lefts[0]! - Math.round(font * 0.6);
      const place = {
        x,
        y: tops[i]! + cell.height / 2 + font * 0.35,
        size: font,
        anchor: 'end',
        kind: 'label',
      } as const;
      parts.push(textSvg(cutText(label, font, cell.width), place));
    });
  }
  cells.forEach((list, row) =>
    list.forEach((content, column) => {
      if (!('missing' in content)) return;
      const [x, y] = [lefts[column]!, tops[row]!];
      parts.push(`<rect class="hole" x="${x}" y="${y}" width="${cell.width}" height="${cell.height}"/>`);
      const text = cutText(content.missing, font * 0.85, cell.width - font);
      parts.push(
        textSvg(text, {
          x: x + cell.width / 2,
          y: y + cell.height / 2,
          size: font * 0.85,
          anchor: 'middle',
          kind: 'soft',
        }),
      );
    }),
  );
  const below = tops.at(-1)! + cell.height + font * 1.9;
  const room = width - lefts[0]! - margin;
  parts.push(
    textSvg(cutText(caption, font * 0.85, room), { x: lefts[0]!, y: below, size: font * 0.85, kind: 'soft' }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><style>${colours}</style>${parts.join('')}</svg>`;
}

/** The sheet as a picture. Throws `bad-image` without sharp, which draws the letters. */
export async function drawSheet(sheet: Sheet, where: string): Promise<Pixels> {
  const layout = layoutOf(sheet);
  const { width, height, cell, lefts, tops } = layout;
  const sharp = await loadSharp(where, 'a contact sheet');
  const pictures = sheet.cells.flatMap((list, row) =>
    list.flatMap((content, column) => {
      if ('missing' in content) return [];
      return {
        input: Buffer.from(content.pixels),
        raw: { width: content.width, height: content.height, channels: 4 as const },
        left: lefts[column]! + Math.floor((cell.width - content.width) / 2),
        top: tops[row]! + Math.floor((cell.height - content.height) / 2),
      };
    }),
  );
  const letters = { input: Buffer.from(sheetSvg(sheet, layout)), left: 0, top: 0 };
  const sheetOf = sharp({ create: { width, height, channels: 4, background: ground } }).composite([
    ...pictures,
    letters,
  ]);
  const data = await sheetOf.raw().toBuffer();
  return pixelsFromBytes(width, height, new Uint8Array(data), where);
}
