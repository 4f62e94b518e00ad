// A result as an SVG picture: panels of horizontal bars in two columns, ours in colour. Follows the reader's light or
// dark scheme, and needs nothing but a browser: system fonts, no script.

import { panelsOf, type Panel } from './panels.ts';
import { adapterLine, adapterName, SOFTWARE_WARNING, type ResultFile } from './report.ts';

const WIDTH = 1040;
const MARGIN = 28;
const GAP = 40;
const COLUMN = (WIDTH - 2 * MARGIN - GAP) / 2;
/** Of a column: labels, bars; the text behind a bar follows it. */
const LABELS = 212;
const BARS = 142;
const ROW = 21;
const THICK = 13;

const STYLE = `
  svg {
    --paper: #fff; --ink: #1b1f24; --soft: #667080; --rule: #e3e7ec;
    --track: #f3f5f8; --other: #a9b4c2; --ours: #1768d6; --limit: #b4530a;
    background: var(--paper);
  }
  @media (prefers-color-scheme: dark) {
    svg {
      --paper: #0f1318; --ink: #e6eaf0; --soft: #93a0b0; --rule: #262d36;
      --track: #181e26; --other: #566475; --ours: #5aa2ff; --limit: #f0a35e;
    }
  }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: var(--ink); }
  .title { font-size: 19px; font-weight: 600; }
  .loud { font-weight: 600; fill: var(--limit); }
  .panel { font-size: 13px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .ours-text { font-weight: 600; }
  .track { fill: var(--track); } .other { fill: var(--other); } .ours { fill: var(--ours); }
  .rule { stroke: var(--rule); }
  .limit { stroke: var(--limit); stroke-dasharray: 3 2; }
  .limit-text { fill: var(--limit); font-size: 11px; }
`;

/** The whole picture. */
export function chartOf(result: ResultFile): string {
  const head = headOf(result);
  const top = MARGIN + head.height + 14;
  const bottoms = [top, top];
  const drawn = panelsOf(result.rows).map((panel) => {
    const column = bottoms[0]! <= bottoms[1]! ? 0 : 1;
    const { height, svg } = panelAt(panel, MARGIN + column * (COLUMN + GAP), bottoms[column]!);
    bottoms[column]! += height;
    return svg;
  });
  const height = Math.max(...bottoms) + MARGIN - 12;
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`,
    `<title>${escape(`wgpu-style benchmarks: ${adapterLine(result)}`)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect width="100%" height="100%" style="fill: var(--paper)"/>`,
    head.svg,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function headOf(result: ResultFile): Piece {
  const { adapter, host, cpu, cores, date, version, command, isSoftware } = result;
  const lines = [
    ['title', `wgpu-style ${version}`],
    ...(isSoftware ? [['loud', SOFTWARE_WARNING]] : []),
    ['', adapterName(adapter)],
    ['soft', `${host}; ${cpu} x ${cores}; ${date.slice(0, 10)}`],
    ['soft', command],
  ];
  const svg = lines.map(([name, text], i) => {
    return `<text class="${name}" x="${MARGIN}" y="${MARGIN + 16 + (i && 6 + 18 * i)}">${escape(text!)}</text>`;
  });
  return { svg: svg.join('\n'), height: 12 + 18 * lines.length };
}

/** A piece of the picture. */
interface Piece {
  readonly svg: string;
  readonly height: number;
}

function panelAt({ title, unit, isLongerBetter, bars, limit }: Panel, x: number, y: number): Piece {
  const largest = Math.max(limit?.value ?? 0, ...bars.map(({ value }) => value)) || 1;
  const from = x + LABELS;
  const scale = BARS / largest;
  const first = y + 30;
  const better = isLongerBetter ? 'longer' : 'shorter';
  const parts = [
    `<line class="rule" x1="${x}" x2="${x + COLUMN}" y1="${y}" y2="${y}"/>`,
    `<text class="panel" x="${x}" y="${y + 19}">${escape(title)}</text>`,
    `<text class="soft" x="${x + COLUMN}" y="${y + 19}" text-anchor="end">${unit}, ${better} is better</text>`,
  ];
  bars.forEach(({ label, value, text, isOurs }, i) => {
    const top = first + i * ROW;
    const base = top + THICK - 2.5;
    const width = Math.max(1.5, value * scale).toFixed(1);
    parts.push(
      `<rect class="track" x="${from}" y="${top}" width="${BARS}" height="${THICK}" rx="2"/>`,
      `<rect class="${isOurs ? 'ours' : 'other'}" x="${from}" y="${top}" width="${width}" height="${THICK}" rx="2"/>`,
      `<text class="${isOurs ? 'ours-text' : ''}" x="${from - 8}" y="${base}" text-anchor="end">${escape(label)}</text>`,
      `<text class="${isOurs ? 'ours-text' : 'soft'}" x="${from + BARS + 8}" y="${base}">${escape(text)}</text>`,
    );
  });
  const bottom = first + bars.length * ROW;
  if (limit) {
    const at = (from + limit.value * scale).toFixed(1);
    parts.push(
      `<line class="limit" x1="${at}" x2="${at}" y1="${first - 3}" y2="${bottom - 4}"/>`,
      `<text class="limit-text" x="${at}" y="${bottom + 7}" text-anchor="middle">${escape(limit.label)}</text>`,
    );
  }
  return { svg: `<g>${parts.join('\n')}</g>`, height: 30 + bars.length * ROW + (limit ? 28 : 16) };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
