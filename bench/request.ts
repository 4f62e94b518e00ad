// What is to be measured, and what suits an adapter when nobody says.

/** Families of kernels, measured at one side; `step` and `forward` at several. */
export const FAMILIES = [
  'conv2d',
  'matmul',
  'gram',
  'pool',
  'reduce',
  'variation',
  'pointwise',
  'optim',
  'step',
  'forward',
] as const;

/** What runBench can measure; `peers` needs libraries of others and is only measured when asked for. */
export type Family = (typeof FAMILIES)[number] | 'peers';

/** What to measure. */
export interface BenchRequest {
  readonly families: readonly Family[];
  /** Sides of the picture in pixels; those of {@link sidesFor} when empty. */
  readonly sides: readonly number[];
  /** Sampling of one row stops after about so many seconds; 0 only checks what the kernels compute. */
  readonly seconds: number;
  /** No row is begun that would probably end after so many minutes. */
  readonly minutes: number;
  readonly pooling: 'max' | 'average';
  /** Divides the channels of the peers' network: a quick look. */
  readonly slim: number;
}

/** Everything at its default. */
export const DEFAULT_REQUEST: BenchRequest = {
  families: FAMILIES,
  sides: [],
  seconds: 2,
  minutes: 15,
  pooling: 'max',
  slim: 1,
};

/** Sides that an adapter computes in seconds: an iteration at 512 takes a software adapter minutes. */
export function sidesFor(isSoftware: boolean): readonly number[] {
  return isSoftware ? [32, 64] : [32, 64, 128, 256, 512];
}

/** What was left out, or went wrong, and why. */
export interface Missing {
  readonly what: string;
  readonly why: string;
}

/**
 * The time that a run may take. Sides are measured from small to large, and work grows with the number of pixels: what
 * the last side took tells whether the next one still fits.
 */
export class Budget {
  readonly #end: number;
  readonly #now: () => number;
  readonly #last = new Map<string, { side: number; milliseconds: number }>();
  readonly skipped: Missing[] = [];
  readonly failed: Missing[] = [];

  constructor(minutes: number, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#end = now() + minutes * 60_000;
  }

  /** Notes a failure, and that the run goes on. */
  fail(what: string, error: unknown): void {
    this.failed.push({ what, why: error instanceof Error ? error.message : String(error) });
  }

  /** Runs `work` if it will probably end in time; notes that it was skipped, or that it failed. */
  async run(family: string, side: number, work: () => Promise<void>): Promise<void> {
    const left = this.#end - this.#now();
    const last = this.#last.get(family);
    // Sampling takes its seconds however small the work; only what is slow grows.
    const guess = last ? last.milliseconds * Math.max(1, (side / last.side) ** 2) : 0;
    if (left <= 0 || (last && guess > left + 60_000)) {
      const seconds = (guess / 1000).toFixed(0);
      const why = left <= 0 ? 'the time is up' : `it would take some ${seconds} s, ${(left / 1000).toFixed(0)} s are left`;
      this.skipped.push({ what: `${family} ${side}x${side}`, why: `${why}; --minutes gives more` });
      return;
    }
    const started = this.#now();
    try {
      await work();
    } catch (error) {
      this.fail(`${family} ${side}x${side}`, error);
    }
    this.#last.set(family, { side, milliseconds: this.#now() - started });
  }
}
