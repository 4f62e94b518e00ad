// A session for which the device has too little memory: planned again to take less, a few times at most, each time less than
// what was refused. A chunk of its own: it is loaded when memory has run out.

import { mebibytes, memoryUse } from '../gpu/buffers.ts';
import { WgpuStyleError, type Shortage } from '../gpu/errors.ts';
import { wantedOf } from './demands.ts';
import { leastBytes, refusal, warn } from './fit.ts';
import type { SessionParts } from './session-parts.ts';
import type { SessionPlan } from './session-plan.ts';

/** Times that it is tried again. */
const ATTEMPTS = 6;

/** The next attempt takes this share of what was refused, at most, where there is a way to. */
const LESS = 0.9;

/** Bytes that a session has had on a device before it ran out of memory, and that were refused. */
interface Bounds {
  readonly had: number;
  readonly refused: number;
}

/** Bounds from one more failure, with the bytes that were held beside the session on the device that failed. */
function narrowed({ had, refused }: Bounds, { held, asked }: Shortage, beside: number): Bounds {
  const less = Math.min(refused, asked - beside);
  // What one failure has had may be more than another was refused: others use the GPU too.
  return { had: Math.min(Math.max(had, held - beside), less), refused: less };
}

/**
 * What the next attempt may take, `least` being what no way to build it does without: if nothing was refused yet no limit, else
 * halfway down to what was there before; the last one no more than that.
 */
function nextLimit({ had, refused }: Bounds, least: number, isLast: boolean): number | undefined {
  if (refused === Infinity) return undefined;
  const safe = Math.max(had, least);
  const most = isLast ? safe : (safe + refused) / 2;
  return Math.max(least, Math.floor(Math.min(most, LESS * refused)));
}

/**
 * What `attempt` makes of `given` with less memory, after it has failed with `first` and given everything back: for want of
 * memory, or because no way to build it takes as little as `given.deviceBytes`, which a coarser scale made do with. Warns of it.
 *
 * @throws `out-of-memory` with what is needed, what was had and the longest side that fits; what else `attempt` throws.
 */
export async function replanned<T extends { readonly plan: SessionPlan }>(
  given: SessionParts,
  first: WgpuStyleError,
  attempt: (parts: SessionParts) => Promise<T>,
): Promise<T> {
  const { device, helpers = [], vgg, pictures, options } = given;
  const { buildIteration, guidanceOf } = await import('./iteration.ts');
  const guidance = given.guidance ?? (await guidanceOf(pictures, vgg.layers, wantedOf(options).style, options.maskMode));
  const parts = { ...given, guidance };
  const devices = [device, ...helpers];
  const beside = devices.map((each) => memoryUse(each).bytes);
  const narrow = (shortage: Shortage): Bounds => narrowed(bounds, shortage, beside[devices.findIndex((each) => shortage.isOn(each))]!);
  let bounds: Bounds = { had: 0, refused: Infinity };
  if (first.shortage) bounds = narrow(first.shortage);
  let least = await leastBytes(parts, buildIteration);
  // Where counting says that nothing takes less than was refused, nothing is tried.
  for (let i = 0; i < ATTEMPTS && least < bounds.refused; i++) {
    // What was given back is there again when the GPU is done with it. A device that is lost says so at the next call.
    await Promise.all(devices.map(({ queue }) => queue.onSubmittedWorkDone().catch(() => undefined)));
    const deviceBytes = nextLimit(bounds, least, i === ATTEMPTS - 1);
    try {
      const made = await attempt({ ...parts, deviceBytes, onWarning: () => undefined });
      if (deviceBytes !== undefined) {
        const gaveOut = `the device gave out at ${mebibytes(bounds.refused)}`;
        warn(given, `out of memory: ${gaveOut}; planned again below ${mebibytes(deviceBytes)}: ${wayOf(made.plan)}`);
      }
      return made;
    } catch (error) {
      if (error instanceof WgpuStyleError && error.shortage) bounds = narrow(error.shortage);
      else if (!isTooSmall(error) || deviceBytes === undefined) throw error;
      // There is no way with so little: perhaps with just less than was refused.
      else least = Math.max(least + 1, bounds.refused - 1);
    }
  }
  throw await refusal(parts, buildIteration, bounds.had, first);
}

/** Whether no way to build a session takes as little as was allowed. */
function isTooSmall(error: unknown): boolean {
  return error instanceof WgpuStyleError && (error.code === 'limit-exceeded' || error.code === 'out-of-memory');
}

function wayOf({ tiles, storage, recomputes, history }: SessionPlan): string {
  return [
    tiles ? `${tiles.count} tiles` : 'the whole picture',
    ...(storage ? ['activations in 16 bits'] : []),
    ...(recomputes ? ['the first activation computed twice'] : []),
    ...(history === undefined ? [] : [`${history} pairs of L-BFGS`]),
  ].join(', ');
}
