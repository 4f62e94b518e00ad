// What slices of work took on the GPU, told late and without waiting: by the time until the queue was empty, which counts the
// work of others in the same submit too. Where the device has timestamps, timestamps.ts is better.

/** The queries that a slice's passes are to write: where its first begins and where its last ends. */
export interface Stamps {
  readonly querySet: GPUQuerySet;
  readonly begin: number;
  readonly end: number;
}

/** Measures slices; `T` is what the owner knows a slice by. */
export interface SliceClock<T> {
  /** Before a slice is recorded; then call {@link stop} with the same encoder. */
  start(): Stamps | undefined;
  /** After its passes were recorded. */
  stop(encoder: GPUCommandEncoder, slice: T): void;
  destroy(): void;
}

/** Takes slices and the milliseconds that they took together. */
export type Measured<T> = (slices: readonly T[], milliseconds: number) => void;

/** The clock that every device has. */
export function queueClock<T>(device: GPUDevice, measured: Measured<T>): SliceClock<T> {
  return new Stopwatch(device, measured);
}

/** By `onSubmittedWorkDone`. Owns nothing. */
class Stopwatch<T> implements SliceClock<T> {
  readonly #device: GPUDevice;
  readonly #measured: Measured<T>;
  #waiting: T[] = [];
  #started = 0;
  #isRunning = false;

  constructor(device: GPUDevice, measured: Measured<T>) {
    this.#device = device;
    this.#measured = measured;
  }

  start(): undefined {
    if (this.#waiting.length === 0) this.#started = performance.now();
  }

  stop(_: GPUCommandEncoder, slice: T): void {
    this.#waiting.push(slice);
    if (this.#waiting.length === 1) queueMicrotask(() => this.#watch());
  }

  destroy(): void {
    this.#waiting = [];
  }

  #watch(): void {
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isRunning = true;
    const slices = this.#waiting;
    const started = this.#started;
    this.#waiting = [];
    this.#device.queue.onSubmittedWorkDone().then(
      () => {
        this.#isRunning = false;
        this.#measured(slices, performance.now() - started);
        // Those that came meanwhile had to wait for these.
        this.#started = performance.now();
        this.#watch();
      },
      () => undefined, // the device is gone
    );
  }
}
