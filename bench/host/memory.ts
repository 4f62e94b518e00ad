// Memory of a browser as the operating system sees it: its GPU process and its renderers, each at its highest, pages that
// they share counted in each. Linux only.

import { readdirSync, readFileSync } from 'node:fs';

/** Bytes; undefined where there is no /proc. */
export function peakMemoryOf(pid: number): number | undefined {
  try {
    const parents = new Map<number, number>();
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const parent = /^PPid:\s*(\d+)/m.exec(statusOf(name))?.[1];
      if (parent !== undefined) parents.set(Number(name), Number(parent));
    }
    const belongs = (process: number | undefined): boolean =>
      process !== undefined && (process === pid || belongs(parents.get(process)));
    const computes = (process: number): boolean =>
      /--type=(gpu-process|renderer)/.test(readFileSync(`/proc/${process}/cmdline`, 'utf8'));
    return [...parents.keys()]
      .filter((process) => belongs(process) && computes(process))
      .reduce((sum, process) => sum + peakOf(statusOf(String(process))), 0);
  } catch {
    return undefined;
  }
}

/** Empty for a process that has just ended. */
function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

/** Bytes at the highest, by the text of /proc/…/status. */
export function peakOf(status: string): number {
  return 1024 * Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0);
}
