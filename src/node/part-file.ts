// What a broken download has already brought, so that the next attempt does not ask for it again: a
// sparse file of the parts, and a list of which they are, each with a hash, since a computer that
// loses power may keep the list and lose the parts.

import { createHash } from 'node:crypto';
import { open, readdir, readFile, rename, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { KeptParts } from '../vgg/mirrors.ts';
import type { FileIdentity, PartStore } from '../vgg/parts.ts';

/** As it stands in the list. */
interface Part {
  readonly offset: number;
  readonly length: number;
  readonly sha256: string;
}

interface PartList extends FileIdentity {
  readonly parts: readonly Part[];
}

/** The parts of the downloads that are to become `file`: beside it, one pair of files per address. */
export function partFiles(file: string): KeptParts {
  const prefix = `${path.basename(file)}.`;
  const discard = async (): Promise<void> => {
    const folder = path.dirname(file);
    for (const name of await readdir(folder).catch(() => [])) {
      const isOurs = name.startsWith(prefix) && /\.part(?:\.json)?$/.test(name);
      if (isOurs) await unlink(path.join(folder, name)).catch(() => undefined);
    }
  };
  const openParts = async (identity: FileIdentity): Promise<PartStore | undefined> => {
    const place = `${file}.${hashOf(identity.address).slice(0, 8)}.part`;
    try {
      return await openPair(place, `${place}.json`, identity);
    } catch {
      // A folder that cannot be written: the next attempt begins again.
      return undefined;
    }
  };
  return { open: openParts, discard };
}

async function openPair(file: string, list: string, identity: FileIdentity): Promise<PartStore> {
  const known = await readList(list);
  const isSame =
    known?.address === identity.address &&
    known.size === identity.size &&
    known.tag === identity.tag;
  let handle: FileHandle | undefined;
  if (isSame) handle = await open(file, 'r+').catch(() => undefined);
  const parts = new Map((handle ? known!.parts : []).map((part) => [part.offset, part]));
  const opened = handle ?? (await open(file, 'w+'));
  let isOpen = true;
  let isFull = false;
  return {
    get: async (offset, length) => {
      const part = parts.get(offset);
      if (part?.length !== length) return undefined;
      const bytes = new Uint8Array(length);
      const read = await opened.read(bytes, 0, length, offset).catch(() => undefined);
      if (read?.bytesRead === length && hashOf(bytes) === part.sha256) return bytes;
      parts.delete(offset);
      return undefined;
    },
    put: async (offset, bytes) => {
      if (isFull) return;
      try {
        await opened.write(bytes, 0, bytes.length, offset);
        parts.set(offset, { offset, length: bytes.length, sha256: hashOf(bytes) });
        const stated: PartList = { ...identity, parts: [...parts.values()] };
        await writeFile(`${list}.new`, JSON.stringify(stated));
        await rename(`${list}.new`, list);
      } catch {
        isFull = true; // the disk: what is kept already is still good
      }
    },
    close: async () => {
      if (isOpen) await opened.close();
      isOpen = false;
    },
  };
}

function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function readList(file: string): Promise<PartList | undefined> {
  try {
    const list = JSON.parse(await readFile(file, 'utf8')) as PartList;
    const isPart = ({ offset, length, sha256 }: Part): boolean =>
      [offset, length].every((n) => Number.isSafeInteger(n) && n >= 0) && typeof sha256 === 'string';
    return Array.isArray(list.parts) && list.parts.every(isPart) ? list : undefined;
  } catch {
    return undefined;
  }
}
