// Seeded choices for the tests that make up their own cases. WGPU_STYLE_SEED=n runs the case of that seed alone.

/** Choices from a seed: the same on every machine. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give neighbouring sequences.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** In [0, 1) (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)]!;
  }

  /** Values in [-1, 1). */
  values(count: number): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: count }, () => 2 * this.next() - 1);
  }
}

/** Seeds 0 … `count` - 1, or the one that WGPU_STYLE_SEED names. */
export function seeds(count: number): readonly number[] {
  const only = process.env['WGPU_STYLE_SEED'];
  return only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(only)];
}

/** What to type to see a failed case again. */
export function again(seed: number, file: string): string {
  return `seed ${seed}; again with WGPU_STYLE_SEED=${seed} npm test -- ${file}`;
}

/** Runs `work` for each seed and names the seed of whatever fails. */
export async function forEachSeed(
  count: number,
  file: string,
  work: (dice: Dice, seed: number) => Promise<void> | void,
): Promise<void> {
  for (const seed of seeds(count)) {
    try {
      await work(new Dice(seed), seed);
    } catch (error) {
      if (error instanceof Error) error.message += `\n${again(seed, file)}`;
      throw error;
    }
  }
}
