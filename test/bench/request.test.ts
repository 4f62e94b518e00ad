// Which sizes suit an adapter, and how a run keeps within its time.

import { describe, expect, test } from 'vitest';
import { Budget, sidesFor } from '../../bench/request.ts';

test('software adapters get small pictures, GPUs all', () => {
  expect(sidesFor(true)).toEqual([32, 64]);
  expect(sidesFor(false)).toEqual([32, 64, 128, 256, 512]);
});

describe('the time budget', () => {
  /** Runs a family at some sides; side² / 4096 seconds each. */
  async function sidesWithin(minutes: number, sides: readonly number[]) {
    let time = 0;
    const budget = new Budget(minutes, () => time);
    const done: number[] = [];
    for (const side of sides) {
      await budget.run('step', side, async () => {
        done.push(side);
        time += (1000 * side ** 2) / 64 ** 2;
      });
    }
    return { done, skipped: budget.skipped };
  }

  test('skips what would probably end too late, and says so', async () => {
    const { done, skipped } = await sidesWithin(1, [64, 128, 256, 512, 1024]);
    // 1 + 4 + 16 s are spent; 64 s end within a minute of the end, 256 s do not.
    expect(done).toEqual([64, 128, 256, 512]);
    expect(skipped).toEqual([{ what: 'step 1024x1024', why: 'the time is up; --minutes gives more' }]);
  });

  test('guesses by the number of pixels', async () => {
    const { done, skipped } = await sidesWithin(1, [64, 256, 1024]);
    expect(done).toEqual([64, 256]);
    expect(skipped[0]!.why).toBe('it would take some 256 s, 43 s are left; --minutes gives more');
  });

  test('goes on after a failure, and says so', async () => {
    const budget = new Budget(1, () => 0);
    await budget.run('gram', 64, () => Promise.reject(new Error('off by 3')));
    let isDone = false;
    await budget.run('pool', 64, async () => void (isDone = true));
    expect(isDone).toBe(true);
    expect(budget.failed).toEqual([{ what: 'gram 64x64', why: 'off by 3' }]);
  });

  test('begins what it knows nothing of while there is time', async () => {
    expect((await sidesWithin(0.001, [512])).done).toEqual([512]);
  });
});
