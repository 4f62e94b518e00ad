// How everything here is measured. The words:
//   subject   something that can be repeated `count` times and says how many milliseconds that took
//   pilot     its second repetition (the first warms up); decides how many repetitions make a sample
//   sample    milliseconds of one repetition, from SHORTEST milliseconds or more of them
//   round     one sample of every subject; rounds go A, B, C, then C, B, A, so that a clock or a machine that drifts
//             does not favour the first or the last
//
// Knows no GPU: subjects are given, and so is the clock (tests bring their own).

/** A sample takes at least so many milliseconds: long enough to be told from noise and from the clock's steps. */
export const SHORTEST = 10;

/**
 * From so many milliseconds on, the fixed cost of a submit (about a millisecond, with napping) is lost in the noise.
 * Below, wall time is that of 2N repetitions less that of N.
 */
export const LONG = 500;

/** What the milliseconds are: of the GPU's timestamps, of the wall, or differences of two stretches of wall time. */
export type ClockName = 'timestamps' | 'wall' | 'wall difference';

/** Something to time. */
export interface Subject {
  /** Milliseconds of `count` repetitions in a row. */
  readonly time: (count: number) => Promise<number>;
  /** The GPU says when it began and ended: nothing has to be taken off. */
  readonly isStamped: boolean;
}

/** What sampling is allowed to cost. */
export interface SamplingOptions {
  /** Sampling of one subject stops after so many seconds, but not before `least` samples. */
  readonly seconds: number;
  readonly least?: number;
  readonly most?: number;
  readonly now?: () => number;
}

/** Milliseconds of one repetition of a subject. */
export interface Sampling {
  readonly values: readonly number[];
  readonly clock: ClockName;
  /** Samples that were not positive, and dropped: timestamps may go backwards by the specification. */
  readonly dropped: number;
}

/** Samples the subjects in turns; one {@link Sampling} for each, in their order. */
export async function sampleInTurns(
  subjects: readonly Subject[],
  { seconds, least = 3, most = 15, now = () => performance.now() }: SamplingOptions,
): Promise<Sampling[]> {
  const runs: Run[] = [];
  for (const subject of subjects) runs.push(await prepare(subject));
  const started = now();
  // Twice `least` rounds bound the run when every sample is dropped.
  for (let round = 0; round < most || (round < 2 * least && runs.some((run) => run.values.length < least)); round++) {
    const isLate = now() - started > 1000 * seconds * subjects.length;
    if (isLate && runs.every((run) => run.values.length >= least)) break;
    for (const run of round % 2 === 0 ? runs : [...runs].reverse()) await sample(run);
  }
  return runs.map(({ values, dropped, clock }) => ({ values, dropped, clock }));
}

interface Run {
  readonly subject: Subject;
  readonly count: number;
  readonly clock: ClockName;
  readonly values: number[];
  dropped: number;
}

async function prepare(subject: Subject): Promise<Run> {
  await subject.time(1);
  const pilot = await subject.time(1);
  const count = Math.max(1, Math.ceil(SHORTEST / Math.max(pilot, 0.05)));
  const clock = subject.isStamped ? 'timestamps' : pilot >= LONG ? 'wall' : 'wall difference';
  // What takes half a second and more is not repeated for nothing.
  return { subject, count, clock, values: pilot >= LONG ? [pilot] : [], dropped: 0 };
}

async function sample(run: Run): Promise<void> {
  const { subject, count, clock, values } = run;
  const once = await subject.time(count);
  const value = clock === 'wall difference' ? (await subject.time(2 * count)) - once : once;
  if (value > 0) values.push(value / count);
  else run.dropped++;
}
