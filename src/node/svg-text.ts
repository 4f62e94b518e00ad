// Text in SVG without fonts: letters as outlines (svg-letters.ts), measured, cut and placed.

import { letters } from './svg-letters.ts';

const glyphs = new Map(letters.map(([letter, advance, outline]) => [letter, { advance, outline }]));
const perEm = 250;
/** What stands for a letter that is not here. */
const box = { advance: 150, outline: 'M20 0V-170H130V0ZM32 -12H118V-158H32Z' };

function glyphsOf(text: string): readonly { readonly advance: number; readonly outline: string }[] {
  // An accent that is missing is left off: the letter under it is better than a box.
  const found = [...text].flatMap((letter) =>
    glyphs.has(letter) ? [letter] : [...letter.normalize('NFD').replace(/\p{M}/gu, '')],
  );
  return found.map((letter) => glyphs.get(letter) ?? box);
}

/** How wide `text` is at this size, in pixels. */
export function textWidth(text: string, size: number): number {
  return (glyphsOf(text).reduce((sum, { advance }) => sum + advance, 0) * size) / perEm;
}

/** `text` cut to at most `width` pixels, with an ellipsis where something is missing. */
export function cutText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const kept = [...text];
  while (kept.length > 1 && textWidth(`${kept.join('')}…`, size) > width) kept.pop();
  return `${kept.join('')}…`;
}

/** Where a text stands on its baseline. */
export interface Placed {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** What `x` is of the text; default its start. */
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Turned a quarter to the left, reading upwards. */
  readonly isUpright?: boolean;
  /** CSS class, for the colour. */
  readonly kind?: string;
}

/** The text as an SVG group of outlines; its words are in `aria-label`. */
export function textSvg(text: string, { x, y, size, anchor = 'start', isUpright, kind }: Placed): string {
  const shift = { start: 0, middle: -0.5, end: -1 }[anchor] * textWidth(text, size);
  let pen = 0;
  const paths = glyphsOf(text).map(({ advance, outline }) => {
    const path = outline === '' ? '' : `<path transform="translate(${pen})" d="${outline}"/>`;
    pen += advance;
    return path;
  });
  const scale = Number((size / perEm).toFixed(5));
  const turn = isUpright ? ' rotate(-90)' : '';
  const place = `translate(${round(x)} ${round(y)})${turn} translate(${round(shift)} 0) scale(${scale})`;
  return `<g${kind ? ` class="${kind}"` : ''} role="text" aria-label="${escapeXml(text)}" transform="${place}">${paths.join('')}</g>`;
}

/** Text made safe between tags and in attributes; control characters, which XML forbids, are dropped. */
export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  const sound = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '');
  return sound.replace(/[&<>"]/g, (letter) => entities[letter]!);
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
