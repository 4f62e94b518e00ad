// When to stop early: the loss has hardly fallen for a while.

/** Stop when the lowest loss has fallen by less than `relative` of itself over `iterations`. */
export interface Tolerance {
  /** 0 never stops. */
  readonly relative: number;
  readonly iterations: number;
}

/** What a plateau remembers, for a checkpoint. */
export interface PlateauState {
  /** The lowest loss up to each of the last iterations. */
  readonly lowest: readonly number[];
  readonly rests: boolean;
  readonly isOver: boolean;
}

const FRESH: PlateauState = { lowest: [], rests: false, isOver: false };

/**
 * Watches the losses of one size. Takes the lowest so far: L-BFGS without line search jumps up and down. Losses come home
 * late, so when one shows that the run rests, the next iteration has begun: that one is always the last, and a run that is
 * cut into pieces ends where a whole one does.
 */
export class Plateau {
  readonly #tolerance: Tolerance;
  #state = FRESH;

  constructor(tolerance: Tolerance) {
    this.#tolerance = tolerance;
  }

  /** Takes the loss of the next iteration; one that is no number is not looked at. */
  take(loss: number): void {
    const { relative, iterations } = this.#tolerance;
    const { rests, lowest } = this.#state;
    if (rests) {
      this.#state = { ...this.#state, isOver: true };
      return;
    }
    if (relative === 0 || !Number.isFinite(loss)) return;
    const now = Math.min(loss, lowest.at(-1) ?? Infinity);
    const kept = [...lowest, now].slice(-1 - iterations);
    const before = kept.length > iterations ? kept[0]! : Infinity;
    this.#state = { lowest: kept, rests: Number.isFinite(before) && before - now < relative * Math.abs(before), isOver: false };
  }

  /** True after the last iteration. */
  get isOver(): boolean {
    return this.#state.isOver;
  }

  /** Whether no iteration is to begin any more when `underWay` have begun whose losses are not known. */
  ends(underWay: number): boolean {
    return this.#state.isOver || (this.#state.rests && underWay > 0);
  }

  get state(): PlateauState {
    return this.#state;
  }

  /** Goes on from a state, or starts anew. */
  reset(state: PlateauState = FRESH): void {
    this.#state = state;
  }
}
