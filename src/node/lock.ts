// One process at a time: a file beside what is to be made, whose time its owner renews. Owners that
// died leave it behind, and it grows old; that needs no process numbers, which mean nothing across
// containers that share a folder.

import { open, stat, unlink, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../gpu/errors.ts';

/** How to wait; times in milliseconds. */
export interface LockOptions {
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Called once when another process has the lock. */
  readonly onWait?: (() => void) | undefined;
  /** A lock that was not renewed for so long belongs to nobody. Default 20,000. */
  readonly staleAfter?: number | undefined;
}

/**
 * Runs `work` while no other process runs work under the same `file`. Where the file cannot be
 * written it runs all the same: whoever can lock nothing can spoil nothing. Throws `aborted`, and
 * what `work` throws.
 */
export async function exclusively<T>(
  file: string,
  { where, signal, onWait, staleAfter = 20_000 }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  let hasWaited = false;
  for (;;) {
    throwIfAborted(signal, where);
    const taken = await take(file);
    if (taken !== 'taken by another') {
      const renewing = setInterval(() => void renew(file), staleAfter / 4);
      renewing.unref();
      try {
        return await work();
      } finally {
        clearInterval(renewing);
        if (taken === 'taken') await unlink(file).catch(() => undefined);
      }
    }
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0, // gone meanwhile
    );
    if (age > staleAfter) await unlink(file).catch(() => undefined);
    else {
      if (!hasWaited) onWait?.();
      hasWaited = true;
      await sleep(Math.min(250, staleAfter / 4));
    }
  }
}

async function take(file: string): Promise<'taken' | 'taken by another' | 'impossible'> {
  try {
    await (await open(file, 'wx')).close();
    return 'taken';
  } catch (error) {
    return (error as { code?: string }).code === 'EEXIST' ? 'taken by another' : 'impossible';
  }
}

async function renew(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => undefined);
}
