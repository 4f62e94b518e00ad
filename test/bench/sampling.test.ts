// The method of measurement, on subjects and a clock that are made up: no test depends on time.

import { describe, expect, test } from 'vitest';
import { sampleInTurns, type Subject } from '../../bench/harness/sampling.ts';

/** A world whose clock moves only by what its subjects say they took. */
function world() {
  let time = 0;
  const calls: string[] = [];
  const subject = (name: string, cost: (count: number) => number, isStamped = false): Subject => ({
    isStamped,
    async time(count) {
      calls.push(`${name}${count}`);
      const milliseconds = cost(count);
      time += Math.abs(milliseconds);
      return milliseconds;
    },
  });
  return { subject, calls, now: () => time };
}

describe('sampling', () => {
  test('goes A, B, C, then C, B, A', async () => {
    const { subject, calls, now } = world();
    const subjects = ['a', 'b', 'c'].map((name) => subject(name, (count) => 20 * count, true));
    await sampleInTurns(subjects, { seconds: 0, least: 4, now });
    // Each is warmed up and piloted first.
    expect(calls.join(' ')).toBe('a1 a1 b1 b1 c1 c1 a1 b1 c1 c1 b1 a1 a1 b1 c1 c1 b1 a1');
  });

  test('repeats what is short until a sample lasts 10 ms', async () => {
    const { subject, calls, now } = world();
    const [sampling] = await sampleInTurns([subject('a', (count) => 0.5 * count, true)], { seconds: 0, now });
    expect(calls.slice(2)).toEqual(['a20', 'a20', 'a20']);
    expect(sampling).toEqual({ values: [0.5, 0.5, 0.5], clock: 'timestamps', dropped: 0 });
  });

  test('takes the fixed cost of a submit out of wall time by differences', async () => {
    const { subject, now } = world();
    const [sampling] = await sampleInTurns([subject('a', (count) => 3 + 2 * count)], { seconds: 0, now });
    expect(sampling).toEqual({ values: [2, 2, 2], clock: 'wall difference', dropped: 0 });
  });

  test('does not repeat what takes half a second: the pilot is a sample', async () => {
    const { subject, calls, now } = world();
    const [sampling] = await sampleInTurns([subject('a', (count) => 700 * count)], { seconds: 0, now });
    expect(calls).toHaveLength(4);
    expect(sampling).toEqual({ values: [700, 700, 700], clock: 'wall', dropped: 0 });
  });

  test('drops what is not positive, and says how often', async () => {
    const { subject, now } = world();
    const given = [5, 20, -30, 20, 0, 20, 20];
    const [sampling] = await sampleInTurns([subject('a', () => given.shift()!, true)], { seconds: 0, now });
    expect(sampling).toEqual({ values: [20, 20, 20], clock: 'timestamps', dropped: 2 });
  });

  test('ends when every sample is dropped', async () => {
    const { subject, now } = world();
    const [sampling] = await sampleInTurns([subject('a', () => -20, true)], { seconds: 0, now });
    expect(sampling).toEqual({ values: [], clock: 'timestamps', dropped: 15 });
  });

  test('stops after its seconds, counted for each subject', async () => {
    const { subject, now } = world();
    const subjects = ['a', 'b'].map((name) => subject(name, (count) => 100 * count, true));
    // Five rounds of 200 ms are within two subjects' half seconds, the sixth is the first that begins later.
    const [a, b] = await sampleInTurns(subjects, { seconds: 0.5, now });
    expect([a!.values.length, b!.values.length]).toEqual([6, 6]);
  });

  test('takes at most 15 samples', async () => {
    const { subject, now } = world();
    const [sampling] = await sampleInTurns([subject('a', (count) => 20 * count, true)], { seconds: 1000, now });
    expect(sampling!.values).toHaveLength(15);
  });
});
