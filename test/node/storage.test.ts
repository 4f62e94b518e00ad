// Texts in files: what was written comes back, and keys may hold anything.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fileStorage } from '../../src/node/storage.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'wgpu-style-storage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('gives back what was written, by key, and nothing for other keys', () => {
  const inner = path.join(folder, 'not', 'there', 'yet');
  const storage = fileStorage(inner);
  expect(storage.read('a')).toBeUndefined();
  storage.write('a', 'one');
  storage.write('../b/: NUL \u0000', 'two');
  storage.write('a', 'three');
  expect(storage.read('a')).toBe('three');
  expect(fileStorage(inner).read('../b/: NUL \u0000')).toBe('two');
  expect(storage.read('b')).toBeUndefined();
  expect(readdirSync(inner)).toHaveLength(2);
});

it('throws where it cannot write', () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  expect(() => fileStorage(file).write('a', 'one')).toThrow();
  expect(fileStorage(file).read('a')).toBeUndefined();
});
