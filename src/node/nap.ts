// Dawn's binding for Node looks for finished GPU work in every turn of the event loop and never pauses, which keeps one
// core busy for as long as a promise is pending. A software adapter needs that core for the work itself: on two cores
// and Mesa 25 lavapipe, a two-core-bound shader took 5.2 s plain and 3.5 s with this file (2026-11-24). So the loop
// sleeps a little between looks. Delete this file when `webgpu` sleeps by itself.

/** Longest sleep between two looks, in milliseconds. */
const LONGEST_NAP = 1;
/** A nap is this part of the time waited so far, so that a wait of 2 ms on a fast GPU is late by 5 %, not by half. */
const NAP_SHARE = 0.05;

const cell = new Int32Array(new SharedArrayBuffer(4));
let pending = 0;
let waitingSince = 0;
let isLooping = false;

/** How long to sleep after having waited for `waited` milliseconds. */
export function napLength(waited: number): number {
  return Math.min(LONGEST_NAP, waited * NAP_SHARE);
}

function loop(): void {
  if (pending === 0) {
    isLooping = false;
    return;
  }
  const length = napLength(performance.now() - waitingSince);
  // Under 20 µs the sleep costs more than the look.
  if (length > 0.02) Atomics.wait(cell, 0, 0, length);
  setImmediate(loop);
}

/** Sleeps between Dawn's looks until `promise` is settled, and gives it back. */
export function napUntil<T>(promise: Promise<T>): Promise<T> {
  pending++;
  waitingSince = performance.now();
  if (!isLooping) {
    isLooping = true;
    setImmediate(loop);
  }
  const settled = (): void => {
    pending--;
    waitingSince = performance.now();
  };
  promise.then(settled, settled);
  return promise;
}

/** The classes that the `webgpu` package exports, as far as waiting goes. */
export interface WaitingClasses {
  readonly GPUBuffer: { readonly prototype: Pick<GPUBuffer, 'mapAsync'> };
  readonly GPUQueue: { readonly prototype: Pick<GPUQueue, 'onSubmittedWorkDone'> };
}

const isInstalled = Symbol.for('wgpu-style.nap');

/**
 * Makes `mapAsync` and `onSubmittedWorkDone` nap while they wait. Takes the classes of the `webgpu` package, whose
 * methods are ordinary writable properties; a second call changes nothing.
 */
export function installNap({ GPUBuffer, GPUQueue }: WaitingClasses): void {
  const buffer = GPUBuffer.prototype;
  const queue = GPUQueue.prototype;
  if (isInstalled in queue) return;
  const { mapAsync } = buffer;
  const { onSubmittedWorkDone } = queue;
  buffer.mapAsync = function (this: GPUBuffer, ...args): Promise<undefined> {
    return napUntil(mapAsync.apply(this, args));
  };
  queue.onSubmittedWorkDone = function (this: GPUQueue): Promise<undefined> {
    return napUntil(onSubmittedWorkDone.call(this));
  };
  Object.defineProperty(queue, isInstalled, { value: true });
}
