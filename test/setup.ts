// Runs around every test: a GPU error that no error scope caught is a failure of the test it happened in.

import { afterEach, expect, vi } from 'vitest';
import { takeUncapturedErrors, watchDevices } from './device.ts';

await watchDevices();

// Most networks of these tests say nothing of their input. That it is said is under test where it matters.
const { warn } = console;
if (!vi.isMockFunction(warn)) {
  vi.spyOn(console, 'warn').mockImplementation((...words: unknown[]) => {
    if (!/was assumed/.test(String(words[0]))) warn(...words);
  });
}

afterEach(async () => {
  expect(await takeUncapturedErrors(), 'uncaptured GPU errors').toEqual([]);
});
