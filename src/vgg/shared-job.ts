// Work that is under way already when somebody else asks for it: whoever comes later waits for the
// same, and hears of its progress too.

import { throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { untilAborted } from './abort.ts';

/** What one asker wants. */
export interface Asker<Progress> {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Job<T, Progress> {
  readonly done: Promise<T>;
  readonly listeners: Set<(progress: Progress) => void>;
}

/** Runs `work` once per key at a time. */
export class SharedJobs<T, Progress> {
  readonly #running = new Map<string, Job<T, Progress>>();

  /**
   * The result of the job under `key`, which `work` begins if it is not under way. Throws what it
   * throws, and `aborted` when the asker's own signal fires.
   */
  async ask(
    key: string,
    asker: Asker<Progress>,
    work: (onProgress: (progress: Progress) => void) => Promise<T>,
  ): Promise<T> {
    const { where, signal, onProgress } = asker;
    throwIfAborted(signal, where);
    const others = this.#running.get(key);
    const job = others ?? this.#begin(key, work);
    if (onProgress) job.listeners.add(onProgress);
    try {
      return await (others ? untilAborted(job.done, signal) : job.done);
    } catch (error) {
      throwIfAborted(signal, where);
      // It was given up by the one who began it, not by this one.
      const isTheirs = others && error instanceof WgpuStyleError && error.code === 'aborted';
      if (isTheirs) return this.ask(key, asker, work);
      throw error;
    } finally {
      if (onProgress) job.listeners.delete(onProgress);
    }
  }

  #begin(key: string, work: (onProgress: (progress: Progress) => void) => Promise<T>): Job<T, Progress> {
    const listeners = new Set<(progress: Progress) => void>();
    const tell = (progress: Progress): void => listeners.forEach((listener) => listener(progress));
    const done = work(tell).finally(() => this.#running.delete(key));
    const job = { done, listeners };
    this.#running.set(key, job);
    return job;
  }
}
