// A run whose device is lost: what was kept of it goes with the error, and with the option `recover` the run goes on
// from there on another device. The option is checked here too.

import { isLost, requestDevice } from '../gpu/device.ts';
import { badOption, throwIfAborted, WgpuStyleError } from '../gpu/errors.ts';
import { show } from './check-recipe.ts';
import type { StyledPicture } from './picture.ts';

/** What is done against the loss of the device. */
export interface RecoverOptions {
  /** Iterations from one kept state to the next, from 1: no more are ever done twice. Default 25. */
  readonly every?: number;
  /** Devices that are tried after a loss until one gets further than the last; 0 only keeps the state. Default 5. */
  readonly attempts?: number;
  /** Gives the next device, where none of several is left; the run destroys it at its end. Default: `requestDevice()`. */
  readonly device?: () => Promise<GPUDevice>;
}

/** What was kept of a run, as {@link styleTransfer} keeps it with `recover` or `checkpoint`. */
export interface Kept {
  /** Goes on where it was made, given as `resume`. */
  readonly checkpoint: Uint8Array<ArrayBuffer>;
  readonly iteration: number;
  /** The picture at that iteration. */
  readonly picture: StyledPicture;
}

/** The error of a run whose device was lost: code `device-lost`, with what was kept, if anything was. */
export class DeviceLostError extends WgpuStyleError {
  readonly kept: Kept | undefined;

  constructor(cause: unknown, kept: Kept | undefined) {
    super('device-lost', {
      what: `the GPU device was lost${kept ? ` after iteration ${kept.iteration}` : ' before a state was kept'}: ${reasonOf(cause)}`,
      where: 'styleTransfer',
      fix: kept
        ? "Give the error's kept.checkpoint as resume, on a new device; or recover: true"
        : 'Start again on a new device; recover: true does that by itself',
      cause,
    });
    this.kept = kept;
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The option with its defaults; undefined where it is off. Throws `bad-option`. */
export function resolveRecover(recover: boolean | RecoverOptions | undefined): Required<RecoverOptions> | undefined {
  if (recover === undefined || recover === false) return undefined;
  const { every = 25, attempts = 5, device = requestDevice, ...rest } = recover === true ? {} : (recover ?? {});
  const [unknown] = Object.keys(rest);
  const isRight =
    unknown === undefined &&
    (recover === true || typeof recover === 'object') &&
    Number.isInteger(every) &&
    every >= 1 &&
    Number.isInteger(attempts) &&
    attempts >= 0 &&
    typeof device === 'function';
  if (isRight) return { every, attempts, device: () => device() };
  throw badOption('recover', `got ${show(recover)}`, 'Give true, false, or { every: from 1, attempts: from 0, device: () => … }');
}

/** How a run goes on: on another device, from what was kept of it. */
export interface Again {
  /** Those that are left of several, else a new one. */
  readonly devices: readonly GPUDevice[];
  readonly kept: Kept | undefined;
}

/** A texture to paint went away with its device; a canvas takes another device. */
export function withoutTexture<T extends { readonly preview?: object | undefined }>(options: T): Omit<T, 'preview'> {
  const { preview, ...others } = options;
  return preview && 'getContext' in preview ? options : others;
}

/** Milliseconds before the n-th attempt: a driver that was just reset needs a moment, and one that is broken no storm. */
function backOff(attempt: number): number {
  return Math.min(10_000, 100 * 4 ** (attempt - 1));
}

/** Resolves after so many milliseconds, or at once when the signal fires. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}

/**
 * Runs until it ends without the loss of a device. `run` gets undefined at first, then those of `devices` that are not lost, or
 * where none is left another one, and what to go on from. The attempts count anew whenever the run has got further.
 */
export async function recovering<T>(
  run: (again?: Again) => Promise<T>,
  { attempts, device: next }: Required<RecoverOptions>,
  devices: readonly GPUDevice[],
  signal: AbortSignal | undefined,
): Promise<T> {
  let kept: Kept | undefined;
  let own: GPUDevice | undefined;
  let attempt = 0;
  let again: Again | undefined;
  for (;;) {
    try {
      return await run(again);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      const isFurther = error.kept !== undefined && error.kept.iteration > (kept?.iteration ?? -1);
      if (isFurther) kept = error.kept;
      attempt = isFurther ? 1 : attempt + 1;
      if (attempt > attempts) throw isFurther ? error : new DeviceLostError(error.cause, kept);
    } finally {
      own?.destroy();
      own = undefined;
    }
    await pause(backOff(attempt), signal);
    throwIfAborted(signal, 'styleTransfer');
    const lost = await Promise.all(devices.map(isLost));
    const left = devices.filter((_, i) => !lost[i]);
    if (left.length === 0) own = await next();
    again = { devices: own ? [own] : left, kept };
  }
}
