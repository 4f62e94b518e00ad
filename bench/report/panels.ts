// Rows as panels of bars, before anything is drawn: which bars stand together, in which unit, and which are ours.

import { digits } from '../harness/table.ts';
import { peakOf, type Row } from '../harness/rows.ts';

/** One horizontal bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Behind the bar. */
  readonly text: string;
  readonly isOurs: boolean;
}

/** Bars of one unit. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly isLongerBetter: boolean;
  readonly bars: readonly Bar[];
  /** A line across the bars: what the adapter could do at best. */
  readonly limit?: { readonly value: number; readonly label: string };
}

/** Families that memory limits: their bars are GB/s. */
const MEMORY_FAMILIES = ['pool', 'reduce', 'variation', 'pointwise', 'optim'];

/** Panels in reading order: peers, whole iterations, starts, kernels. */
export function panelsOf(rows: readonly Row[]): readonly Panel[] {
  const { gflops, gigabytesPerSecond } = peakOf(rows);
  const multiplyAdds = limitOf('peak', gflops);
  const copy = limitOf('copy', gigabytesPerSecond);
  const panels: Panel[] = [];
  for (const [name, group] of grouped(rows, 'peers', (row) => row.name)) {
    panels.push({ title: name, unit: 'ms (times ours)', isLongerBetter: false, bars: group.map(peerBar) });
  }
  for (const family of ['step', 'forward'] as const) {
    for (const [name, group] of grouped(rows, family, (row) => row.name.replace(/ \d+x\d+$/, ''))) {
      const title = `${name}, ${family === 'step' ? 'whole iteration' : 'forward pass'}`;
      const bySide = group.map((row) => ({ ...row, variant: `${row.side}x${row.side}` }));
      panels.push({ ...arithmetic(title, bySide), ...multiplyAdds });
    }
  }
  for (const [name, group] of grouped(rows, 'start', (row) => row.name)) {
    const bars = group.map((row) => {
      const seconds = row.milliseconds / 1000;
      return { label: row.variant, value: seconds, text: `${digits(seconds)} s`, isOurs: isOurs(row) };
    });
    panels.push({ title: `${name}, to the first iteration`, unit: 's', isLongerBetter: false, bars });
  }
  const kernels = rows.filter(({ family }) => !['probe', 'peers', 'step', 'forward', 'start'].includes(family));
  for (const family of new Set(kernels.map((row) => row.family))) {
    for (const [name, group] of grouped(kernels, family, (row) => row.name)) {
      const title = `${family}, ${name}`;
      if (!MEMORY_FAMILIES.includes(family)) panels.push({ ...arithmetic(title, group), ...multiplyAdds });
      else panels.push({ ...traffic(title, group), ...copy });
    }
  }
  return panels;
}

/** No line for what was not measured. */
function limitOf(name: string, value: number): Pick<Panel, 'limit'> {
  return value > 0 ? { limit: { value, label: `${name} ${digits(value)}` } } : {};
}

function grouped(rows: readonly Row[], family: string, key: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.family !== family) continue;
    groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  }
  return groups;
}

function isOurs({ family, variant }: Row): boolean {
  return family === 'step' || family === 'forward' || /\bours\b|^wgpu-style|L-BFGS/.test(variant);
}

function peerBar(row: Row): Bar {
  const times = row.facts?.['times ours'];
  const text = `${digits(row.milliseconds)} ms${typeof times === 'number' ? ` (${digits(times)}x)` : ''}`;
  return { label: row.variant, value: row.milliseconds, text, isOurs: isOurs(row) };
}

function arithmetic(title: string, rows: readonly Row[]): Panel {
  const bars = rows.map((row) => ({
    label: row.variant,
    value: row.gflops,
    text: `${digits(row.gflops)}, ${digits(row.milliseconds)} ms`,
    isOurs: isOurs(row),
  }));
  return { title, unit: 'GFLOP/s', isLongerBetter: true, bars };
}

function traffic(title: string, rows: readonly Row[]): Panel {
  const bars = rows.map((row) => ({
    label: row.variant,
    value: row.gigabytesPerSecond,
    text: `${digits(row.gigabytesPerSecond)}, ${digits(row.milliseconds)} ms`,
    isOurs: isOurs(row),
  }));
  return { title, unit: 'GB/s', isLongerBetter: true, bars };
}
