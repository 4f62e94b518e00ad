// The command plan: what a run would need, told before it runs. Sizes, dispatches, arithmetic and memory are counted
// (style/plan.ts); time is measured on a few iterations (style/time.ts).

import { mebibytes } from '../gpu/buffers.ts';
import { describeAdapter, isSoftwareAdapter, type AdapterDescription } from '../gpu/device.ts';
import { plan, type RunPlan, type ScalePlan } from '../style/plan.ts';
import type { TilePlan } from '../style/session-plan.ts';
import { estimateTime, type ScaleTime } from '../style/time.ts';
import type { PlanCommand } from './commands.ts';
import { Inputs } from './inputs.ts';
import type { ProgressPrinter } from './progress.ts';
import { duration } from './progress.ts';

/** One scale of the plan's `--json` object. */
export interface PlannedScale {
  readonly width: number;
  readonly height: number;
  readonly iterations: number;
  /** Of one iteration. */
  readonly dispatches: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /** GPU memory by purpose; `peak` is the highest sum, also while targets are computed. */
  readonly bytes: {
    readonly activations: number;
    readonly optimizer: number;
    readonly weightsAndTargets: number;
    readonly peak: number;
  };
  /** Where the picture is worked on in tiles: how many, their sides, and the pixels that are computed several times. */
  readonly tiles?: TilePlan;
  /** Pairs that L-BFGS keeps, where the memory limit allows fewer than asked for. */
  readonly history?: number;
  /** Set where activations take half the memory. */
  readonly storage?: 'f16';
  readonly millisecondsPerIteration: number;
  /** False where it was reckoned from a smaller scale. */
  readonly isMeasured: boolean;
}

/** The plan's `--json` object. */
export interface PlanReport {
  readonly width: number;
  readonly height: number;
  readonly iterations: number;
  readonly flops: number;
  readonly peakBytes: number;
  readonly seconds: number;
  readonly scales: readonly PlannedScale[];
  readonly adapter: AdapterDescription;
  readonly isSoftware: boolean;
}

function scaleReport(scale: ScalePlan, { secondsPerIteration, isMeasured }: ScaleTime): PlannedScale {
  const { width, height, iterations, dispatches, flops, bytesMoved, bytes, residentBytes, peakBytes, tiles, history, storage } = scale;
  return {
    width,
    height,
    iterations,
    dispatches,
    flops,
    bytesMoved,
    bytes: {
      activations: bytes.arena,
      optimizer: bytes.optimizer,
      weightsAndTargets: residentBytes - bytes.arena - bytes.optimizer,
      peak: peakBytes,
    },
    ...(tiles && { tiles }),
    ...(history !== undefined && { history }),
    ...(storage && { storage }),
    millisecondsPerIteration: secondsPerIteration * 1000,
    isMeasured,
  };
}

/** Plans the run. Throws what the run would throw for its options, pictures and limits. */
export async function runPlan(
  command: PlanCommand,
  {
    requestDevice,
    signal,
    printer,
  }: {
    requestDevice: () => Promise<GPUDevice>;
    signal: AbortSignal;
    printer: Pick<ProgressPrinter, 'say' | 'download'>;
  },
): Promise<PlanReport> {
  const inputs = new Inputs(signal, printer);
  const content = await inputs.content(command.content);
  const shared = await inputs.shared(command);
  const device = await requestDevice();
  try {
    const options = { ...shared, ...content, device, signal };
    const planned: RunPlan = await plan(options);
    const time = await estimateTime(options, planned, ({ width, height }) => printer.say(`Trying ${width}x${height} …`));
    const scales = planned.scales.map((scale, i) => scaleReport(scale, time.scales[i]!));
    const { width, height } = scales.at(-1)!;
    const { iterations, flops, peakBytes } = planned;
    const adapter = describeAdapter(device);
    return {
      width,
      height,
      iterations,
      flops,
      peakBytes,
      seconds: time.seconds,
      scales,
      adapter,
      isSoftware: isSoftwareAdapter(device),
    };
  } finally {
    device.destroy();
  }
}

/** 1.5e9 as "1.5 G". */
function inUnits(value: number): string {
  const power = Math.min(5, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${['', 'k', 'M', 'G', 'T', 'P'][power]}`.trim();
}

/** What is special about a scale: tiles, less history than asked for, activations in 16 bits. */
function tileLines({ width, height, tiles, history, storage }: PlannedScale): string[] {
  const size = `${width}x${height}`;
  const lines: string[] = [];
  if (tiles) {
    const halo = Math.round((100 * tiles.haloPixels) / (width * height));
    lines.push(
      `${size} in ${tiles.count} tiles (${tiles.columns}x${tiles.rows}) of up to ${tiles.width}x${tiles.height} pixels: ` +
        `${halo} % of the pixels are computed again for a neighbour`,
    );
  }
  if (storage) lines.push(`${size}: activations in 16 bits (storage f16)`);
  if (history !== undefined) lines.push(`${size}: L-BFGS keeps ${history} pairs, as many as the memory limit allows`);
  return lines;
}

/** The plan for people: a table of scales, then the sums. */
export function planText(report: PlanReport): string {
  const header = [
    'size',
    'iterations',
    'dispatches',
    'FLOP',
    'activations',
    'optimizer',
    'weights, targets',
    'peak',
    'ms/iteration',
  ];
  const rows = report.scales.map(
    ({ width, height, iterations, dispatches, flops, bytes, millisecondsPerIteration, isMeasured }) => [
      `${width}x${height}`,
      String(iterations),
      String(dispatches),
      inUnits(flops),
      ...[bytes.activations, bytes.optimizer, bytes.weightsAndTargets, bytes.peak].map(mebibytes),
      `${isMeasured ? '' : '~'}${Number(millisecondsPerIteration.toPrecision(3))}`,
    ],
  );
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => cell.padStart(widths[i]!)).join('  ');
  const { width, height, iterations, flops, peakBytes, seconds, isSoftware } = report;
  return [
    line(header),
    ...rows.map(line),
    '',
    ...report.scales.flatMap(tileLines),
    `${width}x${height} in ${iterations} iterations: ${inUnits(flops)}FLOP, at most ${mebibytes(peakBytes)} of buffers, ` +
      `about ${duration(seconds)}${isSoftware ? ' on this software adapter' : ''}`,
    '',
  ].join('\n');
}
