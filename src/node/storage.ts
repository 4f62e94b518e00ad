// Small texts in the cache folder, for what a browser keeps in localStorage.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TextStorage } from '../gpu/host.ts';
import { cacheFolder } from './known-networks.ts';

/** Keeps each text in a file of its own; the name is a hash, because keys hold whatever a driver calls itself. */
export function fileStorage(folder: string = path.join(cacheFolder(), 'settings')): TextStorage {
  const fileOf = (key: string): string =>
    path.join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  return {
    read(key) {
      try {
        return readFileSync(fileOf(key), 'utf8');
      } catch {
        return undefined;
      }
    },
    write(key, text) {
      mkdirSync(folder, { recursive: true });
      const beside = `${fileOf(key)}.${process.pid}`;
      writeFileSync(beside, text);
      renameSync(beside, fileOf(key)); // nobody ever sees half of it
    },
  };
}
