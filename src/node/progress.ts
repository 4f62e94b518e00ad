// Progress for people: one line that is rewritten on a terminal, about ten lines in a log.

import type { Progress } from '../style/options.ts';

/** The part of `Progress` that is shown. */
export type ShownProgress = Omit<Progress, 'picture'>;

/** A number as short as it can be read: 12,345 as 1.23e+4, 0.5 as 0.5. */
function short(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
}

/** 75 as "1 min 15 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** One line: share done, iteration, time left, losses per term, speed, scale; cut to `columns` characters. */
export function progressText(progress: ShownProgress, columns: number = Infinity): string {
  const { iteration, iterations, losses, scale, secondsLeft, millisecondsPerIteration } = progress;
  const percent = Math.floor((100 * iteration) / Math.max(1, iterations));
  const parts = [
    `${String(percent).padStart(3)} %`,
    `${String(iteration).padStart(String(iterations).length)}/${iterations}`,
    `${duration(secondsLeft)} left`,
    `loss ${short(losses.total)} (content ${short(losses.content)}, style ${short(losses.style)}, tv ${short(losses.tv)})`,
    `${short(Number(millisecondsPerIteration.toPrecision(3)))} ms/iteration`,
    ...(scale.count > 1
      ? [`scale ${scale.index + 1}/${scale.count}, ${scale.width}x${scale.height}`]
      : []),
  ];
  const text = parts.join('  ');
  return text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text;
}

/** Where progress goes: stderr, or what a test hands in. */
export interface ProgressStream {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Shows progress; `say` prints a line of its own between. */
export interface ProgressPrinter {
  readonly show: (progress: ShownProgress) => void;
  readonly say: (line: string) => void;
  /** Leaves the terminal's cursor on a fresh line. */
  readonly finish: () => void;
}

/** Smallest time between two rewrites of the line, in milliseconds. */
const redrawAfter = 100;

/** On a terminal one line, rewritten in place; elsewhere a line for the first and each tenth of the iterations. */
export function progressPrinter(
  stream: ProgressStream,
  {
    isQuiet = false,
    now = () => performance.now(),
  }: { readonly isQuiet?: boolean; readonly now?: () => number } = {},
): ProgressPrinter {
  if (isQuiet) return { show: () => undefined, say: () => undefined, finish: () => undefined };
  let isOpen = false;
  let drawnAt = -Infinity;
  let printedTenths = -1;
  const finish = (): void => {
    if (isOpen) stream.write('\n');
    isOpen = false;
  };
  const redraw = (progress: ShownProgress): void => {
    const isLast = progress.iteration >= progress.iterations;
    if (!isLast && now() - drawnAt < redrawAfter) return;
    drawnAt = now();
    // One column less than there are: a full line would wrap on some terminals.
    stream.write(`\r\x1b[K${progressText(progress, (stream.columns || 80) - 1)}`);
    isOpen = true;
  };
  const print = (progress: ShownProgress): void => {
    const tenths = Math.floor((10 * progress.iteration) / Math.max(1, progress.iterations));
    if (tenths === printedTenths) return;
    printedTenths = tenths;
    stream.write(`${progressText(progress)}\n`);
  };
  const say = (line: string): void => {
    if (isOpen) stream.write('\r\x1b[K');
    isOpen = false;
    drawnAt = -Infinity;
    stream.write(`${line}\n`);
  };
  return { show: stream.isTTY ? redraw : print, say, finish };
}
