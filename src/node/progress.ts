// Progress for people: one line that is rewritten on a terminal, about ten lines in a log.

import type { Progress } from '../style/options.ts';
import type { DownloadProgress } from '../gpu/host.ts';

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

/** 52,400,000 as "52.4 MB". */
export function megabytes(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** One line: name, bar, what has come of what is needed of a file of which size, time left. */
export function downloadText(
  { name, received, needed, size }: DownloadProgress,
  secondsLeft: number,
  columns: number = Infinity,
): string {
  const whole = size === undefined || size === needed ? '' : `, of a file of ${megabytes(size)}`;
  let text = `${name}  ${megabytes(received)}${whole}`;
  if (needed !== undefined) {
    const share = needed === 0 ? 1 : received / needed;
    const bar = '#'.repeat(Math.floor(20 * share)).padEnd(20, '.');
    const percent = String(Math.floor(100 * share)).padStart(3);
    const left = Number.isFinite(secondsLeft) ? `  ${duration(secondsLeft)} left` : '';
    text =
      `${name}  [${bar}] ${percent} %  ` +
      `${megabytes(received)} of ${megabytes(needed)}${whole}${left}`;
  }
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
  /** On terminals only: a log is not told of every download. */
  readonly download: (progress: DownloadProgress) => void;
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
  const ignore = (): void => undefined;
  if (isQuiet) return { show: ignore, download: ignore, say: ignore, finish: ignore };
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
  let begun: { readonly at: number; readonly received: number } | undefined;
  const download = (progress: DownloadProgress): void => {
    const { received, needed } = progress;
    const isLast = needed !== undefined && received >= needed;
    if (!stream.isTTY || (!isLast && now() - drawnAt < redrawAfter)) return;
    drawnAt = now();
    // What an earlier attempt brought came in no time.
    begun ??= { at: now(), received };
    const rate = (received - begun.received) / (now() - begun.at);
    const left = needed === undefined ? Infinity : (needed - received) / rate / 1000;
    stream.write(`\r\x1b[K${downloadText(progress, left, (stream.columns || 80) - 1)}`);
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
  return { show: stream.isTTY ? redraw : print, download, say, finish };
}
