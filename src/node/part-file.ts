// What a broken download has already brought, so that the next attempt does not ask for it again: a
// sparse file of the parts, and a list of which they are.

import { mkdir, open, readFile, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { wrapped, type ByteSource } from '../vgg/byte-source.ts';
import type { RememberedSource } from '../vgg/mirrors.ts';

/** What must be the same for parts to belong together. */
interface PartList {
  readonly address: string;
  readonly size: number | undefined;
  readonly ranges: [start: number, end: number][];
}

/** Remembers what `source` gives in `file`. Sources that cannot seek are passed through. */
export async function remembered(
  source: ByteSource,
  address: string,
  file: string,
): Promise<RememberedSource> {
  const list = `${file}.json`;
  const discard = async (): Promise<void> => {
    await unlink(file).catch(() => undefined);
    await unlink(list).catch(() => undefined);
  };
  if (!source.isSeekable) return wrapped<Pick<RememberedSource, 'discard'>>(source, { discard });
  await mkdir(path.dirname(file), { recursive: true });
  const known = await readList(list);
  const isSame = known?.address === address && known.size === source.size;
  let handle: FileHandle | undefined;
  if (isSame) handle = await open(file, 'r+').catch(() => undefined);
  const ranges = handle ? known!.ranges : [];
  handle ??= await open(file, 'w+');
  const opened = handle;
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await opened.close();
    isOpen = false;
    await source.close();
  };
  return wrapped<Pick<RememberedSource, 'read' | 'close' | 'discard'>>(source, {
    read: async (offset, length) => {
      const end = Math.min(offset + length, source.size ?? Infinity);
      if (ranges.some(([from, to]) => from <= offset && end <= to)) {
        const bytes = new Uint8Array(Math.max(0, end - offset));
        const { bytesRead } = await opened.read(bytes, 0, bytes.length, offset);
        if (bytesRead === bytes.length) return bytes;
      }
      const bytes = await source.read(offset, length);
      await opened.write(bytes, 0, bytes.length, offset);
      addRange(ranges, offset, offset + bytes.length);
      const stated: PartList = { address, size: source.size, ranges };
      await writeFile(list, JSON.stringify(stated));
      return bytes;
    },
    close,
    discard: async () => {
      await close();
      await discard();
    },
  });
}

function addRange(ranges: [number, number][], start: number, end: number): void {
  const touching = ranges.filter(([from, to]) => from <= end && start <= to);
  const rest = ranges.filter((range) => !touching.includes(range));
  const from = Math.min(start, ...touching.map((range) => range[0]));
  const to = Math.max(end, ...touching.map((range) => range[1]));
  ranges.splice(0, ranges.length, ...rest, [from, to]);
}

async function readList(file: string): Promise<PartList | undefined> {
  try {
    const list = JSON.parse(await readFile(file, 'utf8')) as PartList;
    const isPair = (range: unknown): boolean =>
      Array.isArray(range) && range.length === 2 && range.every(Number.isSafeInteger);
    return Array.isArray(list.ranges) && list.ranges.every(isPair) ? list : undefined;
  } catch {
    return undefined;
  }
}
