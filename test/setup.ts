// Runs around every test: a GPU error that no error scope caught is a failure of the test it happened in.

import { afterEach, expect } from 'vitest';
import { takeUncapturedErrors } from './device.ts';

afterEach(async () => {
  expect(await takeUncapturedErrors(), 'uncaptured GPU errors').toEqual([]);
});
