// Hashes of weights whose whole file was read and verified on this machine, in the cache folder: what
// later, partial downloads of the same file are compared with.

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { HashRecords, WeightHashes } from '../vgg/trust.ts';
import { writeFileAtomic } from './files.ts';
import { cacheFolder } from './known-networks.ts';

/** By the hash of the file. */
type Recorded = Readonly<Record<string, WeightHashes>>;

/** The records of the cache folder. */
export const hashRecords: HashRecords = {
  read: async (fileSha256) => (await readRecorded()).get(fileSha256),
  write: async (fileSha256, hashes) => {
    try {
      const recorded = await readRecorded();
      recorded.set(fileSha256, { ...recorded.get(fileSha256), ...hashes });
      await mkdir(cacheFolder(), { recursive: true });
      const text = JSON.stringify(Object.fromEntries(recorded), null, 2);
      await writeFileAtomic(recordFile(), new TextEncoder().encode(text));
    } catch {
      // No cache, no records: the next whole import writes them.
    }
  },
};

function recordFile(): string {
  return path.join(cacheFolder(), 'verified.json');
}

async function readRecorded(): Promise<Map<string, WeightHashes>> {
  try {
    const recorded = JSON.parse(await readFile(recordFile(), 'utf8')) as Recorded;
    return new Map(Object.entries(recorded).filter(([, hashes]) => hashes instanceof Object));
  } catch {
    return new Map();
  }
}
