// When to stop early: the loss has hardly fallen for a while.

/** Stop when the lowest loss has fallen by less than `relative` of itself over `iterations`. */
export interface Tolerance {
  /** 0 never stops. */
  readonly relative: number;
  readonly iterations: number;
}

/** Watches the losses of one run at one size. Takes the lowest so far: L-BFGS without line search jumps up and down. */
export class Plateau {
  readonly #tolerance: Tolerance;
  /** The lowest loss up to each iteration. */
  readonly #lowest: number[] = [];

  constructor(tolerance: Tolerance) {
    this.#tolerance = tolerance;
  }

  /** Takes the loss of the next iteration; true when the run has come to rest. A loss that is no number is not taken. */
  rests(loss: number): boolean {
    const { relative, iterations } = this.#tolerance;
    if (relative === 0 || !Number.isFinite(loss)) return false;
    const lowest = Math.min(loss, this.#lowest.at(-1) ?? Infinity);
    this.#lowest.push(lowest);
    const before = this.#lowest.at(-1 - iterations);
    return before !== undefined && before - lowest < relative * Math.abs(before);
  }
}
