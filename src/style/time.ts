// How long a planned run takes: measured on a few iterations of every scale that is cheap to try, and reckoned by arithmetic
// for the others.

import { fitSize } from '../image/fit-size.ts';
import type { Size } from './limits.ts';
import type { StyleTransferOptions } from './options.ts';
import type { RunPlan } from './plan.ts';
import { StyleSession } from './session.ts';

/** What an iteration at one scale takes. */
export interface ScaleTime {
  readonly secondsPerIteration: number;
  /** False where it was reckoned from a smaller scale. */
  readonly isMeasured: boolean;
}

/** What a planned run takes. */
export interface TimeEstimate {
  /** Of all iterations; reading pictures, compiling shaders and targets come on top. */
  readonly seconds: number;
  /** In the order of the plan's. */
  readonly scales: readonly ScaleTime[];
}

/** Iterations that are timed, after as many that fill pipelines and L-BFGS's first steps. */
const TIMED = 3;

/** A scale is tried when its iterations are expected to take no longer than this, in seconds. */
const AFFORDABLE = 4;

/** Before anything larger is tried, in pixels of the longest side. */
const SMALL = 192;

/** A size that was tried: time and arithmetic of an iteration. */
interface Probed extends Size {
  readonly seconds: number;
  readonly flops: number;
}

/** What one iteration at a size takes, measured: a session of the run's own options. */
async function probe(options: StyleTransferOptions, { width, height }: Size): Promise<Probed> {
  const session = await StyleSession.create({ ...options, size: { width, height }, scales: false, onWarning: () => undefined });
  try {
    await session.step(TIMED);
    const started = performance.now();
    await session.step(TIMED);
    return { seconds: (performance.now() - started) / 1000 / TIMED, flops: session.plan.flops, width, height };
  } finally {
    session.destroy();
  }
}

/**
 * Measures what the run that `plan(options)` has planned will take: coarse scales first, since small pictures leave a GPU idle
 * and a finer one tells more, each as long as trying it takes no longer than some seconds. `tries` is told each size. Throws
 * what the run would throw.
 */
export async function estimateTime(
  options: StyleTransferOptions,
  { scales }: Pick<RunPlan, 'scales'>,
  tries: (size: Size) => void = () => undefined,
): Promise<TimeEstimate> {
  const first = scales[0]!;
  const small = fitSize(first.width, first.height, Math.min(SMALL, Math.max(first.width, first.height)));
  tries(small);
  let known = await probe(options, small);
  const times: ScaleTime[] = [];
  for (const scale of scales) {
    // By arithmetic rather than pixels: tiles compute some of them several times.
    const expected = (known.seconds * scale.flops) / known.flops;
    const isKnown = scale.width * scale.height === known.width * known.height;
    const isMeasured = isKnown || 2 * TIMED * expected <= AFFORDABLE;
    if (isMeasured && !isKnown) {
      tries(scale);
      known = await probe(options, scale);
    }
    times.push({ secondsPerIteration: isMeasured ? known.seconds : expected, isMeasured });
  }
  const seconds = scales.reduce((sum, { iterations }, i) => sum + iterations * times[i]!.secondsPerIteration, 0);
  return { seconds, scales: times };
}
