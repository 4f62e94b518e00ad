// Our SHA-256 against Node's, at every length around a block and in odd pieces.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Sha256 } from '../../src/vgg/sha256.ts';
import { randomValues } from '../check.ts';

const bytes = Uint8Array.from(randomValues(1000, 7), (value) => value * 128);

test.each([0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000])('%i bytes', (length) => {
  const message = bytes.subarray(0, length);
  const expected = createHash('sha256').update(message).digest('hex');
  expect(new Sha256().update(message).hex()).toBe(expected);
  const inPieces = new Sha256();
  for (let at = 0, size = 1; at < length; at += size, size = (size * 3) % 97 || 1) {
    inPieces.update(message.subarray(at, Math.min(length, at + size)));
  }
  expect(inPieces.hex()).toBe(expected);
});

test('a hash that was read may be fed more', () => {
  const hash = new Sha256().update(bytes.subarray(0, 70));
  hash.hex();
  const expected = createHash('sha256').update(bytes).digest('hex');
  expect(hash.update(bytes.subarray(70)).hex()).toBe(expected);
});
